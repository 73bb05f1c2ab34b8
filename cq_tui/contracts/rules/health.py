"""When the health of a service contradicts itself, or that of the services it depends on.

Only documents that fit their schema are judged. Files of different services are written at different times: a claim
is compared with the report that its service must have read, one that was there well before it and has not changed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cq_tui.contracts.freshness import CLOCK_TOLERANCE
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.contracts.rules.finding import Finding, shown

Document = Mapping[str, Any]
#: Seconds after which a service has read what another one wrote.
_READ_WITHIN = 5.0
#: The trader writes its account just before its health; what lies further apart was not written together.
_WRITTEN_TOGETHER = 0.2


class _Own(NamedTuple):
    """A rule about one document of one service."""

    rule: str
    service: str
    #: The field that is named.
    field: str
    broken: Callable[[Document], bool]
    text: str


def _ok_without(field: str) -> Callable[[Document], bool]:
    return lambda health: health["status"] == "ok" and not health[field]


_OWN: tuple[_Own, ...] = (
    _Own("health.ok_without_stream", "feeder", "ws_connected", _ok_without("ws_connected"), "is false, status is ok"),
    _Own("health.ok_without_rest", "feeder", "rest_api_ok", _ok_without("rest_api_ok"), "is false, status is ok"),
    _Own(
        "health.symbols_count",
        "feeder",
        "symbols_count",
        lambda health: health["symbols_count"] > len(health["symbols"]),
        "is more than there are symbols",
    ),
    _Own(
        "health.ok_without_feeder",
        "ares",
        "feeder_health_ok",
        _ok_without("feeder_health_ok"),
        "is false, status is ok",
    ),
    _Own("health.ok_without_ares", "trader", "ares_health_ok", _ok_without("ares_health_ok"), "is false, status is ok"),
    _Own(
        "health.ok_without_balance",
        "trader",
        "account_balance_ok",
        _ok_without("account_balance_ok"),
        "is false, status is ok",
    ),
    _Own(
        "health.ok_without_integrity",
        "memory",
        "integrity_ok",
        _ok_without("integrity_ok"),
        "is false, status is ok",
    ),
    _Own(
        "health.chain_length",
        "memory",
        "chain_length",
        lambda health: health["chain_length"] > health["events_count"] + 1,
        "is more than events_count + 1",
    ),
)
#: Times of what the report tells of, which cannot be after it.
_TOLD_TIMES = ("last_symbol_update", "last_signal_time", "last_integrity_check")


def judge_health(health: Document) -> Iterator[Finding]:
    """Yield what contradicts itself in one health document."""
    for rule in _OWN:
        if rule.service == health["service"] and rule.broken(health):
            yield Finding(rule.rule, rule.text, rule.field, shown(health[rule.field]))
    for field in _TOLD_TIMES:
        if health.get(field, 0.0) > health["last_update_ts"] + CLOCK_TOLERANCE:
            yield Finding("health.later_than_report", "is after last_update_ts", field, shown(health[field]))


def judge_age(health: Document, now: float) -> Iterator[Finding]:
    """Yield what is wrong with the time of a running service's report; ``now`` in Unix seconds."""
    age, limit = now - health["last_update_ts"], FRESHNESS_LIMITS[health["service"]]
    if age < -CLOCK_TOLERANCE:
        yield Finding("health.ahead", f"is {-age:,.0f} s ahead of the clock", "last_update_ts")
    elif age > limit:
        text = f"is {age:,.0f} s old, {limit:.0f} s are allowed, and the service is running"
        yield Finding("health.stale", text, "last_update_ts")


def judge_peers(documents: Mapping[str, Document], feeder_limit: float) -> Iterator[tuple[str, Finding]]:
    """Yield where services contradict each other, with the service whose health says so.

    ``documents`` are health documents by service, and the account document as ``account``; ``feeder_limit`` is how
    old the feeder's may be for ARES, in seconds.
    """
    ares, trader, feeder = documents.get("ares"), documents.get("trader"), documents.get("feeder")
    if ares and ares["feeder_health_ok"] and (wrong := _was_not_well(ares, feeder, feeder_limit)):
        yield "ares", Finding("peers.feeder", f"is true, but health/feeder.json {wrong}", "feeder_health_ok", "true")
    if not trader:
        return
    if trader["ares_health_ok"] and (wrong := _was_not_well(trader, ares, FRESHNESS_LIMITS["ares"])):
        yield "trader", Finding("peers.ares", f"is true, but health/ares.json {wrong}", "ares_health_ok", "true")
    memory = documents.get("memory")
    if memory and not memory["integrity_ok"] and trader["status"] == "ok" and _had_read(trader, memory):
        yield "trader", Finding("peers.memory", "is ok, but health/memory.json reports damage", "status", "'ok'")
    account = documents.get("account")
    if account and abs(trader["last_update_ts"] - account["timestamp"]) <= _WRITTEN_TOGETHER:
        yield from _judge_quarantine(trader, account)


def _judge_quarantine(trader: Document, account: Document) -> Iterator[tuple[str, Finding]]:
    told = set(trader["quarantined_symbols"])
    there = set(account.get("quarantine") or ())
    if told != there:
        others = _names(told ^ there)
        text = f"differs from state/account.json in {others}"
        yield "trader", Finding("peers.quarantine", text, "quarantined_symbols", shown(trader["quarantined_symbols"]))


def _names(symbols: Iterable[str]) -> str:
    names = sorted(symbols)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _had_read(reader: Document, read: Document) -> bool:
    """Whether the report of ``reader`` was made when what ``read`` says had been there for long enough."""
    return bool(reader["last_update_ts"] >= read["last_update_ts"] + _READ_WITHIN)


def _was_not_well(reader: Document, read: Document | None, limit: float) -> str | None:
    """Return why the service read could not be called well; None if it could."""
    if read is None:
        return None
    age = reader["last_update_ts"] - read["last_update_ts"]
    if _had_read(reader, read) and read["status"] == "error":
        return "says error"
    if age > limit + _READ_WITHIN:
        return f"was {age:,.0f} s old then"
    return None

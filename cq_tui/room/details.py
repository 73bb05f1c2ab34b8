"""What is known of one row, as names and values for the detail screen. Values from outside are made harmless."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.ops.words import NOTHING, age, clean, date_and_clock, number, percent, price, quantity, signed
from cq_tui.room.service_rows import service_rows
from cq_tui.room.state import RoomState

Field = tuple[str, str]
#: Health fields that the first lines tell already, or that another pane shows in full.
_TOLD = frozenset({"service", "status", "reason", "pid", "services", "symbols"})


class Described(NamedTuple):
    """A title and its fields; a field without a name is a line of its own."""

    title: str
    fields: list[Field]


def describe(state: RoomState, subject: str, key: str, now: float) -> Described:
    """Describe a row of a pane by the pane's subject."""
    fields = _SUBJECTS[subject](state, key, now)
    return Described(f"{subject} {clean(key, 40)}", fields or [("", "It is no longer there.")])


def _service(state: RoomState, key: str, now: float) -> list[Field]:
    row = next((row for row in service_rows(state, now) if row.name == key), None)
    if row is None:
        return []
    fields = [
        ("state", row.word + (f": {clean(row.reason)}" if row.reason else "")),
        ("last report", f"{age(row.age)} ago, limit {age(row.age_limit)}" if row.age is not None else "never"),
        ("process", str(row.pid) if row.pid else NOTHING),
        ("restarts", str(row.restarts)),
        ("processor", f"{row.cpu_percent:.1f} %" if row.cpu_percent is not None else NOTHING),
        ("memory", f"{row.memory_mb:.0f} MiB" if row.memory_mb is not None else NOTHING),
    ]
    known = state.supervised(key)
    if known is not None:
        fields.append(("supervisor says", f"{known.state}, wanted {known.wanted}"))
    problem, health = state.health_problem(key), state.health_of(key)
    if problem:
        fields += [("", ""), ("file", clean(problem))]
    if health is not None:
        fields.append(("", ""))
        fields += [
            (name, value_words(name, value))
            for name, value in health.model_dump(exclude_none=True).items()
            if name not in _TOLD
        ]
    return fields


def _symbol(state: RoomState, key: str, now: float) -> list[Field]:
    ticker = state.tickers.get(key)
    if ticker is None:
        return [("price", "none yet")] if key in state.symbols else []
    decimals = ticker.decimals
    fields = [
        ("price", price(ticker.price, decimals)),
        ("24 h", percent(ticker.change_percent)),
        ("bid / ask", f"{price(ticker.bid, decimals)} / {price(ticker.ask, decimals)}"),
        ("spread", f"{ticker.spread_bp:.2f} bp"),
        ("volume 24 h", number(ticker.volume, 2)),
        ("last message", f"{age(now - ticker.timestamp)} ago, limit {age(FRESHNESS_LIMITS['feeder'])}"),
    ]
    account = state.account
    if account and (position := account.positions.get(key)):
        fields += [
            ("", ""),
            ("position", f"{quantity(position.size)} at {price(position.entry_price, decimals)}"),
            ("unrealised", signed(position.unrealized_pnl)),
            ("stop / target", f"{price(position.stop_loss, decimals)} / {price(position.take_profit, decimals)}"),
            ("protection", clean(position.protection or "not told")),
        ]
    if account and key in account.quarantine:
        fields += [("", ""), *_quarantine(state, key, now)]
    return fields


def _signal(state: RoomState, key: str, now: float) -> list[Field]:
    signal = state.trades.signals.get(key)
    if signal is None:
        return []
    return [
        ("time", date_and_clock(signal.timestamp)),
        ("symbol", clean(signal.symbol)),
        ("side", clean(signal.side)),
        ("strategy", clean(signal.strategy)),
        ("confidence", f"{signal.confidence:.2f}" if signal.confidence is not None else NOTHING),
        ("entry", price(signal.entry, None)),
        ("stop", price(signal.stop, None)),
        ("target", price(signal.target, None)),
        ("reward / risk", _reward_to_risk(signal.entry, signal.stop, signal.target)),
        ("why", clean(signal.reason or NOTHING)),
        ("outcome", clean(signal.outcome or "none yet")),
        ("key", clean(signal.natural_key)),
    ]


def _order(state: RoomState, key: str, now: float) -> list[Field]:
    order = state.trades.orders.get(key)
    if order is None:
        return []
    return [
        ("time", date_and_clock(order.timestamp)),
        ("symbol", clean(order.symbol)),
        ("side", clean(order.side)),
        ("leg", clean(order.leg or "entry")),
        ("type", clean(order.order_type or NOTHING)),
        ("status", clean(order.status)),
        ("size", quantity(order.size) if order.size is not None else NOTHING),
        ("filled", quantity(order.filled)),
        ("price", price(order.price, None)),
        ("stop price", price(order.stop_price, None)),
        ("profit", signed(order.pnl) if order.pnl is not None else NOTHING),
        ("commission", f"{quantity(order.commission or 0)} {clean(order.commission_asset)}"),
        ("refused by", clean(" ".join(filter(None, (order.refused_by, order.code))) or NOTHING)),
        ("reason", clean(order.reason or NOTHING)),
        ("order id", clean(order.order_id or NOTHING)),
        ("client order id", clean(order.key)),
        ("signal", clean(order.signal_key or NOTHING)),
        ("last change", f"{age(now - order.updated)} ago"),
    ]


def _quarantine(state: RoomState, key: str, now: float) -> list[Field]:
    row = state.account.quarantine.get(key) if state.account else None
    if row is None:
        return []
    return [
        ("quarantined", f"after {row.failures} failures in a row"),
        ("reason", clean(row.reason)),
        ("since", date_and_clock(row.since)),
        ("probe at", f"{date_and_clock(row.until)}, in {age(max(0.0, row.until - now))}"),
    ]


def value_words(name: str, value: Any) -> str:
    """Say a value that came from outside, by what its name says that it is."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and name.endswith(("_ts", "_time", "_check", "_update")):
        return date_and_clock(value if value < 1e11 else value / 1000)
    if isinstance(value, dict):
        return clean(", ".join(f"{key}: {item}" for key, item in value.items()) or NOTHING)
    if isinstance(value, list):
        return clean(", ".join(map(str, value)) or NOTHING)
    return clean(str(value))


def _reward_to_risk(entry: float | None, stop: float | None, target: float | None) -> str:
    if entry is None or stop is None or target is None or entry == stop:
        return NOTHING
    return f"{abs(target - entry) / abs(entry - stop):.2f}"


_SUBJECTS: dict[str, Callable[[RoomState, str, float], list[Field]]] = {
    "service": _service,
    "symbol": _symbol,
    "signal": _signal,
    "order": _order,
    "quarantine": _quarantine,
}

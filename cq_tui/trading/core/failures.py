"""Which refusals count as failures of a symbol. One that outdated rules explain is none: nobody announces new rules."""

from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.lane import Flight, Lane, Refusal
from cq_tui.trading.core.situation import Situation

#: Refusals that may come from outdated filters, or from a symbol that is not listed.
_FILTER, _INVALID_SYMBOL = -1013, -1121
#: The filter that judges what the account holds, by its name in the refusal.
_MAX_POSITION = "MAX_POSITION"
#: What the exchange says (with -2010) while a symbol does not trade.
_NOT_TRADING = frozenset(
    {
        "Market is closed.",
        "This order type is not possible in this trading phase.",
        "Limit orders require GTC for this phase.",
    }
)


def counts_now(s: Situation, lane: Lane, flight: Flight, refused: i.Refused) -> bool:
    """Return whether a refusal is a failure of the symbol for certain; else it is judged when its rules were read."""
    if _MAX_POSITION in refused.message:
        # Of the account, not of the symbol: it holds more than was known.
        s.account_due = min(s.account_due, s.now)
        return False
    if refused.code not in (_FILTER, _INVALID_SYMBOL) and refused.message not in _NOT_TRADING:
        return True
    if lane.rules_changed_at < flight.began:
        known = s.book.quarantine.get(lane.symbol)
        lane.refusals.append(Refusal(flight.began, refused.message, known is not None and known.probing))
        lane.awaits_rules = True
    return False


def judge_refusals(s: Situation, symbol: str) -> None:
    """Count the refusals that the rules of a symbol, read again, do not explain."""
    lane = s.lane(symbol)
    refusals, lane.refusals = lane.refusals, []
    for one in refusals:
        if lane.rules_changed_at < one.sent:
            s.record(f.SymbolFailed(symbol, one.message, s.ms))
            quarantine_if_needed(s, symbol, one.message, was_probe=one.was_probe)


def quarantine_if_needed(s: Situation, symbol: str, reason: str, *, was_probe: bool = False) -> None:
    """Quarantine a symbol that failed too often, or whose probe failed."""
    quarantine = s.book.quarantine
    known, failures = quarantine.get(symbol), quarantine.failures_of(symbol)
    if known is None and failures < quarantine.limit:
        return
    if known is not None and (not (known.probing or was_probe) or not failures):
        return
    since = s.now if known is None else known.since
    until = s.now + quarantine.seconds
    s.record(f.QuarantineBegan(symbol, reason, max(failures, 1), since, until))

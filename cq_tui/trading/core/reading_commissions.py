"""Reads what commissions a symbol costs, one symbol after the other: nothing waits for it."""

from math import inf

from cq_tui.trading.core.effects import FetchCommission, Urgency
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.situation import Situation

#: Seconds between two reads of commission rates: they are not urgent.
_COMMISSION_PAUSE = 1.0
#: Seconds until the rates of a symbol are read again, and until they are asked for again if that failed.
COMMISSION_PERIOD, COMMISSION_RETRY = 3_600.0, 10.0


def read_commissions(s: Situation) -> None:
    """Ask for the rates of the symbol that waits longest, if one is due."""
    if not s.is_reconciled or s.now < s.commissions_due or s.is_reading_commissions:
        return
    lane = min(map(s.lane, s.rules.trading), key=lambda lane: lane.commission_due, default=None)
    if lane is None or s.now < lane.commission_due:
        # Rules that come later say which symbols trade.
        s.commissions_due = inf if lane is None else lane.commission_due
        return
    s.is_reading_commissions = True
    s.send(FetchCommission(number=s.next_number(), symbol=lane.symbol, urgency=Urgency.ROUTINE))


def commission_asked(s: Situation, lane: Lane, again_after: float) -> None:
    """Note that the commission of a symbol was asked for; the next symbol's turn comes soon."""
    s.is_reading_commissions = False
    lane.commission_due = s.now + again_after
    s.commissions_due = s.now + _COMMISSION_PAUSE

"""Whether the balance of an asset is a fence: it holds no coins but ours, so two orders cannot sell more than is ours.

It is one only where that is certain. Others can buy at any time, and the stream may not tell: so balance and trades are
read after the orders were sent whose outcome is unknown, and the balance must be what the book has, less what others
are known to have taken of it, and to less than a lot.
"""

from collections.abc import Iterable
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.core.effects import FetchTrades
from cq_tui.trading.core.inquiring import lot_of, of_others, sent_at
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.situation import Situation

ZERO = Decimal(0)
#: What was read longer ago (seconds) is read again.
_FRESH = 5.0
#: A position without its stop waits no longer for balances (seconds).
_PAUSE = 1.0
#: So many seconds may lie between a cancel and the sale after it.
_CANCEL_TO_SALE = 1.0


def was_read_since(s: Situation, lane: Lane, orders: Iterable[OrderRecord]) -> bool:
    """Whether balance and trades were read after orders were sent, and of late. If not, have them read."""
    since = max(s.now - _FRESH, *map(sent_at, orders))
    if s.account_at <= since:
        s.ask_for_balances(_PAUSE)
    if lane.scanned_at <= since and not lane.scan_wanted and not s.is_reading(lane.symbol, FetchTrades):
        lane.scan_wanted = True
        s.touch(lane.symbol)
    return s.account_at > since and lane.scanned_at > since


def holds_only_ours(s: Situation, lane: Lane) -> bool:
    """Whether all that the account holds of a symbol's base asset is certainly ours, by what was read."""
    held = s.book.holdings.get(lane.symbol)
    if held is None or lane.strange:
        return False
    others = of_others(s, lane, held.base)
    if others > 0:
        return False
    balance = s.balances.get(held.base)
    total, own = ZERO if balance is None else balance.total, s.own(held.base)
    missing = own + others - total
    # Less may be what is left of others' coins after our order was executed, unless somebody is known to have taken as
    # much of ours, or less was there before. No order executes less than a lot: such dust was taken by hand.
    return (
        missing == 0
        or 0 < missing < lot_of(s, lane.symbol)
        or (total < own and "balance" in s.book.doubts.get(lane.symbol, {}))
    )


def may_have_been_sold(s: Situation, lane: Lane, rules: SymbolRules) -> bool:
    """Whether somebody else ended the protection and may have sold, where others own coins too: trades will tell.

    Who cannot cancel and sell in one request sells a moment later.
    """
    since = lane.parted_at if rules.cancel_replace_allowed else lane.parted_at + _CANCEL_TO_SALE
    if lane.scanned_at >= since or holds_only_ours(s, lane):
        return False
    if s.now < since:
        lane.wake_at(since)
    elif not lane.scan_wanted and not s.is_reading(lane.symbol, FetchTrades):
        lane.scan_wanted = True
        s.touch(lane.symbol)
    return True

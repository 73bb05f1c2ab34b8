"""Sells what earlier positions left, where a person wants a symbol flat and it has become worth an order."""

from decimal import Decimal

from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import place_sale
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.limits.losses import LossLimit, LossTier
from cq_tui.trading.money.sellable import sellable_parts

ZERO = Decimal(0)
#: While there is no fresh price or the symbol does not trade, it is tried again after so many seconds.
_RETRY_PAUSE = 5.0


def sellable_remainder(s: Situation, symbol: str) -> Decimal:
    """Return the first part of what is left in a flattened symbol without a position; 0 if no order can have it."""
    if symbol in s.book.positions or not is_flattened(s, symbol):
        return ZERO
    rules, bid = s.symbol_rules.get(symbol), s.last_bid(symbol)
    quantity = s.sellable(symbol)
    if rules is None or bid is None or not quantity:
        return ZERO
    parts = sellable_parts(rules, quantity, bid).parts
    return parts[0] if parts else ZERO


def is_flattened(s: Situation, symbol: str) -> bool:
    """Whether a person had the symbol flattened, alone or with all others, or the drawdown closes everything."""
    hold = s.book.losses.get(LossLimit.DRAWDOWN)
    if hold is not None and hold.tier is LossTier.HALT:
        return True
    return bool(s.book.locks) and ("" in s.book.locks or symbol in s.book.locks)


def sell_remainder(s: Situation, lane: Lane) -> bool:
    """Sell a part of it, if an order can have it now; return whether one is sent."""
    part = sellable_remainder(s, lane.symbol)
    if not part or any(order.symbol == lane.symbol for order in s.book.live_orders()):
        return False
    if lane.symbol in s.left_out or s.bid(lane.symbol) is None or s.now < lane.exit_pause.until:
        lane.wake_at(max(lane.exit_pause.until, s.now + _RETRY_PAUSE))
        return False
    plan = Plan(f"remainder:{lane.symbol}:{s.ms}", "", "", ZERO)
    place_sale(s, s.symbol_rules[lane.symbol], plan, part)
    return True

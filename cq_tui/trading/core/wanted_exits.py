"""When a position is to be closed: by its plan or by the price."""

from decimal import Decimal

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.protecting import is_low
from cq_tui.trading.core.remainders import is_flattened
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.exact import plain_text

#: Share below a working stop at which the price is taken to have gapped over it.
STOP_GAP_SHARE = Decimal("0.005")
#: So many refusals of protection in a row mean an exit at market.
_MOST_REFUSALS = 2


def want_exit(s: Situation, lane: Lane, position: Position, sells: list[OrderRecord]) -> None:
    """Record that a position is to be closed, when its plan or the price says so."""
    if position.exit_reason:
        return
    reason = _exit_reason(s, lane, position, sells)
    if reason:
        s.record(f.ExitWanted(lane.symbol, reason, s.ms))


def _exit_reason(s: Situation, lane: Lane, position: Position, sells: list[OrderRecord]) -> str:
    plan = position.plan
    if is_flattened(s, lane.symbol) and not plan.is_adopted:
        # Bought in spite of it: its entry was found late.
        return "the symbol was flattened"
    if plan.time_stop_ms is not None:
        if s.ms >= plan.time_stop_ms:
            return "time stop"
        lane.wake_at(plan.time_stop_ms / 1000)
    if plan.stop_loss <= 0:
        return "the position has no stop"
    if lane.protection_refused >= _MOST_REFUSALS:
        return "its protection was refused"
    bid, last = s.bid(lane.symbol), s.last_price(lane.symbol)
    if bid is None or last is None:
        return ""
    live = [order for order in sells if not order.status.is_terminal]
    stops = [order for order in live if order.leg is Leg.STOP]
    if stops and not is_low(s, position, stops):
        # The exchange is about to sell by itself; only a gap over the stop needs our help.
        if bid <= plan.stop_loss * (1 - STOP_GAP_SHARE):
            return f"price {plain_text(bid)} gapped over the stop {plain_text(plan.stop_loss)}"
    elif min(bid, last) <= plan.stop_loss:
        # A stop placed here, or moved up to here, would trigger at once.
        return f"price {plain_text(min(bid, last))} is at or below the stop {plain_text(plan.stop_loss)}"
    has_target = any(order.leg is Leg.TARGET for order in live)
    if plan.take_profit is not None and bid >= plan.take_profit and not has_target:
        return f"price {plain_text(bid)} is at or above the target {plain_text(plan.take_profit)}"
    return ""

"""How a position, or a part of it, is sold: its protection makes room for that, and goes back if it is refused."""

from decimal import Decimal
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.core.crowding import cancel_makes_room, why_no_room
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import Urgency
from cq_tui.trading.core.knowing_rules import knows_rules_now
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import place_sale
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.protecting import (
    HALT_PAUSE,
    STUCK_RULES_LIMIT,
    cancel,
    knows_permissions,
    place_protection,
    protect,
    to_cancel,
    why_nothing,
)
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.sellable import sellable_parts

#: After a refused exit, protection goes back so many seconds later.
PROTECT_AGAIN_AFTER = 2.0


def leave(s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]) -> Decision:
    """Sell all of a position, in parts where one order cannot have it. ``live``: its sell orders at the exchange."""
    sale = sellable_parts(rules, s.sellable(lane.symbol), price_for_sale(s, position))
    if not sale.parts:
        decision = protect(s, lane, position, rules, live)
        lane.stuck = why_nothing(s, lane.symbol, sale.left)
        lane.wake_at(s.now + HALT_PAUSE)
        knows_rules_now(s, lane.symbol, STUCK_RULES_LIMIT)
        return decision if decision not in (Decision.KEEP, Decision.WAIT) else Decision.STUCK
    lane.stuck = no_room = why_no_room(s, lane, rules)
    if s.now < lane.exit_pause.until:
        decision = _between_exits(s, lane, position, rules, live)
        lane.stuck = lane.stuck or no_room
        return decision
    return sell_now(s, lane, position, rules, live, sale.parts[0])


def price_for_sale(s: Situation, position: Position) -> Decimal | None:
    """Return about what a sale now would bring: the best bid, the last known one, or the stop."""
    return s.bid(position.symbol) or s.last_bid(position.symbol) or position.plan.stop_loss or None


def sell_now(
    s: Situation,
    lane: Lane,
    position: Position,
    rules: SymbolRules,
    live: list[OrderRecord],
    quantity: Decimal,
    *,
    orders_after: int = 0,
    needs_record: bool = False,
) -> Decision:
    """Send a sale, or have its place made first.

    ``orders_after``: how many orders follow it at once, to protect what stays; without room for them it is not sent.
    """
    plan = position.plan
    if not live:
        place_sale(s, rules, plan, quantity, needs_record=needs_record)
        return Decision.SELL
    if not knows_rules_now(s, lane.symbol) or not knows_permissions(s, lane):
        return Decision.CONFIRM_RULES
    if rules.cancel_replace_allowed and not cancel_makes_room(s, lane, rules):
        replaced = to_cancel(live).client_order_id
        place_sale(s, rules, plan, quantity, replaced, orders_after=orders_after, needs_record=needs_record)
        return Decision.REPLACE_BY_SALE
    lane.crowded_at = -inf
    cancel(s, live, Urgency.EXIT, orders_after=1 + orders_after)
    return Decision.CANCEL_TO_SELL


def _between_exits(
    s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]
) -> Decision:
    """Protect again when an exit was refused and its next attempt is not due."""
    lane.wake_at(lane.exit_pause.until)
    again_at = lane.exit_pause.since + PROTECT_AGAIN_AFTER
    if live or s.now < again_at:
        if not live:
            lane.wake_at(again_at)
        return Decision.WAIT
    if s.now < lane.protect_pause.until:
        lane.wake_at(lane.protect_pause.until)
        return Decision.WAIT
    return place_protection(s, lane, position, rules) or Decision.PROTECT_AGAIN

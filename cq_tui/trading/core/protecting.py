"""How a position gets its stop and target, and keeps them: never less protection for an action that may fail."""

from decimal import Decimal
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.crowding import cancel_makes_room
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import CancelList, CancelOrder, FetchAccount, Urgency
from cq_tui.trading.core.knowing_rules import knows_rules_now
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import place_oco, place_stop
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.strangers import is_own
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.sellable import Unsellable, protectable
from cq_tui.trading.protection import can_protect_by_list, on_tick, stop_type

ZERO = Decimal(0)
#: While the account is read, it is looked at again after so many seconds.
_ACCOUNT_PAUSE = 0.5
#: A halted symbol is looked at again after so many seconds; its rules are read again by their own policy.
HALT_PAUSE = 5.0
#: While rules keep a position from being sold, they are read again after so many seconds: nothing announces new ones.
STUCK_RULES_LIMIT = 15.0


def knows_permissions(s: Situation, lane: Lane) -> bool:
    """Whether it is known what the account may trade, or cannot be read: a start asks for it first."""
    if s.has_account or not s.is_reading("", FetchAccount):
        return True
    lane.wake_at(s.now + _ACCOUNT_PAUSE)
    return False


def to_cancel(live: list[OrderRecord]) -> OrderRecord:
    """Return the order whose cancel ends all: a list is canceled with any of its legs."""
    return next((order for order in live if order.leg is Leg.STOP), live[0])


def cancel(s: Situation, live: list[OrderRecord], urgency: Urgency, *, orders_after: int = 0) -> None:
    """Cancel orders of one symbol; ``orders_after``: how many orders follow at once, as of ``CancelOrder``."""
    first = to_cancel(live)
    number, symbol = s.next_number(), first.symbol
    if first.list_client_order_id is not None:
        ids = tuple(one.client_order_id for one in live if one.list_client_order_id == first.list_client_order_id)
        request = CancelList(
            number=number,
            symbol=symbol,
            urgency=urgency,
            list_client_order_id=first.list_client_order_id,
            orders_after=orders_after,
        )
        s.send(request, ids)
    else:
        single = CancelOrder(
            number=number,
            symbol=symbol,
            urgency=urgency,
            client_order_id=first.client_order_id,
            orders_after=orders_after,
        )
        s.send(single, (first.client_order_id,))


def protect(s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]) -> Decision:
    """Have a stop, and a target, cover what can be covered at the levels of the plan."""
    stops = [order for order in live if order.leg is Leg.STOP]
    if any(order.status.is_pending for order in live):
        # Accepted and not seen working yet: it is being asked for.
        return Decision.WAIT
    is_short = _is_short(s, lane, position, rules, stops)
    is_wanting = is_short or is_low(s, position, stops)
    if stops and not (is_wanting and not would_trigger(s, position)):
        lane.stuck = ""
        lane.protect_pause.succeed()
        return Decision.KEEP
    if s.now < lane.protect_pause.until:
        lane.wake_at(lane.protect_pause.until)
        return Decision.WAIT
    if not live:
        return place_protection(s, lane, position, rules) or _kind(position, rules)
    quantity = _covered_quantity(s, lane, position, rules)
    if not quantity:
        return Decision.STUCK
    if stop_type(rules) is None:
        return _keep_old_stop(s, lane) if stops else place_protection(s, lane, position, rules) or Decision.STUCK
    # A better stop can wait; a position without one cannot, nor what was added, where the old one cannot be lost.
    can_wait = bool(stops) and not (is_short and rules.cancel_replace_allowed)
    if not knows_rules_now(s, lane.symbol, must_be_read=can_wait) or (stops and not knows_permissions(s, lane)):
        return Decision.CONFIRM_RULES
    if decision := _cancel_surplus(s, position, stops, quantity):
        return decision
    legs = 1 if position.plan.target is None else 2
    if rules.cancel_replace_allowed and not cancel_makes_room(s, lane, rules, orders=legs, algo_orders=1):
        place_stop(s, rules, position.plan, quantity, replaces=to_cancel(live).client_order_id)
        return Decision.MOVE_STOP
    lane.crowded_at = -inf
    cancel(s, live, Urgency.PROTECT, orders_after=2)
    return Decision.CANCEL_TO_PROTECT


def _keep_old_stop(s: Situation, lane: Lane) -> Decision:
    """Leave a stop that cannot be placed anew; at the level that is wanted, the position is sold."""
    lane.stuck = f"{lane.symbol} takes no stop orders any more: the one that is there stays"
    knows_rules_now(s, lane.symbol, STUCK_RULES_LIMIT)
    return Decision.STUCK


def _kind(position: Position, rules: SymbolRules) -> Decision:
    by_list = position.plan.target is not None and can_protect_by_list(rules)
    return Decision.PLACE_LIST if by_list else Decision.PLACE_STOP


def place_protection(
    s: Situation, lane: Lane, position: Position, rules: SymbolRules, most: Decimal | None = None
) -> Decision | None:
    """Place stop and target, or a stop alone, for ``most`` at most; return STUCK if the rules allow neither."""
    quantity, plan = _covered_quantity(s, lane, position, rules, most), position.plan
    if not quantity or plan.stop_loss <= 0:
        return Decision.STUCK
    if not on_tick(rules, plan.stop_loss):
        lane.stuck = f"its stop {plain_text(plan.stop_loss)} lies below the tick {plain_text(rules.tick_size)}"
        return Decision.STUCK
    if plan.target is not None and can_protect_by_list(rules):
        place_oco(s, rules, plan, quantity)
        return None
    if stop_type(rules) is None:
        lane.stuck = f"{lane.symbol} takes no stop orders"
        if not position.exit_reason:
            s.record(f.ExitWanted(lane.symbol, lane.stuck, s.ms))
            s.touch(lane.symbol)
        return Decision.STUCK
    place_stop(s, rules, plan, quantity)
    return None


def _covered_quantity(
    s: Situation, lane: Lane, position: Position, rules: SymbolRules, most: Decimal | None = None
) -> Decimal:
    """Return how much a stop can cover, ``most`` at most; 0 with the reason in ``stuck`` if none can."""
    plan, held = position.plan, s.sellable(lane.symbol) if most is None else most
    coverage = protectable(rules, held, plan.stop_loss, plan.target or plan.stop_loss)
    lane.stuck = ""
    if not coverage.quantity:
        lane.stuck = why_nothing(s, lane.symbol, coverage.left)
    return coverage.quantity


def why_nothing(s: Situation, symbol: str, left: Unsellable | None) -> str:
    """Say why an order can have nothing of what is held; where others lock it, have it read whether they still do."""
    locked = s.locked_by_others(symbol)
    if locked and s.sellable(symbol) < s.available(symbol):
        s.ask_for_balances(HALT_PAUSE)
        return f"orders that are not the trader's lock {plain_text(locked)} {s.book.holdings[symbol].base}"
    return "the account holds nothing of it" if left is None else left.reason


def _is_short(s: Situation, lane: Lane, position: Position, rules: SymbolRules, stops: list[OrderRecord]) -> bool:
    """Whether the stops cover too much, or leave out what could be protected by itself."""
    covered = sum((order.remaining for order in stops), ZERO)
    if covered > s.available(lane.symbol):
        return True
    held, plan = s.sellable(lane.symbol), position.plan
    if covered >= held or not s.has_account:
        # More than the account is known to hold would be refused, and the stop be gone.
        return False
    levels = plan.stop_loss, plan.target or plan.stop_loss
    if covered >= protectable(rules, held, *levels).quantity:
        return False
    return bool(protectable(rules, held - covered, *levels).quantity)


def would_trigger(s: Situation, position: Position) -> bool:
    """Whether the exchange would refuse a stop at the level that is wanted: one that is there is better than none."""
    bid, last = s.bid(position.symbol), s.last_price(position.symbol)
    return bid is not None and last is not None and min(bid, last) <= position.plan.stop_loss


def _cancel_surplus(s: Situation, position: Position, stops: list[OrderRecord], quantity: Decimal) -> Decision | None:
    """Cancel the newest stop where the others cover all: a copy of this directory protects, too. None without one.

    Copies with the same mark choose the same one. Else who knows that it is a copy takes back its own, and nobody more.
    """
    surplus = [stop for stop in stops if _is_enough(s, position, [one for one in stops if one is not stop], quantity)]
    if not surplus:
        return None
    own = [stop for stop in surplus if is_own(s, stop.client_order_id)]
    if not own or (s.owner.problem is None and not all(is_own(s, stop.client_order_id) for stop in stops)):
        return Decision.KEEP
    cancel(s, [max(own, key=lambda stop: stop.order_id or 0)], Urgency.PROTECT)
    return Decision.CANCEL_TO_PROTECT


def _is_enough(s: Situation, position: Position, stops: list[OrderRecord], quantity: Decimal) -> bool:
    covered = sum((stop.remaining for stop in stops), ZERO)
    return bool(stops) and covered >= quantity and not is_low(s, position, stops)


def is_low(s: Situation, position: Position, stops: list[OrderRecord]) -> bool:
    """Whether a stop stands below the level of the plan."""
    lowest = min((order.stop_price for order in stops if order.stop_price is not None), default=None)
    return lowest is not None and lowest < on_tick(s.symbol_rules[position.symbol], position.plan.stop_loss)

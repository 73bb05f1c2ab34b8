"""What a position needs: protection, another stop, an exit, or nothing. Level-triggered: a restart decides the same.

Protection is never removed for an action that may fail: the exchange's rules are checked first, and where it can, the
exchange cancels and places in one request that changes nothing when the new order does not pass its filters.
"""

from decimal import Decimal
from enum import StrEnum
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.orders import OrderRequestError
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Position
from cq_tui.trading.core.catching_up import is_caught_up
from cq_tui.trading.core.crowding import cancel_makes_room, why_no_room
from cq_tui.trading.core.effects import CancelList, CancelOrder, FetchAccount, Urgency
from cq_tui.trading.core.fence import holds_only_ours, may_have_been_sold, was_read_since
from cq_tui.trading.core.knowing_rules import knows_rules_now
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import place_oco, place_sale, place_stop
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.remainders import is_flattened, sell_remainder
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.strangers import is_own
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.sellable import Unsellable, is_dust, protectable, sellable_parts
from cq_tui.trading.protection import can_protect_by_list, on_tick, stop_type

ZERO = Decimal(0)
#: Share below a working stop at which the price is taken to have gapped over it.
STOP_GAP_SHARE = Decimal("0.005")
#: After a refused exit, protection goes back so many seconds later.
PROTECT_AGAIN_AFTER = 2.0
#: While the account is read, it is looked at again after so many seconds.
_ACCOUNT_PAUSE = 0.5
#: So many seconds an order may take to be identified.
IDENTIFIED_WITHIN = 2.0
#: Sell orders without a position are canceled after so many seconds.
LEFTOVER_AFTER = 2.0
#: A halted symbol is looked at again after so many seconds; its rules are read again by their own policy.
_HALT_PAUSE = 5.0
#: While rules keep a position from being sold, they are read again after so many seconds: nothing announces new ones.
_STUCK_RULES_LIMIT = 15.0
#: So many refusals of protection in a row mean an exit at market.
_MOST_REFUSALS = 2


class Decision(StrEnum):
    """What was decided for a position: the branches that tests must reach."""

    WAIT = "wait"
    HALTED = "halted"
    CATCH_UP = "read first what an earlier process sold"
    CONFIRM_RULES = "read the rules before protection is removed"
    STUCK = "not sellable"
    KEEP = "keep"
    FENCE = "protect while an outcome is unknown"
    SELL_AGAIN = "sell again while an outcome is unknown"
    PLACE_LIST = "place stop and target"
    PLACE_STOP = "place a single stop"
    MOVE_STOP = "replace by a single stop"
    CANCEL_TO_PROTECT = "cancel, then protect"
    SELL = "sell"
    REPLACE_BY_SALE = "replace by a sale"
    CANCEL_TO_SELL = "cancel, then sell"
    PROTECT_AGAIN = "protect again after a refused exit"
    SELL_REMAINDER = "sell what earlier positions left"
    CANCEL_LEFTOVERS = "cancel what outlives its position"


def look_after(s: Situation, lane: Lane) -> Decision:
    """Decide what the position in a symbol needs, and send it."""
    position = s.book.positions.get(lane.symbol)
    rules = s.symbol_rules.get(lane.symbol)
    if position is None or is_remainder(s, lane, position):
        lane.stuck = ""
        is_selling = is_caught_up(s, lane) and sell_remainder(s, lane)
        return Decision.SELL_REMAINDER if is_selling else _clear_leftovers(s, lane)
    closed = "" if rules is None else _why_closed(s, rules)
    if rules is None or closed:
        lane.stuck = closed
        lane.wake_at(s.now + _HALT_PAUSE)
        return Decision.HALTED
    sells = [order for order in s.book.orders_of(lane.symbol) if order.side == "SELL"]
    want_exit(s, lane, position, sells)
    position = s.book.positions[lane.symbol]
    if any(order.client_order_id in lane.inquiries and s.book.awaits_end(order) for order in sells):
        # It is being asked for; what is sent now would only meet orders that have ended.
        return Decision.WAIT
    live = [order for order in sells if order.status.is_accepted]
    if _is_identifying(s, lane, rules, is_bare=not live):
        return Decision.WAIT
    if undecided := [order for order in sells if is_open_question(order)]:
        return _fence(s, lane, position, rules, undecided)
    if not is_caught_up(s, lane):
        return Decision.CATCH_UP
    try:
        if position.exit_reason:
            return _leave(s, lane, position, rules, live)
        return _protect(s, lane, position, rules, live)
    except OrderRequestError as error:
        # Nothing was recorded or sent: the position stays as it is, and a person hears of it.
        lane.stuck = f"the order that it needs cannot be made: {error}"
        return Decision.STUCK


def _is_identifying(s: Situation, lane: Lane, rules: SymbolRules, *, is_bare: bool) -> bool:
    """Whether it is being found out what others did with what is ours: a copy may trade, or a full disk kept no record.

    Another sale would sell coins of others. Where no answer comes, nothing waits any longer.
    """
    if not (_has_strange_sale(lane) or (is_bare and may_have_been_sold(s, lane, rules))):
        lane.strange_since = inf
        return False
    lane.strange_since = min(lane.strange_since, s.now)
    until = lane.strange_since + IDENTIFIED_WITHIN
    if s.now >= until:
        return False
    lane.wake_at(until)
    return True


def _has_strange_sale(lane: Lane) -> bool:
    """Whether an order is asked for that may be a sale of ours."""
    return any(not trades or any(not one.is_buyer for one in trades.values()) for trades in lane.strange.values())


def _why_closed(s: Situation, rules: SymbolRules) -> str:
    """Return why the exchange takes no order of ours in a symbol now; empty if it does."""
    if reason := s.left_out.get(rules.symbol):
        return reason
    return "" if not s.permissions or rules.may_trade(s.permissions) else "this account may not trade it"


def _knows_permissions(s: Situation, lane: Lane) -> bool:
    """Whether it is known what the account may trade, or cannot be read: a start asks for it first."""
    if s.has_account or not s.is_reading("", FetchAccount):
        return True
    lane.wake_at(s.now + _ACCOUNT_PAUSE)
    return False


def _clear_leftovers(s: Situation, lane: Lane) -> Decision:
    """Cancel sell orders that outlive their position: they could only sell coins that are not ours."""
    orders = s.book.orders_of(lane.symbol)
    live = [order for order in orders if order.side == "SELL" and order.status.is_working]
    is_entering = any(order.lacks_trades or not order.status.is_terminal for order in orders if order.side == "BUY")
    if not live or is_entering:
        lane.leftover_since = inf
        return Decision.KEEP
    if lane.leftover_since == inf:
        # The other leg of a list that just filled ends by itself; the exchange is about to say so.
        lane.leftover_since = s.now
        for order in live:
            s.inquire(order.client_order_id, delay=LEFTOVER_AFTER / 2)
    if s.now < lane.leftover_since + LEFTOVER_AFTER:
        lane.wake_at(lane.leftover_since + LEFTOVER_AFTER)
        return Decision.WAIT
    lane.leftover_since = s.now
    _cancel(s, live, Urgency.RESOLVE)
    return Decision.CANCEL_LEFTOVERS


def is_remainder(s: Situation, lane: Lane, position: Position) -> bool:
    """Whether what is held is worth next to nothing: it stays in the book, and the position is over."""
    held, rules = s.book.holdings.get(lane.symbol), s.symbol_rules.get(lane.symbol)
    if held is None or not held.quantity:
        return True
    if rules is None or not position.bought:
        return not position.bought
    return is_dust(held, rules, s.last_bid(lane.symbol), position.spent)


def is_about_to_fill(s: Situation, lane: Lane, order: OrderRecord) -> bool:
    """Whether an order's list was triggered and its fill is still awaited: it is being asked for."""
    return order.client_order_id in lane.inquiries and s.book.awaits_fill(order)


def is_open_question(order: OrderRecord) -> bool:
    """Whether what this order sold is not known, or about to change: another order could sell twice."""
    if order.leg is Leg.EXIT and order.status.is_working:
        return True
    return order.status.is_undecided or order.lacks_trades


# Wishes


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
    if stops and not _is_low(s, position, stops):
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


# Unknown outcomes


def _fence(s: Situation, lane: Lane, position: Position, rules: SymbolRules, undecided: list[OrderRecord]) -> Decision:
    """Protect while an outcome is unknown, where the balance keeps anything from being sold twice."""
    inquiries = [lane.inquiries.get(order.client_order_id) for order in undecided]
    is_missing = all(one is not None and one.not_found > 0 for one in inquiries)
    is_naked = not any(order.status.is_working for order in s.book.working_stops(lane.symbol))
    if not is_missing or not is_naked:
        # What is asked about the orders goes on by itself.
        return Decision.WAIT
    if s.now < lane.protect_pause.until:
        lane.wake_at(lane.protect_pause.until)
        return Decision.WAIT
    if not was_read_since(s, lane, undecided) or not holds_only_ours(s, lane):
        return Decision.WAIT
    lane.protect_pause.fail(s.now, at_least=PROTECT_AGAIN_AFTER)
    lane.wake_at(lane.protect_pause.until)
    free, stop = _free(s, lane.symbol), position.plan.stop_loss
    if stop <= 0 or _would_trigger(s, position):
        # Whichever sale comes first leaves nothing for the other.
        sale = sellable_parts(rules, free, s.bid(lane.symbol))
        if sale.parts and not any(order.status.is_working for order in undecided):
            place_sale(s, rules, position.plan, sale.parts[0])
            return Decision.SELL_AGAIN
    if not protectable(rules, free, stop, position.plan.target or stop).quantity:
        # All of it is locked, by the order in question or by orders of others: the open orders tell.
        s.account_due = min(s.account_due, s.now)
        return Decision.WAIT
    return _place_protection(s, lane, position, rules, free) or Decision.FENCE


def _free(s: Situation, symbol: str) -> Decimal:
    """Return what of the own coins no open order locks, whosever it is."""
    balance = s.balances.get(s.book.holdings[symbol].base)
    return min(s.sellable(symbol), ZERO if balance is None else balance.free)


# Leaving


def _leave(s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]) -> Decision:
    plan, quantity = position.plan, s.sellable(lane.symbol)
    bid = s.bid(lane.symbol) or s.last_bid(lane.symbol) or plan.stop_loss
    sale = sellable_parts(rules, quantity, bid or None)
    if not sale.parts:
        decision = _protect(s, lane, position, rules, live)
        lane.stuck = _why_nothing(s, lane.symbol, sale.left)
        lane.wake_at(s.now + _HALT_PAUSE)
        knows_rules_now(s, lane.symbol, _STUCK_RULES_LIMIT)
        return decision if decision not in (Decision.KEEP, Decision.WAIT) else Decision.STUCK
    lane.stuck = no_room = why_no_room(s, lane, rules)
    if s.now < lane.exit_pause.until:
        decision = _between_exits(s, lane, position, rules, live)
        lane.stuck = lane.stuck or no_room
        return decision
    part = sale.parts[0]
    if not live:
        place_sale(s, rules, plan, part)
        return Decision.SELL
    if not knows_rules_now(s, lane.symbol) or not _knows_permissions(s, lane):
        return Decision.CONFIRM_RULES
    if rules.cancel_replace_allowed and not cancel_makes_room(s, lane, rules):
        place_sale(s, rules, plan, part, replaces=_to_cancel(live).client_order_id)
        return Decision.REPLACE_BY_SALE
    lane.crowded_at = -inf
    _cancel(s, live, Urgency.EXIT, orders_after=1)
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
    return _place_protection(s, lane, position, rules) or Decision.PROTECT_AGAIN


def _to_cancel(live: list[OrderRecord]) -> OrderRecord:
    """Return the order whose cancel ends all: a list is canceled with any of its legs."""
    return next((order for order in live if order.leg is Leg.STOP), live[0])


def _cancel(s: Situation, live: list[OrderRecord], urgency: Urgency, *, orders_after: int = 0) -> None:
    first = _to_cancel(live)
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


# Protecting


def _protect(s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]) -> Decision:
    stops = [order for order in live if order.leg is Leg.STOP]
    if any(order.status.is_pending for order in live):
        # Accepted and not seen working yet: it is being asked for.
        return Decision.WAIT
    is_wanting = _is_short(s, lane, position, rules, stops) or _is_low(s, position, stops)
    if stops and not (is_wanting and not _would_trigger(s, position)):
        lane.stuck = ""
        lane.protect_pause.succeed()
        return Decision.KEEP
    if s.now < lane.protect_pause.until:
        lane.wake_at(lane.protect_pause.until)
        return Decision.WAIT
    if not live:
        return _place_protection(s, lane, position, rules) or _kind(position, rules)
    quantity = _covered_quantity(s, lane, position, rules)
    if not quantity:
        return Decision.STUCK
    if stop_type(rules) is None:
        return _keep_old_stop(s, lane) if stops else _place_protection(s, lane, position, rules) or Decision.STUCK
    # A better stop can wait; a position without one cannot.
    if not knows_rules_now(s, lane.symbol, must_be_read=bool(stops)) or (stops and not _knows_permissions(s, lane)):
        return Decision.CONFIRM_RULES
    if decision := _cancel_surplus(s, position, stops, quantity):
        return decision
    legs = 1 if position.plan.target is None else 2
    if rules.cancel_replace_allowed and not cancel_makes_room(s, lane, rules, orders=legs, algo_orders=1):
        place_stop(s, rules, position.plan, quantity, replaces=_to_cancel(live).client_order_id)
        return Decision.MOVE_STOP
    lane.crowded_at = -inf
    _cancel(s, live, Urgency.PROTECT, orders_after=2)
    return Decision.CANCEL_TO_PROTECT


def _keep_old_stop(s: Situation, lane: Lane) -> Decision:
    """Leave a stop that cannot be placed anew; at the level that is wanted, the position is sold."""
    lane.stuck = f"{lane.symbol} takes no stop orders any more: the one that is there stays"
    knows_rules_now(s, lane.symbol, _STUCK_RULES_LIMIT)
    return Decision.STUCK


def _kind(position: Position, rules: SymbolRules) -> Decision:
    by_list = position.plan.target is not None and can_protect_by_list(rules)
    return Decision.PLACE_LIST if by_list else Decision.PLACE_STOP


def _place_protection(
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
        lane.stuck = _why_nothing(s, lane.symbol, coverage.left)
    return coverage.quantity


def _why_nothing(s: Situation, symbol: str, left: Unsellable | None) -> str:
    """Say why an order can have nothing of what is held; where others lock it, have it read whether they still do."""
    locked = s.locked_by_others(symbol)
    if locked and s.sellable(symbol) < s.available(symbol):
        s.ask_for_balances(_HALT_PAUSE)
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


def _would_trigger(s: Situation, position: Position) -> bool:
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
    _cancel(s, [max(own, key=lambda stop: stop.order_id or 0)], Urgency.PROTECT)
    return Decision.CANCEL_TO_PROTECT


def _is_enough(s: Situation, position: Position, stops: list[OrderRecord], quantity: Decimal) -> bool:
    covered = sum((stop.remaining for stop in stops), ZERO)
    return bool(stops) and covered >= quantity and not _is_low(s, position, stops)


def _is_low(s: Situation, position: Position, stops: list[OrderRecord]) -> bool:
    lowest = min((order.stop_price for order in stops if order.stop_price is not None), default=None)
    return lowest is not None and lowest < on_tick(s.symbol_rules[position.symbol], position.plan.stop_loss)

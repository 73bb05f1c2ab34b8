"""What a position needs: protection, another stop, an exit, or nothing. Level-triggered: a restart decides the same.

Protection is never removed for an action that may fail: the exchange's rules are checked first, and where it can, the
exchange cancels and places in one request that changes nothing when the new order does not pass its filters.
"""

from decimal import Decimal
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.orders import OrderRequestError
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.catching_up import is_caught_up
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import Urgency
from cq_tui.trading.core.fence import holds_only_ours, may_have_been_sold, was_read_since
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.leaving import PROTECT_AGAIN_AFTER, leave
from cq_tui.trading.core.making import place_sale
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.part_exits import leave_part
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.protecting import HALT_PAUSE, cancel, place_protection, protect, would_trigger
from cq_tui.trading.core.remainders import sell_remainder
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.wanted_exits import want_exit
from cq_tui.trading.money.sellable import is_dust, protectable, sellable_parts

ZERO = Decimal(0)
#: So many seconds an order may take to be identified.
IDENTIFIED_WITHIN = 2.0
#: Sell orders without a position are canceled after so many seconds.
LEFTOVER_AFTER = 2.0


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
        lane.wake_at(s.now + HALT_PAUSE)
        return Decision.HALTED
    sells = [order for order in s.book.live_of(lane.symbol) if order.side == "SELL"]
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
            return leave(s, lane, position, rules, live)
        if position.part is not None and (decision := leave_part(s, lane, position, rules, live)) is not None:
            return decision
        return protect(s, lane, position, rules, live)
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


def _clear_leftovers(s: Situation, lane: Lane) -> Decision:
    """Cancel sell orders that outlive their position: they could only sell coins that are not ours."""
    orders = s.book.live_of(lane.symbol)
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
    cancel(s, live, Urgency.RESOLVE)
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


# Unknown outcomes


def _fence(s: Situation, lane: Lane, position: Position, rules: SymbolRules, undecided: list[OrderRecord]) -> Decision:
    """Protect while an outcome is unknown, where the balance keeps anything from being sold twice."""
    inquiries = [lane.inquiries.get(order.client_order_id) for order in undecided]
    is_missing = all(one is not None and one.not_found > 0 for one in inquiries)
    stops, plan = s.book.working_stops(lane.symbol), position.plan
    free, levels = _uncovered(s, lane.symbol, stops), (plan.stop_loss, plan.target or plan.stop_loss)
    # What was added to a position may be bare while the old stop covers the rest of it.
    is_naked = not stops or bool(protectable(rules, free, *levels).quantity)
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
    stop = plan.stop_loss
    if stop <= 0 or would_trigger(s, position):
        # Whichever sale comes first leaves nothing for the other.
        sale = sellable_parts(rules, free, s.bid(lane.symbol))
        if sale.parts and not any(order.status.is_working for order in undecided):
            place_sale(s, rules, plan, sale.parts[0])
            return Decision.SELL_AGAIN
    if not protectable(rules, free, *levels).quantity:
        # All of it is locked, by the order in question or by orders of others: the open orders tell.
        s.account_due = min(s.account_due, s.now)
        return Decision.WAIT
    return place_protection(s, lane, position, rules, free) or Decision.FENCE


def _uncovered(s: Situation, symbol: str, stops: list[OrderRecord]) -> Decimal:
    """Return what of the own coins no open order locks, whosever it is."""
    balance = s.balances.get(s.book.holdings[symbol].base)
    covered = sum((order.remaining for order in stops), ZERO)
    return max(min(s.sellable(symbol) - covered, ZERO if balance is None else balance.free), ZERO)

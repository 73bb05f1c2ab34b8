"""Ends doubts about single orders by evidence: a query that finds the order, or trades and balances that agree.

"Not found" may be a stale replica, and an order may still arrive within recvWindow after its answer was lost. So "not
found" counts only long after sending, several times, and when the account's trades and balances, read later, have no
trace of the order either.
"""

from decimal import Decimal
from math import inf

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import QueryOrder, Urgency
from cq_tui.trading.core.hearing import STOP_PERIOD, end_pending_legs
from cq_tui.trading.core.identifying import ask_for_name
from cq_tui.trading.core.lane import FIRST_DELAY, LONGEST_DELAY, MIN_QUERIES, Inquiry, Lane
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.reading_trades import fetch_missing
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.strangers import identify
from cq_tui.trading.order_life import Heard, hear

ZERO = Decimal(0)
#: "Not found" is evidence after some queries, and so many seconds after sending: the exchange accepts a request for
#: recvWindow (5 s, plus 1 s for a clock that is ahead), and its queries may lag behind.
MIN_SECONDS = 10.0
#: A query is asked again if nothing came back for so long.
_QUERY_PATIENCE = 30.0
#: After so many answers "not found", the symbol's doubt is named.
_NAMED_AFTER = 5


def ask(s: Situation, lane: Lane) -> None:
    """Query the next order of a symbol that is due, and fetch missing trades."""
    _ask_for_late(s, lane)
    for name, inquiry in list(lane.inquiries.items()):
        order = s.book.orders.get(name)
        if order is None or _is_over(order):
            del lane.inquiries[name]
        elif s.now < inquiry.next_at:
            lane.wake_at(inquiry.next_at)
        elif not s.is_asking(lane.symbol):
            inquiry.next_at = s.now + _QUERY_PATIENCE
            s.send(
                QueryOrder(number=s.next_number(), symbol=lane.symbol, urgency=_urgency(order), client_order_id=name),
                (name,),
            )
    fetch_missing(s, lane)
    ask_for_name(s, lane)
    _look_at_stop(s, lane)


def _is_over(order: OrderRecord) -> bool:
    return order.status.is_terminal and not order.lacks_trades


def _ask_for_late(s: Situation, lane: Lane) -> None:
    """Ask for the orders of a change whose answer is late: the stream, which usually tells of them, may be silent."""
    for flight in s.changes(lane.symbol):
        if s.now >= flight.ask_at:
            flight.ask_at = s.now + 2 * (s.now - flight.began)
            for name in flight.ids:
                order = s.book.orders.get(name)
                if order is not None and not order.status.is_terminal:
                    s.inquire(name)
        lane.wake_at(flight.ask_at)


def _look_at_stop(s: Situation, lane: Lane) -> None:
    """Query a position's working stop that nothing was heard of: the stream may be silent although it is not broken.

    A query weighs 4 of the 6,000 of a minute (the exchange's documentation of ``GET /api/v3/order``).
    """
    if not s.is_reconciled or lane.symbol not in s.book.positions or s.is_reading(lane.symbol, QueryOrder):
        return
    stop = next(iter(s.book.working_stops(lane.symbol)), None)
    if stop is None or stop.client_order_id in lane.inquiries:
        return
    if s.now >= lane.stop_due:
        lane.stop_due = s.now + STOP_PERIOD
        number, name = s.next_number(), stop.client_order_id
        s.send(QueryOrder(number=number, symbol=lane.symbol, urgency=Urgency.ROUTINE, client_order_id=name))
    lane.wake_at(lane.stop_due)


def _urgency(order: OrderRecord) -> Urgency:
    return Urgency.PROTECT if order.leg in (Leg.STOP, Leg.TARGET) else Urgency.RESOLVE


def not_found(s: Situation, name: str) -> None:
    """Take the answer that no such order is known."""
    order = s.book.orders.get(name)
    if order is None or _is_over(order):
        return
    lane = s.lane(order.symbol)
    inquiry = lane.inquiries.setdefault(name, Inquiry(s.now, s.now))
    inquiry.not_found += 1
    inquiry.unanswered = 0
    inquiry.missing_since = min(inquiry.missing_since, s.now)
    inquiry.next_at = s.now + min(FIRST_DELAY * 2.0 ** min(inquiry.not_found - 1, 10), LONGEST_DELAY)
    # Where no query finds it yet, its trades may be known.
    lane.scan_wanted = lane.scan_wanted or order.order_type == "MARKET"
    lane.wake_at(inquiry.next_at)
    if any(name in flight.ids for flight in s.changes(order.symbol)):
        # Its request is still under way.
        return
    if inquiry.not_found < MIN_QUERIES or s.now - sent_at(order) < MIN_SECONDS:
        return
    if inquiry.evidence_from == inf:
        # From here on, trades and balances are asked for; what was read before proves nothing.
        inquiry.evidence_from = s.now
        lane.scan_wanted = True
        s.ask_for_balances()
        return
    if inquiry.not_found >= _NAMED_AFTER:
        s.doubt(order.symbol, "outcome", f"the outcome of the {order.leg} order {name} is unknown")
    judge(s, lane, order, inquiry)


def found_another(s: Situation, query: QueryOrder) -> None:
    """Take that a query by an id of ours found another order: of ours, its number or the trades can tell."""
    order = None if query.client_order_id is None else s.book.orders.get(query.client_order_id)
    if order is None or _is_over(order):
        return
    if order.order_id is not None:
        identify(s, order.symbol, order.order_id)
        return
    s.lane(order.symbol).scan_wanted = True
    not_found(s, order.client_order_id)


def judge(s: Situation, lane: Lane, order: OrderRecord, inquiry: Inquiry) -> None:
    """Conclude that an order never arrived, or is gone, when everything that was read since agrees."""
    since = inquiry.evidence_from
    has_read = lane.scanned_at > since and s.account_at > since
    if not has_read:
        lane.scan_wanted = True
        s.ask_for_balances()
        return
    if lane.strange or not _may_conclude(s, order, inquiry):
        # Its queries go on, each later than the one before, and what they find is judged again.
        lane.scan_wanted = True
        s.ask_for_balances()
        return
    has_ended = order.status.is_terminal
    if order.order_type == "MARKET" and order.executed and not has_ended:
        reason = "a market order ends at once, and its trades tell what it did"
    elif order.order_id is None:
        reason = f"not found by {inquiry.not_found} queries, and neither trades nor balances know it"
    else:
        reason = "the exchange no longer knows it"
        text = f"the exchange no longer knows {order.client_order_id}, which it had accepted: its past was wiped"
        s.doubt("", "venue_wiped", text)
    conclude(s, lane, order, reason, gives_up=has_ended)
    if not lane.inquiries:
        s.end_doubt(order.symbol, "outcome", reason)


def _may_conclude(s: Situation, order: OrderRecord, inquiry: Inquiry) -> bool:
    """Whether what was read leaves nothing to wait for."""
    # Where coins went without a trade, the balance is a doubt of its own.
    is_settled = inquiry.is_settled(s.now)
    if order.status.is_terminal:
        # It was executed, and its trades are missing. Orders that protect what it bought would speak for it; and of
        # what was sold, a person has the last word.
        sells = (one for one in s.book.orders_of(order.symbol) if one.side == "SELL")
        return is_settled and order.side == "BUY" and not any(one.status.is_accepted for one in sells)
    can_be_gone = order.order_id is not None or order.side == "SELL"
    return (is_settled and can_be_gone) or _balance_agrees(s, order)


def conclude(s: Situation, lane: Lane, order: OrderRecord, reason: str, *, gives_up: bool) -> None:
    """Take an order that no query finds for one that never arrived, or is gone; ``gives_up``: with missing trades."""
    heard = Heard.NEVER_ARRIVED if order.order_id is None else Heard.GONE
    status = hear(order.status, heard).status
    gives_up = gives_up and order.lacks_trades
    s.record(f.OrderSeen(order.client_order_id, status, s.ms, reason=reason, gives_up=gives_up))
    lane.inquiries.pop(order.client_order_id, None)
    if heard is Heard.GONE:
        # Its cancel need not be tried again.
        lane.exit_pause.succeed()
        lane.protect_pause.succeed()
    # One request placed the whole list: its pending orders never arrived either.
    end_pending_legs(s, s.book.orders[order.client_order_id], s.ms)


def _balance_agrees(s: Situation, order: OrderRecord) -> bool:
    """Whether the balance of the base asset is what it would be if the order had not been executed."""
    held = s.book.holdings.get(order.symbol)
    if held is None:
        return True
    balance = s.balances.get(held.base)
    total = ZERO if balance is None else balance.total
    own, others = s.own(held.base), of_others(s, s.lane(order.symbol), held.base)
    if order.side == "SELL":
        # Where coins are known to be missing, only trades can tell.
        missing = own + min(others, ZERO) - total
        is_doubted = "balance" in s.book.doubts.get(order.symbol, {})
        return missing <= 0 or missing < lot_of(s, order.symbol) or is_doubted
    # Before the first quiet reconciliation it is not known what is foreign; then only trades can tell.
    return not s.is_quiet_known or total <= own + others


def lot_of(s: Situation, symbol: str) -> Decimal:
    """Return the smallest quantity that an order can execute; 0 if that is not known. Where less is missing, none did.

    Orders from before the step became coarser have finer quantities.
    """
    rules = s.symbol_rules.get(symbol)
    if rules is None:
        return ZERO
    digits = (order.quantity.normalize().as_tuple().exponent for order in s.book.orders_of(symbol))
    return min([rules.step_size, *(Decimal(1).scaleb(one) for one in digits if isinstance(one, int))])


def of_others(s: Situation, lane: Lane, base: str) -> Decimal:
    """Return how many coins of the account are somebody else's, as far as is known; negative where ours are gone.

    Those of the last count, deposits and withdrawals, and what orders that are known to be somebody else's did since.
    """
    change = s.foreign.get(base, ZERO)
    for trade in lane.others.values():
        if trade.order_id in lane.foreign_order_ids:
            change += trade.quantity if trade.is_buyer else -trade.quantity
            change -= trade.commission if trade.commission_asset == base else ZERO
    return change


def sent_at(order: OrderRecord) -> float:
    """Return when an order was sent, as far as is known (Unix seconds, the exchange's)."""
    return (order.sent_ms or order.intended_ms) / 1000


def unanswered(s: Situation, name: str, at_least: float = 0.0) -> None:
    """Note that a query brought no answer: ask again later. It says nothing about the order."""
    order = s.book.orders.get(name)
    if order is None:
        return
    lane = s.lane(order.symbol)
    inquiry = lane.inquiries.get(name)
    if inquiry is not None:
        pause = min(FIRST_DELAY * 2.0 ** min(inquiry.unanswered, 10), LONGEST_DELAY)
        inquiry.unanswered += 1
        inquiry.next_at = s.now + max(pause, at_least)
        lane.wake_at(inquiry.next_at)


def connection_is_back(s: Situation) -> None:
    """Ask at once what waited because there was no answer: the pauses of an outage do not outlive it."""
    s.account_is_at_rest()
    for lane in s.lanes.values():
        if lane.scan_wanted or lane.lacking:
            lane.trades_due = min(lane.trades_due, s.now + FIRST_DELAY)
            s.touch(lane.symbol)
        for inquiry in lane.inquiries.values():
            if inquiry.unanswered:
                inquiry.unanswered, inquiry.next_at = 0, s.now
        if lane.inquiries or lane.exit_pause.failures or lane.protect_pause.failures:
            for pause in (lane.exit_pause, lane.protect_pause):
                if pause.until < inf and pause.by_outage:
                    pause.succeed()
            s.touch(lane.symbol)


def lost(s: Situation, name: str, reason: str) -> None:
    """Take the news that it is unknown whether an order reached the exchange."""
    order = s.book.orders[name]
    status = hear(order.status, Heard.NO_ANSWER).status
    if status is not order.status:
        s.record(f.OrderSeen(name, status, s.ms, reason=reason))
    s.inquire(name)

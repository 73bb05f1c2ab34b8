"""What becomes of requests: answered, refused, of unknown outcome, not sent. Each ends its flight."""

from collections.abc import Iterable

from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.binance.commission import CommissionRates
from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.binance.types import AccountInfo, BookTicker, Order, OrderList
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import (
    foreign_orders,
    identifying,
    inquiring,
    reading_commissions,
    reading_trades,
    reconciling,
    selling_foreign,
)
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.crowding import note_crowd
from cq_tui.trading.core.failures import counts_now, judge_refusals, quarantine_if_needed
from cq_tui.trading.core.hearing import hear_list, hear_order, hear_placed, hear_queried
from cq_tui.trading.core.knowing_rules import note_refusal, rules_failed, take_rules, take_unlisted
from cq_tui.trading.core.lane import Flight, Lane
from cq_tui.trading.core.leaving import PROTECT_AGAIN_AFTER
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.order_life import Heard, hear

#: "Unknown order sent" to a cancel, and the codes of "no such order" to a query.
CANCEL_REJECTED = -2011
NOT_FOUND = frozenset({-2013, -2026, -2039})
#: None of the symbols asked for is listed.
INVALID_SYMBOL = -1121
#: The exchange's text for a client order id that is already open: then the order is there.
DUPLICATE = "Duplicate order sent."
_PAUSE = 1.0


def take_started(s: Situation, started: i.Started) -> None:
    """Note that a request is on its way: its orders may reach the exchange."""
    flight = s.flights.get(started.number)
    for name in () if flight is None else flight.ids:
        order = s.book.orders.get(name)
        if order is None or not _is_placement(flight):
            continue
        if hear(order.status, Heard.STARTED).status is not order.status:
            s.record(f.OrderSent(name, s.ms))


def _is_placement(flight: Flight | None) -> bool:
    return flight is not None and isinstance(flight.request, (e.PlaceOrder, e.PlaceList, e.ReplaceOrder))


# Answered


def take_answer(s: Situation, answered: i.Answered) -> None:
    """Take the answer to a request."""
    flight = s.land(answered.number)
    if flight is None:
        return
    _connected(s)
    request, value = flight.request, answered.value
    lane = s.lane(request.symbol)
    s.touch(request.symbol)
    match request, value:
        case e.CancelOrder(order_id=int()), Order() | OrderList():
            foreign_orders.note_canceled(s, request, value)
        case e.FetchBookTicker(), BookTicker():
            selling_foreign.take_quote(s, value)
        case e.QueryOrder(order_id=int()), Order():
            identifying.take_identified(s, lane, value)
        case e.QueryOrder(), Order():
            if not hear_queried(s, value):
                inquiring.found_another(s, request)
        case e.PlaceOrder(), Order():
            hear_placed(s, value)
        case e.PlaceList(), OrderList():
            for report in value.reports:
                hear_placed(s, report)
        case e.CancelOrder(), Order():
            hear_order(s, value)
        case ((e.CancelList() | e.CancelOrder()), OrderList()):
            hear_list(s, value)
        case e.ReplaceOrder(), CancelReplaceResult():
            _take_replacement(s, lane, flight, value)
        case e.FetchTrades(), tuple():
            trades = tuple(one for one in value if not isinstance(one, Order))
            reading_trades.take_trades(s, lane, trades, flight, scan=request.order_id is None)
        case e.FetchOpenOrders(), tuple():
            orders = tuple(one for one in value if isinstance(one, Order))
            reconciling.take_open_orders(s, orders, flight)
        case e.FetchAccount(), AccountInfo():
            reconciling.take_account(s, value, flight)
        case e.FetchRules(), ExchangeInfo():
            take_rules(s, request.symbols, value)
            _judge_refusals(s, request.symbols)
        case e.FetchCommission(), CommissionRates():
            lane.commission = value.worst_buy
            reading_commissions.commission_asked(s, lane, reading_commissions.COMMISSION_PERIOD)
        case _:
            raise TypeError(f"{type(value).__name__} is no answer to {type(request).__name__}")
    _ask_for_rest(s, flight)


def _judge_refusals(s: Situation, symbols: Iterable[str]) -> None:
    for symbol in symbols:
        if symbol in s.lanes:
            judge_refusals(s, symbol)


def _ask_for_rest(s: Situation, flight: Flight) -> None:
    """Ask for the orders of a change that its answer did not show; a query has its own pauses."""
    for name in () if isinstance(flight.request, e.QueryOrder) else s.undecided_ids(flight):
        inquiring.lost(s, name, "not in the answer")


def _take_replacement(s: Situation, lane: Lane, flight: Flight, result: CancelReplaceResult) -> None:
    if isinstance(result.canceled, OrderList):
        hear_list(s, result.canceled)
    elif result.canceled is not None:
        hear_order(s, result.canceled)
    if result.placed is not None:
        hear_placed(s, result.placed)
        return
    name = flight.ids[0]
    _reject(s, name, result.message, result.code, counts=False)
    note_refusal(s, lane.symbol, result.code)
    note_crowd(s, lane, result.message)
    if result.nothing_changed:
        # What was to be canceled is no longer open, or was never: nothing is certain until it was asked for.
        s.part(lane.symbol)
        _ask_for_live(s, lane)
        _pause_for(s, lane, name)
        return
    _pause_for(s, lane, name)
    # The old protection is gone and the new order was refused: protect at once.
    lane.exit_pause.since = min(lane.exit_pause.since, s.now - PROTECT_AGAIN_AFTER)
    if s.book.orders[name].leg is Leg.STOP:
        _protection_refused(s, lane)


def _ask_for_live(s: Situation, lane: Lane) -> None:
    for order in s.book.orders_of(lane.symbol):
        if order.side == "SELL" and not order.status.is_terminal:
            s.inquire(order.client_order_id)


# Refused


def take_refusal(s: Situation, refused: i.Refused) -> None:
    """Take a refusal: nothing changed."""
    flight = s.land(refused.number)
    if flight is None:
        return
    _connected(s)
    request, lane = flight.request, s.lane(flight.request.symbol)
    s.touch(request.symbol)
    if not refused.about_symbol:
        s.exchange_problem = f"{refused.message} ({refused.code})" if refused.code is not None else refused.message
    if request.symbol:
        note_refusal(s, request.symbol, refused.code)
    match request:
        case e.PlaceOrder() | e.PlaceList() | e.ReplaceOrder():
            _take_refused_order(s, lane, flight, refused)
        case e.CancelOrder(order_id=int()):
            foreign_orders.note_refused(s, request, refused)
        case e.CancelOrder() | e.CancelList():
            # Usually it is no longer open: what became of it is asked for.
            s.part(lane.symbol)
            _ask_for_live(s, lane)
            if refused.code != CANCEL_REJECTED or flight.ids == lane.refused_cancel or _is_missing(lane, flight):
                # What became of it is not told soon: a refusal at once follows each further attempt.
                lane.exit_pause.fail(s.now)
                lane.protect_pause.fail(s.now)
            lane.refused_cancel = flight.ids
        case e.FetchRules() if refused.code == INVALID_SYMBOL:
            take_unlisted(s, request.symbols)
            _judge_refusals(s, request.symbols)
        case e.QueryOrder(client_order_id=str(name)):
            if refused.code in NOT_FOUND and request.urgency is e.Urgency.ROUTINE:
                # Nothing was in doubt: whether it is gone, the open orders show first.
                s.look_at_account_again()
            elif refused.code in NOT_FOUND:
                inquiring.not_found(s, name)
            else:
                inquiring.unanswered(s, name)
        case e.QueryOrder(order_id=int(order_id)) if refused.code in NOT_FOUND:
            identifying.no_such_order(s, lane, order_id)
        case _:
            _read_failed(s, lane, request, _PAUSE)


def _is_missing(lane: Lane, flight: Flight) -> bool:
    """Whether no query finds an order of a request."""
    return any(name in lane.inquiries and lane.inquiries[name].not_found for name in flight.ids)


def _take_refused_order(s: Situation, lane: Lane, flight: Flight, refused: i.Refused) -> None:
    if refused.message == DUPLICATE:
        for name in s.undecided_ids(flight):
            inquiring.lost(s, name, "the exchange already has an order with this id")
        return
    is_fenced = any(
        order.status.is_undecided and order.client_order_id not in flight.ids
        for order in s.book.orders_of(lane.symbol)
        if order.side == "SELL"
    )
    leg = s.book.orders[flight.ids[0]].leg
    protects_or_enters = leg in (Leg.ENTRY, Leg.STOP)
    # A replacement that is one order too many leaves the old one where it is.
    may_be_crowded = leg is Leg.EXIT or isinstance(flight.request, e.ReplaceOrder)
    is_crowded = may_be_crowded and note_crowd(s, lane, refused.message)
    is_failure = refused.about_symbol and not is_fenced and protects_or_enters and not is_crowded
    counts = is_failure and counts_now(s, lane, flight, refused)
    for number, name in enumerate(flight.ids):
        order = s.book.orders[name]
        if order.status.is_undecided:
            # One request is one failure, however many orders it carries.
            _reject(s, name, refused.message, refused.code, counts=counts and number == 0)
        else:
            s.inquire(name)
    if leg is Leg.STOP:
        if is_fenced:
            # The coins are locked or gone: the unknown order is there.
            _ask_for_live(s, lane)
            s.account_due = min(s.account_due, s.now)
            lane.protect_pause.fail(s.now)
        elif is_crowded or not refused.about_symbol:
            # What concerns the whole account, such as its key, would refuse the sale alike.
            lane.protect_pause.fail(s.now)
        else:
            _protection_refused(s, lane)
    elif leg is Leg.EXIT:
        lane.exit_pause.fail(s.now)
        lane.exit_refusal = refused.message
    if counts:
        quarantine_if_needed(s, lane.symbol, refused.message)


def _protection_refused(s: Situation, lane: Lane) -> None:
    lane.protection_refused += 1
    lane.protect_pause.fail(s.now)


def _reject(
    s: Situation, name: str, reason: str, code: int | None, *, counts: bool, heard: Heard = Heard.REFUSED
) -> None:
    order = s.book.orders[name]
    status = hear(order.status, heard).status
    s.record(f.OrderSeen(name, status, s.ms, reason=reason, code=code, counts=counts))
    s.lane(order.symbol).inquiries.pop(name, None)


# No answer


def take_unknown(s: Situation, unknown: i.OutcomeUnknown) -> None:
    """Take the news that a request may have been carried out."""
    flight = s.land(unknown.number)
    if flight is None:
        return
    s.exchange_problem = unknown.reason
    request, lane = flight.request, s.lane(flight.request.symbol)
    s.touch(request.symbol)
    match request:
        case e.PlaceOrder() | e.PlaceList() | e.ReplaceOrder():
            for name in flight.ids:
                inquiring.lost(s, name, unknown.reason)
            if isinstance(request, e.ReplaceOrder):
                _ask_for_live(s, lane)
        case e.CancelOrder(order_id=int()):
            foreign_orders.try_again(s, request)
        case e.CancelOrder() | e.CancelList():
            _ask_for_live(s, lane)
            lane.exit_pause.fail(s.now, by_outage=True)
            lane.protect_pause.fail(s.now, by_outage=True)
        case e.QueryOrder(client_order_id=str(name)):
            inquiring.unanswered(s, name)
        case _:
            _read_failed(s, lane, request, _PAUSE)


def take_not_sent(s: Situation, not_sent: i.NotSent) -> None:
    """Take the news that a request certainly never reached the exchange."""
    _withheld(s, not_sent.number, f"not sent: {not_sent.reason}", not_sent.retry_after)


def take_not_stored(s: Situation, not_stored: i.NotStored) -> None:
    """Take the news that a request was not sent because it could not be recorded."""
    _withheld(s, not_stored.number, f"not sent, it could not be recorded: {not_stored.reason}", _PAUSE)


def _withheld(s: Situation, number: int, reason: str, pause: float) -> None:
    flight = s.land(number)
    if flight is None:
        return
    request, lane = flight.request, s.lane(flight.request.symbol)
    s.touch(request.symbol)
    match request:
        case e.PlaceOrder() | e.PlaceList() | e.ReplaceOrder():
            for name in s.undecided_ids(flight):
                _reject(s, name, reason, None, counts=False, heard=Heard.WITHHELD)
            _pause_for(s, lane, flight.ids[0], pause)
        case e.CancelOrder(order_id=int()):
            foreign_orders.try_again(s, request)
        case e.CancelOrder() | e.CancelList():
            lane.exit_pause.fail(s.now, pause, by_outage=True)
            lane.protect_pause.fail(s.now, pause, by_outage=True)
        case e.QueryOrder(client_order_id=str(name)):
            inquiring.unanswered(s, name, pause)
        case _:
            _read_failed(s, lane, request, pause)


def _pause_for(s: Situation, lane: Lane, name: str, at_least: float = 0.0) -> None:
    leg = s.book.orders[name].leg
    if leg is Leg.STOP:
        lane.protect_pause.fail(s.now, at_least, by_outage=True)
    elif leg is Leg.EXIT:
        lane.exit_pause.fail(s.now, at_least, by_outage=True)


def _read_failed(s: Situation, lane: Lane, request: e.Request, pause: float) -> None:
    """Read again later what could not be read."""
    match request:
        case e.FetchRules():
            rules_failed(s, request.symbols)
        case e.FetchTrades():
            lane.scan_wanted = lane.scan_wanted or request.order_id is None
            reading_trades.read_trades_later(s, lane, pause)
        case e.QueryOrder(order_id=int(order_id)):
            identifying.ask_later(s, lane, order_id, pause)
        case e.FetchCommission():
            # The others go on.
            reading_commissions.commission_asked(s, lane, reading_commissions.COMMISSION_RETRY)
        case e.FetchBookTicker():
            s.ask_for_balances(pause)
        case _:
            s.look_at_account_again(pause)


def _connected(s: Situation) -> None:
    if s.exchange_problem is not None:
        s.exchange_problem = None
        inquiring.connection_is_back(s)

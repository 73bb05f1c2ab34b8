"""A working stop that nothing is heard of is looked at every ten seconds: the stream may be silent without a break."""

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import FetchOpenOrders, PlaceList, QueryOrder, Urgency
from cq_tui.trading.core.hearing import SILENCE_MS, STOP_PERIOD
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import SYMBOL, Desk, market_desk


def protected() -> Desk:
    """A protected position; what is asked of single orders and of open orders, a test answers itself."""
    desk = market_desk().protected()
    desk.unread = (FetchOpenOrders, QueryOrder)
    return desk


def look(desk: Desk) -> QueryOrder:
    """Let time pass until the stop is looked at."""
    began = desk.now
    while not desk.sent(QueryOrder):
        desk.tick(0.5)
        assert desk.now - began <= STOP_PERIOD
    return desk.one(QueryOrder)


def test_a_stop_is_looked_at_each_ten_seconds_and_that_is_not_urgent() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    for _ in range(3):
        began = desk.now
        query = look(desk)
        assert (query.client_order_id, query.urgency) == (stop.client_order_id, Urgency.ROUTINE)
        assert desk.now - began == STOP_PERIOD
        desk.answer(query, desk.shown(stop, "NEW"))
        assert desk.sent(QueryOrder) == []
    assert not desk.core.situation.lane(stop.symbol).inquiries, "nothing is in doubt"


def test_whatever_is_heard_of_a_stop_puts_the_look_off() -> None:
    desk = protected()
    for _ in range(4):
        desk.tick(STOP_PERIOD - 1)
        desk.report(desk.orders(Leg.STOP)[-1], "NEW")
    assert desk.sent(QueryOrder) == []


def test_a_stop_that_is_found_canceled_is_replaced_at_once() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.hold("BTC", str(desk.core.book.quantity(SYMBOL)))
    desk.look()
    desk.answer(look(desk), desk.shown(stop, "CANCELED"))
    target = desk.orders(Leg.TARGET)[-1]
    desk.tick(0.2)
    desk.answer(desk.one(QueryOrder), desk.shown(target, "CANCELED"))
    assert desk.one(PlaceList).urgency is Urgency.PROTECT


def test_a_look_without_an_answer_is_not_repeated_at_once() -> None:
    for fail in (Desk.withhold, Desk.lose):
        desk = protected()
        fail(desk, look(desk))
        desk.tick(STOP_PERIOD - 1)
        assert desk.sent(QueryOrder) == []
        assert look(desk).urgency is Urgency.ROUTINE


def test_a_stop_that_no_look_finds_is_looked_for_among_the_open_orders_first() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.refuse(look(desk), -2013, "Order does not exist.")
    desk.tick(2.0)
    assert desk.sent(QueryOrder) == [], "one answer of one replica is no doubt"
    desk.answer(desk.one(FetchOpenOrders), tuple(desk.shown(one, "NEW") for one in desk.orders() if one.side == "SELL"))
    assert desk.sent(QueryOrder) == []
    desk.refuse(look(desk), -2013, "Order does not exist.")
    desk.tick(4.0)
    desk.answer(desk.one(FetchOpenOrders), ())
    assert desk.one(QueryOrder).urgency is Urgency.PROTECT
    assert stop.client_order_id in desk.core.situation.lane(stop.symbol).inquiries


def test_no_question_waits_for_the_answer_to_a_look() -> None:
    desk = protected()
    routine = look(desk)
    stop, target = desk.orders(Leg.STOP)[-1], desk.orders(Leg.TARGET)[-1]
    desk.report(stop, "CANCELED", execution_type="CANCELED")
    desk.tick(0.2)
    [urgent] = [one for one in desk.sent(QueryOrder) if one is not routine]
    assert (urgent.client_order_id, urgent.urgency) == (target.client_order_id, Urgency.PROTECT)


def test_what_an_answer_tells_and_the_stream_should_have_means_that_it_is_silent() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    query = look(desk)
    desk.answer(query, desk.shown(stop, "CANCELED", time=int(desk.now * 1000) - SILENCE_MS))
    assert desk.core.is_stream_silent
    [worry] = [one for one in desk.core.worries(desk.core.situation.moment) if one.startswith("account stream")]
    assert worry == "account stream: it is silent: it did not report that the stop order of BTCUSDT is canceled"
    assert len(desk.sent(FetchOpenOrders)) == 1, "what else it did not tell is looked for at once"
    desk.report(desk.orders(Leg.TARGET)[-1], "NEW")
    found = desk.core.is_stream_silent, desk.core.situation.stream_problem
    assert found == (False, None), "it tells something again"


def test_a_stream_may_be_a_moment_behind_and_tells_nothing_of_the_time_before_it() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.answer(look(desk), desk.shown(stop, "CANCELED", time=int(desk.now * 1000) - SILENCE_MS + 1))
    assert not desk.core.is_stream_silent
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.tell(i.StreamDown("lost"))
    desk.tick(5.0)
    canceled = int(desk.now * 1000)
    desk.tell(i.StreamUp())
    desk.tick(5.0)
    desk.answer(look(desk), desk.shown(stop, "CANCELED", time=canceled))
    assert not desk.core.is_stream_silent
    assert desk.now_known(stop).status is OrderStatus.CANCELED


def test_a_stream_that_is_subscribed_anew_is_not_silent() -> None:
    desk = protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.answer(look(desk), desk.shown(stop, "CANCELED", time=int(desk.now * 1000) - 5_000))
    assert desk.core.is_stream_silent
    desk.tell(i.StreamUp())
    assert not desk.core.is_stream_silent

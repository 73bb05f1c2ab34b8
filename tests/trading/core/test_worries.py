"""What is not as it should be is said in a sentence each."""

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import FetchOpenOrders, PlaceList, PlaceOrder, ReplaceOrder
from cq_tui.trading.core.moment import Moment
from tests.trading.core.desk import SYMBOL, Desk, market_desk


def worries(desk: Desk) -> list[str]:
    return desk.core.worries(Moment(desk.now, desk.now))


def test_nothing_is_wrong() -> None:
    desk = market_desk()
    assert worries(desk) == []
    desk.protected()
    desk.now += 60
    assert worries(desk) == []


def test_a_position_without_a_stop_is_a_worry_after_two_seconds() -> None:
    desk = market_desk().bought()
    desk.now += 2.0
    assert worries(desk) == []
    desk.now += 0.1
    assert worries(desk) == [f"{SYMBOL} has been without a stop for 2 s (opening)"]
    desk.protect()
    assert worries(desk) == []


def test_an_exit_that_is_refused_again_is_a_worry() -> None:
    """The stop stays, so nothing else would tell."""
    desk = market_desk().protected()
    desk.unread = (FetchOpenOrders,)
    desk.sell()
    for _ in range(2):
        assert worries(desk) == []
        desk.refuse(desk.one(ReplaceOrder), -1013, "Filter failure: MAX_NUM_ORDERS")
        while not desk.sent(ReplaceOrder) and not worries(desk):
            desk.fresh()
            desk.tick(0.5)
    [worry] = worries(desk)
    reason = desk.position().exit_reason
    assert worry == f"{SYMBOL} is to be closed ({reason}), but the exchange says: Filter failure: MAX_NUM_ORDERS"


def test_an_unknown_outcome_is_a_worry() -> None:
    desk = market_desk()
    desk.lose(desk.buy())
    assert worries(desk) == [f"{SYMBOL}: the outcome of its entry order is unknown"]


def test_missing_trades_are_a_worry() -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders(Leg.ENTRY)
    desk.answer(request, desk.shown(entry, "FILLED", str(entry.quantity)))
    assert f"{SYMBOL}: the trades of its entry order are not known yet" in worries(desk)
    assert isinstance(request, PlaceOrder)


def test_doubts_and_the_stream_are_worries() -> None:
    desk = market_desk()
    s = desk.core.situation
    s.doubt("", "venue_wiped", "its past is gone")
    s.doubt(SYMBOL, "balance", "coins are missing")
    desk.tell(i.StreamDown("connection lost"))
    assert worries(desk) == [
        "account: its past is gone",
        f"{SYMBOL}: coins are missing",
        "account stream: connection lost",
    ]
    assert desk.sent(PlaceList) == []

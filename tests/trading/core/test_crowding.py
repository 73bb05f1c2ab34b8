"""At the limit of open orders, what replaces protection is refused until the protection was canceled by itself."""

from math import inf
from typing import Any

import pytest

from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import CancelList, FetchOpenOrders, PlaceList, PlaceOrder, ReplaceOrder
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk

ORDERS, ALGOS = "Filter failure: MAX_NUM_ORDERS", "Filter failure: MAX_NUM_ALGO_ORDERS"


def crowded(*others: str, **rules: Any) -> Desk:
    """A protected position, and open orders of others in its symbol, of these types."""
    desk = market_desk(**rules).protected()
    desk.open_orders = (*working(desk), *orders_of_others(desk, *others))
    return desk


def working(desk: Desk) -> tuple[Order, ...]:
    return tuple(desk.shown(one, "NEW") for one in desk.orders() if one.status.is_working)


def orders_of_others(desk: Desk, *kinds: str) -> tuple[Order, ...]:
    records = (
        OrderRecord(f"web_{number}", SYMBOL, "SELL", kind, Leg.EXIT, "", D("0.001"), 0, order_id=900 + number)
        for number, kind in enumerate(kinds)
    )
    return tuple(desk.shown(one, "NEW") for one in records)


def pass_time(desk: Desk, seconds: float, bid: str = "40000") -> None:
    for _ in range(int(seconds / 0.5)):
        desk.fresh(bid)
        desk.tick(0.5)


def raise_stop(desk: Desk) -> None:
    """A closed bar that raises the stop."""
    closed = (int(desk.now * 1000) // 60_000 + 2) * 60_000 - 1
    desk.now = closed / 1000 + 1
    desk.fresh("40300")
    desk.tell(i.BarClosed(SYMBOL, "1m", D(40300), closed))


@pytest.mark.parametrize("text", [ORDERS, ALGOS, "Filter failure: EXCHANGE_MAX_NUM_ORDERS"])
def test_an_exit_that_is_one_order_too_many_cancels_first_and_sells(text: str) -> None:
    desk = crowded("LIMIT", max_orders=3)
    desk.sell()
    desk.refuse(desk.one(ReplaceOrder), -1013, text)
    pass_time(desk, 1.0)
    cancel = desk.one(CancelList)
    assert (cancel.orders_after, desk.sent(ReplaceOrder)) == (1, [])
    legs = [one for one in desk.orders() if one.leg in (Leg.STOP, Leg.TARGET)]
    desk.open_orders = ()
    for leg in legs:
        desk.report(leg, "CANCELED", execution_type="CANCELED")
    sale = desk.one(PlaceOrder)
    assert (sale.order.side, sale.order.type, sale.order.quantity) == ("SELL", "MARKET", D("0.00249"))
    assert not desk.noted(f.SymbolFailed)


def test_where_others_leave_no_room_the_stop_stays() -> None:
    desk = crowded("LIMIT", "LIMIT", max_orders=2)
    desk.sell()
    for _ in range(4):
        desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
        pass_time(desk, 10.0)
        assert desk.sent(CancelList) == []
    desk.open_orders = desk.open_orders[:-1]
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    pass_time(desk, 30.0)
    assert desk.one(CancelList).orders_after == 1


def test_while_others_leave_no_room_the_position_is_unsellable_and_says_why() -> None:
    """One move when that is known, and one when it is over: not one for each attempt."""
    desk = crowded("LIMIT", "LIMIT", max_orders=2)
    desk.sell()
    for _ in range(3):
        desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
        pass_time(desk, 31.0)
    moves = [(one.after, one.reason) for one in desk.noted(f.PositionMoved)][-2:]
    why = "open orders of others leave no room for a sale: the exchange allows 2 in BTCUSDT; cancel one of them"
    assert [after for after, _ in moves] == [PositionState.CLOSING, PositionState.UNSELLABLE]
    assert moves[-1][1] == why
    assert f"{SYMBOL} cannot be sold: {why}" in desk.core.worries(Moment(desk.now, desk.now))
    desk.open_orders = desk.open_orders[:-1]
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    pass_time(desk, 31.0)
    assert desk.one(CancelList).orders_after == 1
    assert desk.position().state is PositionState.CLOSING


def test_a_sale_without_a_stop_that_has_no_room_says_why_too() -> None:
    desk = market_desk(max_orders=2).protected()
    desk.open_orders = orders_of_others(desk, "LIMIT", "LIMIT")
    for leg in [one for one in desk.orders() if one.status.is_working]:
        desk.report(leg, "CANCELED", execution_type="CANCELED")
    for _ in range(2):
        desk.refuse(desk.one(PlaceList), -1013, ORDERS)
        pass_time(desk, 0.5)
    for _ in range(120):
        for request in (*desk.sent(PlaceOrder), *desk.sent(PlaceList)):
            desk.refuse(request, -1013, ORDERS)
        pass_time(desk, 0.5)
    assert desk.position().state is PositionState.UNSELLABLE
    assert [one.after for one in desk.noted(f.PositionMoved)].count(PositionState.UNSELLABLE) == 1, "told once"


def test_the_next_position_knows_nothing_of_it() -> None:
    desk = crowded("LIMIT", "LIMIT", max_orders=2)
    desk.sell()
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    [stop] = [one for one in desk.orders(Leg.STOP) if one.status.is_working]
    desk.trade(stop, str(stop.quantity), "39600", 77)
    assert SYMBOL not in desk.core.book.positions
    assert desk.core.situation.lane(SYMBOL).crowded_at == -inf


def test_open_orders_from_before_the_refusal_prove_no_room() -> None:
    desk = crowded("LIMIT", max_orders=3)
    desk.look()
    desk.unread = (FetchOpenOrders,)
    desk.now += 0.1
    desk.sell()
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    pass_time(desk, 2.0)
    assert desk.sent(CancelList) == []
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    desk.unread = ()
    pass_time(desk, 4.0)
    desk.refuse(desk.one(ReplaceOrder), -1013, ORDERS)
    pass_time(desk, 10.0)
    assert desk.sent(CancelList)


def test_another_refusal_cancels_nothing() -> None:
    desk = crowded()
    desk.sell()
    desk.refuse(desk.one(ReplaceOrder), -1013, "Filter failure: LOT_SIZE")
    pass_time(desk, 6.0)
    assert (len(desk.sent(ReplaceOrder)), desk.sent(CancelList)) == (1, [])


def trailing(*others: str, **rules: Any) -> Desk:
    desk = market_desk(**rules)
    desk.bought(trail=D(300), take_profit=D(41000))
    desk.protect()
    desk.open_orders = (*working(desk), *orders_of_others(desk, *others))
    raise_stop(desk)
    return desk


def test_a_stop_that_cannot_be_moved_beside_the_old_one_is_placed_after_it_and_nothing_counts_as_a_failure() -> None:
    desk = trailing(max_algo_orders=1)
    desk.refuse(desk.one(ReplaceOrder), -1013, ALGOS)
    pass_time(desk, 1.0, "40300")
    cancel = desk.one(CancelList)
    assert cancel.orders_after == 2
    for leg in [one for one in desk.orders() if one.status.is_working]:
        desk.report(leg, "CANCELED", execution_type="CANCELED")
    assert desk.one(PlaceList).urgency == cancel.urgency
    assert not desk.noted(f.SymbolFailed)
    assert desk.position().exit_reason == ""


@pytest.mark.parametrize(
    ("others", "rules"),
    [(("STOP_LOSS_LIMIT",), {"max_algo_orders": 1}), (("LIMIT",), {"max_orders": 2})],
)
def test_a_stop_that_has_no_room_to_move_stays_and_the_position_is_not_sold_for_it(
    others: tuple[str, ...], rules: dict[str, Any]
) -> None:
    desk = trailing(*others, **rules)
    for _ in range(3):
        desk.refuse(desk.one(ReplaceOrder), -1013, ALGOS)
        while not desk.sent(ReplaceOrder):
            desk.fresh("40300")
            desk.tick(0.5)
    assert desk.sent(CancelList) == []
    assert (desk.position().exit_reason, desk.noted(f.SymbolFailed)) == ("", [])

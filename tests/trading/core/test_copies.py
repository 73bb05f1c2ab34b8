"""Copies of one directory trade one account: what one of them sells, the other does not sell of others' coins."""

from decimal import Decimal

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import CancelOrder, FetchTrades, PlaceList, PlaceOrder, QueryOrder, ReplaceOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.positions import IDENTIFIED_WITHIN
from tests.trading.core.desk import OWNER, SYMBOL, Desk, market_desk

#: Coins of others in the account, and the owner of a copy.
FOREIGN, COPY = Decimal(5), "copyx"


def beside_others(*, cancel_replace_allowed: bool = True) -> Desk:
    """A protected position, and coins of others; the trades of the account are read by the test."""
    desk = market_desk(cancel_replace_allowed=cancel_replace_allowed).protected()
    desk.hold("BTC", str(FOREIGN), str(desk.core.book.quantity(SYMBOL)))
    desk.look()
    desk.tick(1.0)
    desk.unread = (FetchTrades,)
    return desk


def sale(desk: Desk, owner: str) -> OrderRecord:
    """An exit of all that is held, as a copy sends it."""
    name = client_order_id(owner, "key", Leg.EXIT, 7)
    return OrderRecord(
        name, SYMBOL, "SELL", "MARKET", Leg.EXIT, "key", desk.core.book.quantity(SYMBOL), 0, order_id=900
    )


def part(desk: Desk, canceled_by: str = "web_1") -> None:
    """Have somebody cancel the protection."""
    for order in (desk.orders(Leg.STOP)[-1], desk.orders(Leg.TARGET)[-1]):
        desk.report(order, "CANCELED", execution_type="CANCELED", request_id=canceled_by)


def tell_sale(desk: Desk, order: OrderRecord) -> None:
    """Have a sale told by the trades, and by name."""
    trade = AccountTrade(
        SYMBOL, 9_000, 900, Decimal(40_000), order.quantity, order.quantity * 40_000, Decimal(0), "USDT",
        int(desk.now * 1000), False, False,
    )  # fmt: skip
    desk.trades, desk.unread = (trade,), ()
    for request in desk.sent(FetchTrades):
        desk.answer(request, desk.trades)
    for query in desk.sent(QueryOrder):
        if query.order_id == 900:
            desk.answer(query, desk.shown(order, "FILLED", str(order.quantity)))
    desk.tick(1.0)


def test_after_somebody_canceled_the_stop_the_trades_are_read_before_coins_of_others_could_be_sold() -> None:
    desk = beside_others()
    desk.sell()
    part(desk)
    desk.lose(desk.one(ReplaceOrder))
    assert not desk.sent(PlaceOrder) + desk.sent(PlaceList)
    desk = beside_others()
    part(desk)
    assert not desk.sent(PlaceList)
    desk.tick(0.5)
    desk.answer(desk.sent(FetchTrades)[0], ())
    assert desk.one(PlaceList).order_list.quantity == desk.core.book.quantity(SYMBOL)  # type: ignore[union-attr]


def test_a_copy_with_our_mark_sold_it_and_that_is_booked() -> None:
    desk = beside_others()
    part(desk)
    tell_sale(desk, sale(desk, OWNER))
    assert SYMBOL not in desk.core.book.positions
    assert [fact.fill.trade_id for fact in desk.noted(f.OrderFilled)][-1] == 9_000
    assert not desk.sent(PlaceOrder) + desk.sent(PlaceList)


def test_a_copy_with_another_owner_is_known_by_its_cancel_and_its_sale_is_booked_and_named() -> None:
    for canceled_by, is_copy in ((client_order_id(COPY, "key", Leg.CANCEL), True), ("web_1", False)):
        desk = beside_others()
        part(desk, canceled_by)
        tell_sale(desk, sale(desk, COPY))
        assert (SYMBOL in desk.core.book.positions) is not is_copy
        assert "another cq-tui directory (owner copyx" in desk.core.book.doubts[""]["other_owner"]


def test_what_a_directory_was_copied_from_is_known_by_the_orders_that_came_along() -> None:
    desk = beside_others()
    desk.tell(i.OwnerSeen(COPY, "this directory was copied"))
    part(desk)
    tell_sale(desk, sale(desk, OWNER))
    assert SYMBOL not in desk.core.book.positions
    assert not desk.sent(PlaceOrder) + desk.sent(PlaceList)


def test_what_others_sell_beyond_what_is_held_is_not_ours() -> None:
    desk = beside_others()
    desk.tell(i.OwnerSeen(COPY, "this directory was copied"))
    part(desk)
    tell_sale(desk, sale(desk, OWNER)._replace(quantity=FOREIGN))
    assert SYMBOL in desk.core.book.positions


def test_where_all_coins_are_ours_nothing_is_waited_for() -> None:
    desk = market_desk().protected()
    desk.hold("BTC", "0", str(desk.core.book.quantity(SYMBOL)))
    desk.look()
    desk.tick(1.0)
    desk.unread = (FetchTrades,)
    part(desk)
    assert len(desk.sent(PlaceList)) == 1


def test_trades_that_cannot_be_read_hold_nothing_up_for_long() -> None:
    desk = beside_others()
    part(desk)
    desk.tick(IDENTIFIED_WITHIN - 0.1)
    assert not desk.sent(PlaceList)
    desk.tick(0.2)
    assert len(desk.sent(PlaceList)) == 1


def test_who_cannot_cancel_and_sell_at_once_is_given_a_second() -> None:
    desk = beside_others(cancel_replace_allowed=False)
    desk.unread = ()
    part(desk)
    desk.tick(0.6)
    assert not desk.sent(PlaceList)
    desk.tick(0.5)
    assert len(desk.sent(PlaceList)) == 1


def two_stops(desk: Desk, owner: str) -> OrderRecord:
    """A second stop that covers all, newer, of a copy."""
    stop = desk.orders(Leg.STOP)[-1]
    name = client_order_id(owner, "key", Leg.STOP, 9)
    desk.core.book.put(stop._replace(client_order_id=name, order_id=900, list_client_order_id=None))
    desk.quote("40000")
    return stop


def test_of_two_stops_with_one_mark_the_newest_is_canceled() -> None:
    desk = market_desk().protected()
    two_stops(desk, OWNER)
    assert desk.one(CancelOrder).client_order_id == client_order_id(OWNER, "key", Leg.STOP, 9)


def test_the_stop_of_a_copy_is_left_to_the_copy() -> None:
    desk = market_desk().protected()
    two_stops(desk, COPY)
    assert not desk.sent(CancelOrder) + desk.sent(ReplaceOrder)
    desk.tell(i.OwnerSeen(COPY, "this directory was copied"))
    desk.quote("40000")
    assert desk.one(CancelOrder).client_order_id == client_order_id(COPY, "key", Leg.STOP, 9)

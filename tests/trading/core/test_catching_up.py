"""After a start: an exit that went out unstored, on a full disk, is found before anything more is sold."""

from decimal import Decimal

import pytest

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.effects import CancelList, FetchTrades, PlaceList, PlaceOrder, QueryOrder
from cq_tui.trading.core.order import OrderRecord
from tests.trading.core.desk import OWNER, SYMBOL, Desk, market_desk

#: Coins of others in the account: without them the exchange itself would refuse a second sale.
FOREIGN = Decimal(5)


def unstored_exit() -> tuple[Desk, OrderRecord]:
    """A position whose stop is canceled, its exit sent and executed; nothing of the exit is in the facts."""
    desk = market_desk(cancel_replace_allowed=False).protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.tell(i.Command("flatten", "", "ada", "the news"))
    desk.answer(desk.one(CancelList), desk.list_answer_of(stop))
    desk.report(stop, "CANCELED", execution_type="CANCELED")
    desk.report(target, "CANCELED", execution_type="CANCELED")
    [exit_order] = desk.orders(Leg.EXIT)
    held = desk.core.book.holdings[SYMBOL]
    desk.hold(held.base, str(FOREIGN + held.quantity - exit_order.quantity))
    desk.trades = (
        AccountTrade(
            SYMBOL, 9_000, 77, Decimal(40_000), exit_order.quantity, exit_order.quantity * 40_000, Decimal(0), "USDT",
            int(desk.now * 1000) + 5, False, False,
        ),
    )  # fmt: skip
    return desk, exit_order


def started_again(desk: Desk, exit_order: OrderRecord, *unread: type) -> Desk:
    """Another core, which knows the account from what was stored."""
    book = Book("simulated:1", OWNER)
    for fact in desk.facts:
        if getattr(fact, "client_order_id", "") != exit_order.client_order_id and not _is_about(fact, exit_order):
            book.apply(fact)
    again = Desk(*desk.rules.values(), book=book)
    again.now, again.balances, again.trades, again.unread = desk.now + 1, desk.balances, desk.trades, unread
    return again.ready()


def _is_about(fact: f.Fact, order: OrderRecord) -> bool:
    return isinstance(fact, f.OrderIntended) and fact.order.client_order_id == order.client_order_id


def test_nothing_is_sold_twice() -> None:
    desk, exit_order = unstored_exit()
    again = started_again(desk, exit_order, FetchTrades)
    assert SYMBOL in again.core.book.positions
    again.tick(10.0)
    assert not again.sent(PlaceOrder)
    assert not again.sent(PlaceList)
    again.answer(again.sent(FetchTrades)[0], again.trades)
    query = again.one(QueryOrder)
    assert query.order_id == 77
    assert not again.sent(PlaceOrder), "it may be ours"
    again.unread = ()
    again.answer(query, again.shown(exit_order, "FILLED", str(exit_order.quantity), order_id=77))
    again.tick(2.0)
    assert SYMBOL not in again.core.book.positions
    assert not again.sent(PlaceOrder)


def test_what_was_never_sent_is_sold_once_the_trades_are_read() -> None:
    desk, exit_order = unstored_exit()
    desk.trades = ()
    desk.hold(desk.rules[SYMBOL].base_asset, str(FOREIGN + desk.core.book.quantity(SYMBOL)))
    again = started_again(desk, exit_order)
    assert again.one(PlaceOrder).order.quantity == exit_order.quantity


def test_a_balance_of_ours_alone_is_enough_where_trades_cannot_be_read() -> None:
    desk, exit_order = unstored_exit()
    desk.hold(desk.rules[SYMBOL].base_asset, str(desk.core.book.quantity(SYMBOL)))
    again = started_again(desk, exit_order, FetchTrades)
    assert again.one(PlaceOrder).order.quantity == exit_order.quantity


@pytest.mark.parametrize("code", [-1003, None])
def test_trades_that_cannot_be_read_are_asked_for_again(code: int | None) -> None:
    desk, exit_order = unstored_exit()
    again = started_again(desk, exit_order, FetchTrades)
    for _ in range(3):
        again.refuse(again.sent(FetchTrades)[0], code)
        again.tick(15.0)
        assert not again.sent(PlaceOrder)
    again.unread = ()
    again.answer(again.sent(FetchTrades)[0], again.trades)
    assert again.sent(QueryOrder)

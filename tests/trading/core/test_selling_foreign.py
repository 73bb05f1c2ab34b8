"""Coins that are not ours are sold where a person wants it: what was there, without a profit, each with its answer."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.closing import Closing, ClosingWatch, Fate
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.effects import CancelOrder, PlaceOrder
from cq_tui.trading.core.foreign_sale import Left
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.money.account_money import identity_fault
from tests.trading.core.desk import LISTS, SYMBOL, D, Desk, market_desk

ETH = replace(LISTS, symbol="ETHUSDT", base_asset="ETH")


def rich_desk(**coins: str) -> Desk:
    """A desk, ready, whose account holds coins of others."""
    desk = Desk()
    for asset, amount in coins.items():
        desk.hold(asset, amount)
    return desk.ready()


def flatten_all(desk: Desk) -> ClosingWatch:
    """Ask for it, and let the account be read until the next step waits for something else."""
    watch = ClosingWatch(desk.core.book, symbols_to_close(desk.core.book, ""), foreign=True)
    desk.tell(i.Command("flatten", "", "ada", "", foreign=True))
    settle(desk)
    return watch


def settle(desk: Desk) -> None:
    for _ in range(6):
        desk.tick(1.0)
        desk.fresh()


def sell(desk: Desk, symbol: str = SYMBOL, price: str = "40000") -> None:
    """The sale that is on its way fills."""
    request = next(one for one in desk.sent(PlaceOrder) if one.symbol == symbol)
    order = desk.orders(Leg.EXIT, symbol)[-1]
    held = desk.balances[desk.rules[symbol].base_asset]
    desk.hold(held.asset, str(held.free - order.quantity), str(held.locked))
    desk.hold("USDT", str(desk.balances["USDT"].free + order.quantity * D(price)))
    desk.answer(request, replace(desk.filled(order, price), time=int(desk.now * 1000) + 1))


def rows(desk: Desk, watch: ClosingWatch) -> dict[str, Closing]:
    return {row.symbol: row for row in watch.look(desk.core.situation)}


def foreign_order(desk: Desk, quantity: str, *, symbol: str = SYMBOL, side: str = "SELL", name: str = "web_1") -> Order:
    """An open order of somebody else."""
    record = OrderRecord(name, symbol, "SELL", "LIMIT", Leg.EXIT, "", D(quantity), 0)
    return desk.shown(record, "NEW", side=side, order_id=900)


def test_they_become_a_position_at_the_exchanges_bid_and_are_sold_at_once() -> None:
    desk = rich_desk(BTC="0.500009")
    desk.bids[SYMBOL] = D(41000)
    watch = flatten_all(desk)
    [adopted] = desk.noted(f.PositionAdopted)
    assert (adopted.quantity, adopted.price, adopted.person) == (D("0.5"), D(41000), "ada")
    assert desk.one(PlaceOrder).order.quantity == D("0.5")
    sell(desk, price="40900")
    row = rows(desk, watch)[SYMBOL]
    assert (row.fate, row.sold, row.parts, row.left, row.is_dust) == (Fate.SOLD, D("0.5"), 1, D("0.000009"), True)


def test_their_worth_is_no_profit_and_moves_start_day_and_peak() -> None:
    desk = rich_desk(BTC="0.5")
    before = desk.core.book.money
    assert before is not None
    flatten_all(desk)
    held = desk.core.book.money
    assert held is not None
    assert (held.start, held.peak, held.realized) == (before.start + 20000, before.peak + 20000, before.realized)
    assert held.day_base == before.day_base + 20000
    sell(desk, price="39900")
    sold = desk.core.book.money
    assert sold is not None
    assert (sold.realized - before.realized, sold.start) == (D(-50), held.start), "the slippage of the sale alone"
    assert identity_fault(sold, desk.core.book.holdings.values()) is None


def test_what_comes_later_stays() -> None:
    desk = rich_desk(BTC="0.5")
    desk.tell(i.Command("flatten", "", "ada", "", foreign=True))
    desk.hold("BTC", "0.7")
    settle(desk)
    assert desk.noted(f.PositionAdopted)[0].quantity == D("0.5")
    assert desk.core.book.foreign_sale is not None
    assert desk.core.book.foreign_sale.left == {"BTC": Left(D("0.2"), "it came later")}


def test_orders_of_others_that_lock_them_are_canceled_by_the_exchanges_id() -> None:
    desk = Desk()
    desk.hold("BTC", "0.1", "0.4")
    desk.ready()
    sale, purchase = foreign_order(desk, "0.4"), replace(foreign_order(desk, "1", side="BUY", name="w"), order_id=901)
    desk.open_orders = (sale, purchase)
    flatten_all(desk)
    cancel = desk.one(CancelOrder)
    assert (cancel.order_id, cancel.symbol) == (900, SYMBOL)
    assert desk.noted(f.PositionAdopted) == [], "all at once"
    desk.open_orders = (purchase,)
    desk.hold("BTC", "0.5")
    desk.answer(cancel, replace(sale, status="CANCELED"))
    settle(desk)
    assert desk.noted(f.PositionAdopted)[0].quantity == D("0.5")
    assert desk.sent(CancelOrder) == [], "the purchase locks no coins"


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (None, "locked, and not by an open order"),
        (
            client_order_id("other", "key", Leg.STOP),
            "locked by order 900 in BTCUSDT of another cq-tui directory (owner other): flatten it there",
        ),
    ],
)
def test_what_stays_locked_is_left_and_named(order: str | None, reason: str) -> None:
    desk = Desk()
    desk.hold("BTC", "0.1", "0.4")
    desk.ready()
    desk.open_orders = () if order is None else (foreign_order(desk, "0.4", name=order),)
    watch = flatten_all(desk)
    assert desk.noted(f.PositionAdopted)[0].quantity == D("0.1")
    assert desk.sent(CancelOrder) == []
    sell(desk)
    row = rows(desk, watch)[SYMBOL]
    assert (row.fate, row.left, row.is_dust, row.reason) == (Fate.SOLD, D("0.4"), False, reason)


def test_an_order_that_is_no_longer_open_is_forgotten_and_one_that_is_never_canceled_is_named() -> None:
    desk = Desk()
    desk.hold("BTC", "0.1", "0.4")
    desk.ready()
    desk.open_orders = (foreign_order(desk, "0.4"),)
    flatten_all(desk)
    for _ in range(3):
        desk.refuse(desk.one(CancelOrder), -2010, "not now")
        settle(desk)
    assert desk.sent(CancelOrder) == []
    assert desk.core.book.foreign_sale is not None
    assert desk.core.book.foreign_sale.left["BTC"].reason.endswith("its cancel is refused: not now")


def test_coins_without_a_market_and_dust_are_left_and_named() -> None:
    desk = rich_desk(LDBTC="2", BTC="0.0001")
    watch = flatten_all(desk)
    assert desk.noted(f.PositionAdopted) == []
    found = rows(desk, watch)
    assert (found["LDBTC"].fate, found["LDBTC"].left) == (Fate.LEFT, D(2))
    assert found["LDBTC"].reason == "no market against USDT"
    assert (found[SYMBOL].fate, found[SYMBOL].is_dust) == (Fate.LEFT, True)
    assert "minNotional" in found[SYMBOL].reason
    assert all(row.is_over for row in found.values())


def test_a_market_that_is_closed_is_waited_for_over_a_restart_and_resume_ends_it() -> None:
    desk = Desk(replace(LISTS, status="BREAK"))
    desk.hold("BTC", "0.5")
    desk.ready()
    watch = flatten_all(desk)
    row = rows(desk, watch)[SYMBOL]
    assert (row.fate, row.left, row.is_over) == (Fate.UNSELLABLE, D("0.5"), False)
    assert "in maintenance (BREAK)" in row.reason
    [worry] = desk.core.worries(Moment(desk.now, desk.now))
    assert worry.startswith("BTC that is not ours is to be sold, but in maintenance (BREAK)")
    again = Desk(LISTS, book=book_from_plain(book_to_plain(desk.core.book)))
    again.hold("BTC", "0.9")
    again.ready()
    settle(again)
    assert again.noted(f.PositionAdopted)[0].quantity == D("0.5"), "as much as there was"
    desk.tell(i.Command("resume", "", "ada", ""))
    assert desk.core.book.foreign_sale is None


def test_nothing_is_sold_while_the_outcome_of_an_order_for_the_coins_is_unknown() -> None:
    desk = market_desk()
    desk.protected()
    desk.hold("BTC", str(desk.core.book.quantity(SYMBOL) + D("0.5")))
    desk.look()
    settle(desk)
    desk.tell(i.Command("flatten", "", "ada", "", foreign=True))
    assert desk.core.book.foreign_sale is not None
    settle(desk)
    settle(desk)
    assert desk.noted(f.PositionAdopted) == [], "our own exit is on its way"
    assert desk.core.book.foreign_sale.coins is not None
    assert desk.core.situation.foreign_progress.waits["BTC"].reason


def test_nobody_adopts_meanwhile() -> None:
    desk = Desk(replace(LISTS, status="BREAK"))
    desk.hold("BTC", "0.5")
    desk.ready()
    flatten_all(desk)
    desk.tell(i.Command("adopt", SYMBOL, "ada", "", {"stop": Decimal(39000)}))
    assert "flatten --all" in desk.core.command_answer.text


def test_a_plain_flatten_sells_none_of_them() -> None:
    desk = rich_desk(BTC="0.5")
    desk.tell(i.Command("flatten", "", "ada", ""))
    settle(desk)
    assert desk.core.book.foreign_sale is None
    assert desk.sent(PlaceOrder) == []

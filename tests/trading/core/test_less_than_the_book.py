"""The account holds less than the book says: nothing is removed or tried for coins that are not there."""

from dataclasses import replace
from decimal import Decimal

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.lane import Flight
from cq_tui.trading.core.reconciling import take_account
from tests.trading.core.desk import SYMBOL, Desk, market_desk

D = Decimal


def told(desk: Desk, total: str) -> None:
    """The account stream tells a balance."""
    desk.now += 0.01
    now_ms = int(desk.now * 1000)
    desk.hold("BTC", "0", total)
    desk.tell(i.Reported(AccountPosition(now_ms, now_ms, (Balance("BTC", D(0), D(total)),))))


def test_an_exit_sells_what_is_there() -> None:
    desk = market_desk().protected()
    held = desk.core.book.quantity(SYMBOL)
    told(desk, str(held / 2))
    desk.sell()
    assert desk.one(e.ReplaceOrder).replace.new.quantity == (held / 2).quantize(D("0.00001"))


def test_a_stop_is_not_replaced_by_one_for_coins_that_are_not_there() -> None:
    """A book that counts a purchase twice, as one from a damaged file could."""
    desk = market_desk().protected()
    (entry,) = desk.orders(Leg.ENTRY)
    (fill,) = entry.fills
    again_told = fill._replace(trade_id=fill.trade_id + 1_000)
    desk.core.book.apply(f.OrderFilled(entry.client_order_id, entry.order_id or 0, again_told, entry.status))
    again = Desk(*desk.rules.values(), book=desk.core.book)
    again.now, again.balances = desk.now + 1, desk.balances
    again.open_orders = tuple(desk.shown(order, "NEW") for order in desk.orders() if order.status.is_working)
    again.hold("BTC", "0", str(fill.quantity))
    again.ready()
    assert again.core.book.quantity(SYMBOL) == 2 * fill.quantity
    for _ in range(5):
        again.fresh()
        again.tick(1.0)
    assert not [request for request in again.waiting if isinstance(request, e.CHANGES)]


def test_a_balance_from_before_the_last_trade_says_nothing() -> None:
    desk = market_desk()
    told(desk, "0")
    desk.now += 1
    desk.bought()
    assert desk.one(e.PlaceList).order_list.quantity == desk.core.book.quantity(SYMBOL)  # type: ignore[union-attr]


def bought_at_once(desk: Desk) -> Decimal:
    """Buy in the millisecond that the account's balances are from; return what is held."""
    request = desk.buy()
    told(desk, "0")
    (entry,) = desk.orders(Leg.ENTRY)
    desk.answer(request, desk.filled(entry))
    return desk.core.book.quantity(SYMBOL)


def balance_of_now(desk: Desk, total: Decimal) -> None:
    """The stream tells a balance of this millisecond."""
    now_ms = int(desk.now * 1000)
    desk.tell(i.Reported(AccountPosition(now_ms, now_ms, (Balance("BTC", total, D(0)),))))


def test_a_balance_of_the_same_millisecond_counts_if_it_is_told_after_the_trade() -> None:
    desk = market_desk()
    held = bought_at_once(desk)
    assert desk.one(e.PlaceList).order_list.quantity == held  # type: ignore[union-attr]
    balance_of_now(desk, held / 2)
    assert desk.core.situation.sellable(SYMBOL) == held / 2


def test_the_account_of_the_same_millisecond_counts_if_it_was_asked_for_after_the_trade() -> None:
    desk = market_desk()
    s = desk.core.situation
    before = Flight(e.FetchAccount(number=1, symbol="", urgency=e.Urgency.ROUTINE), (), desk.now, news=s.news)
    held = bought_at_once(desk)
    account = replace(desk.account(), update_time=int(desk.now * 1000), balances={})
    take_account(s, account, before)
    assert s.sellable(SYMBOL) == held
    take_account(s, account, replace(before, news=s.news))
    assert s.sellable(SYMBOL) == 0

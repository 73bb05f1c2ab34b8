"""Doubts end by themselves as soon as there is evidence, also where nothing is held any more."""

from decimal import Decimal

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from tests.trading.core.desk import SYMBOL, Desk, list_desk, market_desk

D = Decimal


def pass_time(desk: Desk, seconds: int) -> None:
    """Let seconds pass, with fresh quotes and health."""
    for _ in range(seconds):
        desk.fresh()
        desk.tick(1.0)


def silently_stopped_out() -> Desk:
    """A position whose stop was filled, of which only the balances tell: its orders are asked for, unanswered."""
    desk = market_desk().protected()
    desk.open_orders = tuple(desk.shown(order, "NEW") for order in desk.orders() if order.side == "SELL")
    pass_time(desk, 70)
    stop = desk.orders(Leg.STOP)[-1]
    desk.open_orders = ()
    desk.hold("BTC", "0")
    desk.hold("USDT", str(D("900.4") + stop.quantity * 39_000))
    desk.trades = (
        AccountTrade(
            SYMBOL, 900, stop.order_id or 0, D(39_000), stop.quantity, stop.quantity * 39_000, D(0), "USDT",
            int(desk.now * 1000), is_buyer=False, is_maker=False,
        ),
    )  # fmt: skip
    return desk


def answer_queries(desk: Desk) -> None:
    """Say that the stop was filled, and that the target expired for it."""
    for query in desk.sent(e.QueryOrder):
        order = desk.core.book.orders[query.client_order_id or ""]
        is_stop = order.leg is Leg.STOP
        desk.answer(query, desk.shown(order, "FILLED" if is_stop else "EXPIRED", str(order.quantity * is_stop)))


def test_balances_are_not_judged_while_a_stop_that_may_have_filled_is_asked_for() -> None:
    desk = silently_stopped_out()
    trades, desk.trades = desk.trades, ()
    pass_time(desk, 58)
    desk.trades = trades
    answer_queries(desk)
    answer_queries(desk)
    pass_time(desk, 20)
    assert not desk.noted(f.FundsMoved)
    assert not desk.noted(f.DoubtRaised)
    assert not desk.core.book.positions


def test_a_doubt_about_the_balance_ends_when_all_was_sold_after_all() -> None:
    desk = silently_stopped_out()
    trades, desk.trades = desk.trades, ()
    pass_time(desk, 150)
    assert "balance" in desk.core.book.doubts[SYMBOL]
    desk.trades = trades
    answer_queries(desk)
    answer_queries(desk)
    pass_time(desk, 30)
    assert not desk.core.book.quantity(SYMBOL)
    assert not desk.core.book.doubts


def test_a_contradiction_ends_without_a_position() -> None:
    desk = list_desk()
    desk.lose(desk.buy())
    entry = desk.orders(Leg.ENTRY)[-1]
    for _ in range(60):
        for query in desk.sent(e.QueryOrder):
            desk.refuse(query, -2013)
        pass_time(desk, 1)
    desk.report(desk.now_known(entry), "EXPIRED", execution_type="EXPIRED")
    assert "contradiction" in desk.core.book.doubts[SYMBOL]
    pass_time(desk, 90)
    assert not desk.core.book.doubts


def test_trades_that_cannot_be_read_are_asked_for_less_and_less_often() -> None:
    desk = market_desk().protected()
    desk.unread = (e.FetchTrades,)
    asked = 0
    for _ in range(200):
        for request in desk.sent(e.FetchTrades):
            desk.refuse(request, -1121)
            asked += 1
        pass_time(desk, 1)
    assert 10 <= asked <= 30


def test_a_new_doubt_brings_the_next_look_at_the_account_forward() -> None:
    desk = market_desk()
    s = desk.core.situation
    while s.account_due < desk.now + 50:
        pass_time(desk, 1)
    desk.unread = (e.FetchAccount,)
    s.doubt(SYMBOL, "contradiction", "the exchange says something else")
    desk.tell(i.BarClosed(SYMBOL, "1m", D(1), 0))
    desk.tick(9.9)
    assert not desk.sent(e.FetchAccount)
    desk.tick(0.2)
    assert desk.sent(e.FetchAccount)


def test_a_doubt_about_the_balance_tells_the_present_amounts() -> None:
    desk = market_desk().protected()
    desk.open_orders = tuple(desk.shown(order, "NEW") for order in desk.orders() if order.side == "SELL")
    for amount in ("0.002", "0.001"):
        desk.hold("BTC", amount)
        pass_time(desk, 62)
        text = f"the book has 0.00249 BTC, the account holds {amount}"
        assert desk.core.book.doubts[SYMBOL]["balance"] == text
        for smaller in desk.sent(e.ReplaceOrder):
            desk.withhold(smaller, 1_000.0)
    assert len(desk.noted(f.DoubtRaised)) == 2
    desk.hold("BTC", "0.00249")
    pass_time(desk, 20)
    assert not desk.core.book.doubts

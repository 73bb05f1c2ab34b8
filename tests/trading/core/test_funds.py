"""Deposits and withdrawals while something is under way: no profit, no loss, and no proof about an order."""

import pytest

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition, BalanceUpdate
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import CancelList, PlaceOrder, QueryOrder, ReplaceOrder
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk


def pass_time(desk: Desk, seconds: float, *, miss: bool = False) -> None:
    """Let time pass; ``miss``: no query finds its order."""
    for _ in range(int(seconds / 0.5)):
        desk.fresh()
        for query in desk.sent(QueryOrder) if miss else ():
            desk.refuse(query, -2013, "Order does not exist.")
        desk.tick(0.5)


def move(desk: Desk, asset: str, change: str) -> None:
    """The account stream tells a deposit or a withdrawal."""
    desk.now += 0.01
    ms, known = int(desk.now * 1000), desk.balances.get(asset, Balance(asset, D(0), D(0)))
    desk.hold(asset, str(known.free + D(change)), str(known.locked))
    desk.tell(i.Reported(AccountPosition(ms, ms, (desk.balances[asset],))))
    desk.tell(i.Reported(BalanceUpdate(ms, asset, D(change))))


def test_coins_withdrawn_while_an_entry_is_asked_for_do_not_hide_what_it_bought() -> None:
    desk = market_desk()
    desk.hold("BTC", "1")
    pass_time(desk, 61)
    desk.lose(desk.buy())
    [entry] = desk.orders()
    move(desk, "BTC", "-1")
    # It was executed, and neither queries nor trades tell of it yet.
    desk.hold("BTC", str(entry.quantity))
    pass_time(desk, 60, miss=True)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN


@pytest.mark.parametrize("change", ["0.5", "-0.5"])
def test_an_entry_that_never_arrived_is_concluded_although_coins_of_others_moved(change: str) -> None:
    desk = market_desk()
    desk.hold("BTC", "1")
    pass_time(desk, 61)
    desk.lose(desk.buy())
    [entry] = desk.orders()
    move(desk, "BTC", change)
    pass_time(desk, 60, miss=True)
    assert desk.now_known(entry).status is OrderStatus.REJECTED
    assert desk.core.book.doubts == {}


def test_a_deposit_that_is_told_after_the_balances_showed_it_is_counted_once() -> None:
    desk = market_desk()
    told_ms = int(desk.now * 1000)
    desk.hold("BTC", "1")
    pass_time(desk, 61)
    desk.tell(i.Reported(BalanceUpdate(told_ms, "BTC", D(1))))
    assert desk.core.situation.foreign["BTC"] == 1


def test_money_that_was_there_when_the_account_was_opened_is_no_deposit() -> None:
    desk = market_desk()
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000) - 10_000, "USDT", D(1000))))
    pass_time(desk, 61)
    assert desk.noted(f.FundsMoved) == []


@pytest.mark.parametrize("change", ["250", "-250"])
def test_money_that_moves_during_an_exit_is_no_profit_and_no_loss(change: str) -> None:
    desk = market_desk().protected()
    money = desk.core.book.money
    assert money is not None
    desk.sell()
    move(desk, "USDT", change)
    replacement = desk.one(ReplaceOrder)
    desk.tell(i.Started(replacement.number))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED", execution_type="CANCELED")
    sale = desk.orders(Leg.EXIT)[-1]
    desk.trade(sale, str(sale.quantity), "40000", 700)
    after = desk.core.book.money
    assert after is not None
    assert after.quote == money.quote + D(change) + sale.quantity * 40_000
    assert after.realized == money.realized == 0
    assert [one.change for one in desk.noted(f.FundsMoved)] == [D(change)]


def test_coins_that_are_withdrawn_during_an_exit_are_not_tried_to_be_sold() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    held = desk.core.book.quantity(SYMBOL)
    desk.sell()
    cancel = desk.one(CancelList)
    desk.answer(cancel, desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED", execution_type="CANCELED")
    desk.refuse(desk.one(PlaceOrder), -2010, "Account has insufficient balance for requested action.")
    move(desk, "BTC", "-0.001")
    pass_time(desk, 1.0)
    assert desk.one(PlaceOrder).order.quantity == held - D("0.001")
    assert desk.noted(f.QuarantineBegan) == []


def test_coins_that_are_deposited_during_an_exit_are_not_sold() -> None:
    desk = market_desk().protected()
    held = desk.core.book.quantity(SYMBOL)
    move(desk, "BTC", "1")
    desk.sell()
    assert desk.one(ReplaceOrder).replace.new.quantity == held
    assert desk.core.situation.foreign["BTC"] == 1

"""The account's money: deposits, days and peaks, coins that are not ours."""

import json
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from cq_tui.trading.money.account_money import (
    Money,
    open_money,
    unvalued_commissions,
    value_account,
)
from cq_tui.trading.money.exact import AmountError
from cq_tui.trading.money.fees import fee_of
from cq_tui.trading.money.holding import Holding, Unvalued, buy
from tests.trading.money.naive_ledger import done

D = Decimal
BTC = Holding("BTCUSDT", "BTC", "USDT", D("0.5"), D(20_000))
ETH = Holding("ETHUSDT", "ETH", "USDT", D(2), D(4_000), (Unvalued("BNB", D("0.001"), D("0.002")),))
OPEN = open_money("USDT", D(1_000), day=1)


def test_deposits_and_withdrawals_are_no_profit_loss_or_drawdown() -> None:
    money = OPEN.mark(D(1_100), day=1).deposit(D(500)).deposit(D(-200))
    assert (money.quote, money.start, money.day_base, money.peak) == (D(1_300), D(1_300), D(1_300), D(1_400))
    assert (money.deposits, money.realized) == (D(300), D(0))
    assert money.day_profit(D(1_350)) == 50
    assert money.drawdown(D(1_350)) == 50


def test_a_commission_that_a_foreign_coin_paid_moves_the_start() -> None:
    fee = fee_of("BTC", "USDT", D("0.01"), "BNB", D(600))
    money = OPEN.book(buy(Holding("BTCUSDT", "BTC", "USDT"), done("100", "1"), fee))
    assert (money.quote, money.start, money.day_base, money.peak) == (D(900), D(1_006), D(1_006), D(1_006))
    assert (money.paid_from_outside, money.deposits) == (D(6), D(0))


def test_a_peak_stays_and_a_day_starts_at_its_first_mark() -> None:
    money = OPEN.mark(D(1_200), day=1).mark(D(900), day=1)
    assert (money.peak, money.day_base) == (D(1_200), D(1_000))
    assert money.mark(D(900), day=1) is money
    money = money.mark(D(950), day=2)
    assert (money.peak, money.day_base, money.day) == (D(1_200), D(950), 2)
    assert money.day_profit(D(940)) == -10
    assert money.drawdown(D(940)) == 260
    assert money.drawdown(D(1_300)) == 0


@pytest.mark.parametrize("amount", ["1E25", "-1E25", "1E-17", "NaN"])
def test_a_deposit_that_cannot_be_counted_exactly_is_refused(amount: str) -> None:
    with pytest.raises(AmountError, match="deposit of USDT"):
        OPEN.deposit(D(amount))


def test_a_holding_without_a_bid_counts_at_its_cost_and_is_named() -> None:
    value = value_account(OPEN, [BTC, ETH], {"BTCUSDT": D(50_000), "ETHUSDT": D(0)})
    assert value == (D(30_000), D(29_000), D(5_000), ("ETHUSDT",))


def test_closed_holdings_need_no_bid() -> None:
    assert value_account(OPEN, [Holding("BTCUSDT", "BTC", "USDT")], {}) == (D(1_000), D(0), D(0), ())


def test_unvalued_commissions_are_shown_by_asset() -> None:
    other = Holding("BTCUSDT", "BTC", "USDT", unvalued=(Unvalued("BNB", D(0), D("0.1")), Unvalued("X", D(1), D(1))))
    assert unvalued_commissions([ETH, other]) == {"BNB": D("0.103"), "X": D(2)}


def test_money_survives_a_snapshot_to_the_last_digit() -> None:
    kept = TypeAdapter(Money)
    money = OPEN.deposit(D("999999999999999999999999.0000000000000001"))
    assert kept.validate_python(json.loads(json.dumps(kept.dump_python(money, mode="json")))) == money

"""What one change does to a holding: commissions, partial sales, late prices, foreign coins."""

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cq_tui.trading.money.exact import AmountError
from cq_tui.trading.money.fees import NO_FEE, Fee, fee_of
from cq_tui.trading.money.holding import (
    Holding,
    Unvalued,
    adopt,
    buy,
    give_up,
    pay_commission,
    sell,
    value_commissions,
)
from tests.trading.money.naive_ledger import Done, done

D = Decimal
EMPTY = Holding("BTCUSDT", "BTC", "USDT")


def _held(quantity: str, cost: str) -> Holding:
    return Holding("BTCUSDT", "BTC", "USDT", D(quantity), D(cost))


def _fee(commission: str, asset: str, price: str | None = None) -> Fee:
    return fee_of("BTC", "USDT", D(commission), asset, None if price is None else D(price))


def test_a_commission_in_the_base_asset_reduces_what_is_held() -> None:
    booking = buy(EMPTY, done("40000", "0.0025"), _fee("0.0000025", "BTC"))
    assert (booking.holding.quantity, booking.holding.cost) == (D("0.0024975"), D(100))
    assert booking[1:] == (D(0), D(-100), D(0), D(0), D(0))


def test_a_purchase_that_its_commission_takes_whole_is_a_loss() -> None:
    booking = buy(EMPTY, done("1", "0.00000001"), _fee("0.00000001", "BTC"))
    assert booking.holding == EMPTY
    assert booking.realized == booking.quote == D("-0.00000001")
    lost = buy(EMPTY, done("1", "0.00000001"), Fee(base=D("0.00000001"), outside=D(1)))
    assert (lost.realized, lost.outside) == (D("-1.00000001"), D(1))
    # What the coins of the trade cannot pay, foreign coins of the same asset did.
    more = buy(EMPTY, done("2", "0.5"), Fee(base=D("0.75")))
    assert (more.holding, more.realized, more.quote, more.outside) == (EMPTY, D("-1.5"), D(-1), D("0.5"))


def test_a_commission_in_the_coin_that_is_sold_comes_from_what_remains() -> None:
    held = _held("1", "100")
    part = sell(held, done("110", "0.5"), _fee("0.25", "BTC"))
    assert (part.holding, part.realized, part.quote) == (_held("0.25", "25"), D(-20), D(55))
    assert (part.outside, part.excess) == (D(0), D(0))
    # All of ours is sold: foreign coins of the same asset pay, and nothing foreign was sold.
    whole = sell(held, done("110", "1"), _fee("0.01", "BTC"))
    assert whole.holding.is_empty
    assert (whole.realized, whole.quote, whole.outside, whole.excess) == (D("8.9"), D(110), D("1.1"), D(0))
    some = sell(held, done("110", "0.75"), _fee("0.5", "BTC"))
    assert some.holding.is_empty
    assert (some.realized, some.quote, some.outside, some.excess) == (D(-45), D("82.5"), D("27.5"), D(0))


def test_a_commission_in_the_quote_asset_is_part_of_cost_and_proceeds() -> None:
    bought = buy(EMPTY, done("100", "1"), _fee("0.1", "USDT"))
    assert (bought.holding.quantity, bought.holding.cost, bought.quote) == (D(1), D("100.1"), D("-100.1"))
    sold = sell(bought.holding, done("110", "1"), _fee("0.11", "USDT"))
    assert sold.holding.is_empty
    assert (sold.realized, sold.quote) == (D("110") - D("0.11") - D("100.1"), D("109.89"))


def test_a_third_coin_that_pays_counts_as_cost_and_as_a_deposit() -> None:
    bought = buy(EMPTY, done("100", "1"), _fee("0.001", "BNB", "600"))
    assert (bought.holding.cost, bought.quote, bought.outside) == (D("100.6"), D(-100), D("0.6"))
    sold = sell(bought.holding, done("100", "1"), _fee("0.001", "BNB", "500"))
    assert (sold.realized, sold.quote, sold.outside) == (D("-1.1"), D(100), D("0.5"))


def test_a_commission_without_a_price_waits_and_is_split_with_the_coins() -> None:
    bought = buy(EMPTY, done("100", "4"), _fee("0.004", "BNB")).holding
    assert bought.unvalued == (Unvalued("BNB", D("0.004"), D(0)),)
    sold = sell(bought, done("110", "1"), _fee("0.002", "BNB"))
    assert sold.realized == 10
    assert sold.holding.unvalued == (Unvalued("BNB", D("0.003"), D("0.003")),)
    valued = value_commissions(sold.holding, "BNB", D(600))
    assert valued.holding == _held("3", "301.8")
    assert (valued.realized, valued.outside, valued.quote) == (D("-1.8"), D("3.6"), D(0))
    assert value_commissions(valued.holding, "BNB", D(600)).outside == 0


def test_a_closed_holding_stays_until_its_commissions_are_valued() -> None:
    bought = buy(EMPTY, done("100", "1"), _fee("0.001", "BNB")).holding
    closed = sell(bought, done("100", "1"), NO_FEE).holding
    assert closed.quantity == 0
    assert not closed.is_empty
    valued = value_commissions(closed, "BNB", D(600))
    assert valued.holding.is_empty
    assert (valued.holding.cost, valued.realized) == (D(0), D("-0.6"))


def test_an_open_profit_is_worth_less_cost() -> None:
    held = _held("2", "100")
    assert (held.worth(D(60)), held.unrealized(D(60))) == (D(120), D(20))


def test_shares_are_cut_and_the_last_unit_takes_the_rest() -> None:
    first = sell(_held("3", "100"), done("40", "1"), NO_FEE)
    assert first.holding.cost == D("100") - D("33.333333333333")
    second = sell(first.holding, done("40", "1"), NO_FEE)
    last = sell(second.holding, done("40", "1"), NO_FEE)
    assert last.holding == EMPTY
    assert first.realized + second.realized + last.realized == 20


def test_own_coins_that_pay_a_commission_are_sold_for_it() -> None:
    held = Holding("BNBUSDT", "BNB", "USDT", D(2), D(1000))
    paid, fee = pay_commission(held, D("0.01"), D(600))
    assert (paid.holding.quantity, paid.holding.cost) == (D("1.99"), D(995))
    assert (paid.realized, paid.quote, fee) == (D(1), D(6), Fee(quote=D(6)))
    bought = buy(EMPTY, done("100", "1"), fee)
    assert bought.holding.cost == 106
    assert paid.quote + bought.quote == -100  # the quote balance paid for the coins only
    assert pay_commission(held, D("0.01"))[0].realized == 0  # without a price: at cost


def test_foreign_coins_sold_by_our_order_are_no_profit() -> None:
    booking = sell(_held("1", "100"), done("110", "4"), _fee("4", "USDT"))
    assert booking.holding.is_empty
    assert booking.excess == 3
    assert (booking.realized, booking.deposited, booking.quote) == (D(9), D(327), D(436))


def test_adopted_coins_are_a_deposit_and_lost_ones_a_loss() -> None:
    adopted = adopt(EMPTY, D(2), D(50))
    assert (adopted.holding, adopted.deposited, adopted.realized) == (_held("2", "100"), D(100), D(0))
    taken = give_up(adopted.holding, D(1), D(60))
    assert (taken.holding, taken.deposited, taken.realized) == (_held("1", "50"), D(-60), D(10))
    lost = give_up(adopted.holding, D(1), D(0))
    assert (lost.deposited, lost.realized) == (D(0), D(-50))


@pytest.mark.parametrize("quantity", ["1.00000001", "-1"])
def test_more_than_is_held_is_never_taken_out(quantity: str) -> None:
    with pytest.raises(AmountError, match=rf"BTCUSDT: {quantity} BTC taken out of 1"):
        give_up(_held("1", "100"), D(quantity), D(1))


@pytest.mark.parametrize(
    ("trade", "named"),
    [
        (Done(D("1E13"), D(1), D("1E13")), "price of BTCUSDT is 1E.13"),
        (Done(D("0.000000001"), D(1), D("0.000000001")), "price of BTCUSDT is 1E-9"),
        (Done(D(1), D("1.000000001"), D(1)), "quantity of BTC is 1.000000001"),
        (Done(D(1), D("-1"), D(1)), "quantity of BTC is -1"),
        (Done(D("NaN"), D(1), D(1)), "price of BTCUSDT is NaN"),
        (Done(D(1), D("Infinity"), D(1)), "quantity of BTC is Infinity"),
        (Done(D(1), D(0), D(0)), "quantity of BTC is 0"),
        (Done(D(1), D(1), D("1E-17")), "amount of USDT is 1E-17"),
        (Done(D(1), D(1), D("-1")), "amount of USDT is -1"),
        (Done(D("1000000000000.00000001"), D(1), D(1)), "price of BTCUSDT is 1000000000000"),
        (Done(D(1), D(1), D(10**24 + 1)), "amount of USDT is 1000000000000000000000001"),
    ],
)
def test_what_cannot_be_counted_exactly_is_refused_by_name(trade: Done, named: str) -> None:
    for change in (buy, sell):
        with pytest.raises(AmountError, match=named):
            change(_held("1", "100"), trade, NO_FEE)


def test_a_commission_that_cannot_be_counted_exactly_is_refused_by_name() -> None:
    with pytest.raises(AmountError, match="commission in BNB is 1E-9"):
        _fee("0.000000001", "BNB")
    with pytest.raises(AmountError, match="price of BNB is 1E-9"):
        _fee("1", "BNB", "0.000000001")


def test_the_limits_themselves_are_exact() -> None:
    largest = done("1000000000000", "1000000000000")
    smallest = done("0.00000001", "0.00000001")
    held = buy(buy(EMPTY, largest, NO_FEE).holding, smallest, NO_FEE).holding
    assert f"{held.quantity:f}" == "1000000000000.00000001"
    assert f"{held.cost:f}" == "1000000000000000000000000.0000000000000001"


COSTS = st.decimals("1E-16", 10**24, places=16)
SIZES = st.integers(1, 10**20)


@given(COSTS, SIZES, SIZES)
def test_no_share_is_negative_or_more_than_the_whole(cost: Decimal, held: int, sold: int) -> None:
    holding = Holding("BTCUSDT", "BTC", "USDT", D(max(held, sold)).scaleb(-8), cost)
    booking = sell(holding, Done(D(1), D(sold).scaleb(-8), D(0)), NO_FEE)
    assert 0 <= booking.realized.copy_negate() <= cost
    assert booking.holding.cost >= 0


def test_a_holding_survives_a_snapshot_to_the_last_digit() -> None:
    kept = TypeAdapter(Holding)
    holding = buy(_held("0.00000001", "1E-16"), done("999999999999.99999999", "1"), _fee("0.001", "BNB")).holding
    assert kept.validate_python(json.loads(json.dumps(kept.dump_python(holding, mode="json")))) == holding


def test_a_fill_is_booked_in_thirty_microseconds() -> None:
    trade, fee, best = done("61234.56", "0.0123"), _fee("0.00001234", "BNB", "612.34"), 1.0
    for _ in range(7):
        holding, started = EMPTY, time.process_time()
        for _ in range(500):
            holding = buy(holding, trade, fee).holding
            holding = sell(holding, trade, fee).holding
        best = min(best, (time.process_time() - started) / 1_000)
    assert best < 30e-6

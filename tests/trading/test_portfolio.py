"""The portfolio: nothing is made or lost between fills, positions and profit."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.lifecycle import TradeFill
from cq_tui.trading.portfolio import (
    POSITIONS,
    Position,
    apply_fill,
    equity,
    exposure,
    write_off,
)
from tests.trading.samples import D, fill, position

EMPTY = Position("BTCUSDT", "BTC", "USDT")


def test_a_commission_in_the_base_asset_reduces_what_is_held() -> None:
    booked = apply_fill(EMPTY, "BUY", fill("0.0025", "40000", "0.0000025", "BTC"))
    assert booked.position is not None
    assert booked.position.quantity == D("0.0024975")
    assert booked.position.cost == D("100")
    assert booked.position.average_price == D("40000")
    assert booked.position.opened_at_ms == fill("1").time


def test_a_commission_in_the_quote_asset_adds_to_the_cost() -> None:
    held = apply_fill(EMPTY, "BUY", fill("1", "100", "0.1")).position
    assert held is not None
    assert (held.quantity, held.cost) == (D(1), D("100.1"))
    booked = apply_fill(held, "SELL", fill("1", "110", "0.11"))
    assert booked.position is None
    assert booked.realized == D("110") - D("0.11") - D("100.1")


def test_a_commission_in_a_third_asset_is_valued_when_its_price_is_known() -> None:
    trade = fill("1", "100", "0.001", "BNB")
    valued = apply_fill(EMPTY, "BUY", trade, {"BNB": D("600")}).position
    unvalued = apply_fill(EMPTY, "BUY", trade).position
    assert valued is not None
    assert unvalued is not None
    assert (valued.cost, unvalued.cost) == (D("100.6"), D("100"))


def test_a_partial_sale_takes_its_share_of_the_cost() -> None:
    booked = apply_fill(position(quantity=D(4), cost=D(100)), "SELL", fill("1", "30"))
    assert booked.realized == D(5)
    assert booked.position is not None
    assert (booked.position.quantity, booked.position.cost) == (D(3), D(75))
    assert booked.position.unrealized(D(30)) == D(15)


def test_overselling_is_reported_and_not_counted_as_profit() -> None:
    booked = apply_fill(position(quantity=D(1), cost=D(100)), "SELL", fill("4", "110"))
    assert booked.position is None
    assert booked.excess == D(3)
    assert booked.realized == D(10)


def test_dust_is_written_off_at_its_cost() -> None:
    assert write_off(position(quantity=D("0.000004"), cost=D("0.16"))) == (None, D("-0.16"), D(0))


def test_equity_counts_a_position_without_a_price_at_its_cost() -> None:
    held = {"BTCUSDT": position(quantity=D(2), cost=D(90)), "ETHUSDT": position(symbol="ETHUSDT", cost=D(7))}
    assert exposure(held, {"BTCUSDT": D(50)}) == D(107)
    assert equity(D(1000), held, {"BTCUSDT": D(50)}) == D(1107)


AMOUNTS = st.decimals("0.00001", "50", places=5)
PRICES = st.decimals("0.01", "70000", places=2)
ASSETS = st.sampled_from(["BTC", "USDT", "BNB"])
RATES = st.decimals("0", "0.01", places=4)
TRADES = st.lists(st.tuples(st.booleans(), AMOUNTS, PRICES, ASSETS, RATES), max_size=25)


@given(TRADES, PRICES)
def test_fills_conserve_value(trades: list[tuple[bool, Decimal, Decimal, str, Decimal]], last: Decimal) -> None:
    held: Position | None = EMPTY
    realized, base, quote = D(0), D(0), D(0)
    for number, (buying, amount, price, asset, rate) in enumerate(trades):
        held = held or EMPTY
        if not buying:
            # Never more than is held, commission in base included: that is another case, told as excess.
            amount = held.quantity if number % 3 == 0 else held.quantity / 2
            asset = "USDT" if asset == "BTC" else asset
            if not amount:
                continue
        value = amount * price
        commission = {"BTC": amount * rate, "USDT": value * rate, "BNB": value * rate / 600}[asset]
        trade = TradeFill(number, price, amount, commission, asset, number + 1)
        booked = apply_fill(held, "BUY" if buying else "SELL", trade, {"BNB": D(600)})
        assert booked.excess == 0
        base += (amount if buying else -amount) - (commission if asset == "BTC" else 0)
        quote += (-value if buying else value) - (0 if asset == "BTC" else value * rate)
        realized += booked.realized
        held = booked.position
    unrealized = held.unrealized(last) if held else D(0)
    assert (held.quantity if held else D(0)) == pytest.approx(base, abs=D("1e-15"))
    assert realized + unrealized == pytest.approx(quote + base * last, abs=D("1e-9"))


def test_quarantine_survives_a_restart() -> None:
    held = position(trail=D("12.5"), time_stop_ms=5, protections=2)
    assert POSITIONS.validate_python(json.loads(json.dumps(POSITIONS.dump_python([held], mode="json")))) == [held]

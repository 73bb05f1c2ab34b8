"""Money in one unit, and coins that can be valued."""

from dataclasses import replace

import pytest

from cq_tui.trading.money.units import unit_fault, value_fault
from tests.trading.samples import RULES, D


def test_symbols_in_the_unit_of_the_money_are_taken() -> None:
    assert unit_fault(RULES, "USDT") is None


def test_symbols_in_another_unit_are_refused_by_name() -> None:
    cake = replace(RULES, symbol="CAKEBNB", base_asset="CAKE", quote_asset="BNB")
    assert unit_fault(cake, "USDT") == (
        "CAKEBNB is priced in BNB, but money is counted in USDT: remove it from SYMBOLS, or set TRADER_QUOTE to BNB"
    )
    assert unit_fault(cake, "BNB") is None


@pytest.mark.parametrize("bid", [None, D(0)])
def test_what_has_no_bid_cannot_be_valued(bid: None) -> None:
    assert value_fault("BTCUSDT", bid) == "BTCUSDT has no best bid: what cannot be valued is not opened"
    assert value_fault("BTCUSDT", D("0.01")) is None

"""Money in one unit."""

from dataclasses import replace

from cq_tui.trading.money.units import unit_fault
from tests.trading.samples import RULES


def test_symbols_in_the_unit_of_the_money_are_taken() -> None:
    assert unit_fault(RULES, "USDT") is None


def test_symbols_in_another_unit_are_refused_by_name() -> None:
    cake = replace(RULES, symbol="CAKEBNB", base_asset="CAKE", quote_asset="BNB")
    assert unit_fault(cake, "USDT") == (
        "CAKEBNB is priced in BNB, but money is counted in USDT: remove it from SYMBOLS, or set TRADER_QUOTE to BNB"
    )
    assert unit_fault(cake, "BNB") is None

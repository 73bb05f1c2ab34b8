"""The market over candles: how a symbol trades, what whoever takes pays, and how much there is."""

from decimal import Decimal

import numpy as np
import pytest

from cq_tui.simulator.market.candles import CandleMarket, decimals_of
from cq_tui.simulator.market.symbols import market_symbol

BTC = "BTCUSDT"


def worse(symbol: str, price: int) -> tuple[int, int]:
    return price - 3, price + 5


def market() -> CandleMarket:
    return CandleMarket([market_symbol(BTC)], worse)


@pytest.mark.parametrize(
    ("figures", "decimals"),
    [([1.0, 250.0], 0), ([1.0, 2.5], 1), ([0.1, 27_123.45], 2), ([1e-8], 8), ([1.23456789012], 8)],
)
def test_figures_have_as_many_decimals_as_they_need(figures: list[float], decimals: int) -> None:
    assert decimals_of((np.array([1.0]), np.array(figures))) == decimals


def test_who_takes_pays_more_than_the_price_unless_it_is_exact() -> None:
    here = market()
    here.move(BTC, 1_000)
    assert (here.best_ticks(BTC), here.last_price(BTC)) == ((997, 1_005), Decimal(10))
    here.move(BTC, 1_000, is_exact=True)
    assert here.best_ticks(BTC) == (1_000, 1_000)


def test_all_orders_of_a_candle_share_a_tenth_of_its_volume() -> None:
    here = market()
    line = here.liquidity(BTC)
    here.begin_candle(BTC, 12.345678)
    line.next_tick({"BUY": {Decimal(1): Decimal(99)}, "SELL": {}})  # of the candle before
    level = line.level("SELL", 1_005, 0)
    assert level is not None
    assert (level.price, level.quantity) == (Decimal("10.05"), Decimal("1.23456"))
    assert line.level("SELL", 1_005, 1) is None
    line.next_tick({"BUY": {}, "SELL": {Decimal("10.05"): Decimal("1.2")}})
    assert line.levels("BUY", 997, 20) == [(Decimal("9.97"), Decimal("0.03456"))]
    line.next_tick({"BUY": {Decimal("9.97"): Decimal("0.03456")}, "SELL": {}})
    assert line.level("BUY", 997, 0) is None
    here.begin_candle(BTC, 0.0)
    assert line.levels("BUY", 997, 20) == []

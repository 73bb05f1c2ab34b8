"""Indicators against two oracles: TA-Lib's batch functions bit for bit, and talipp once warm."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib
from talipp.indicators import ADX, ATR, BB, EMA, RSI, SMA
from talipp.ohlcv import OHLCV

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns
from cq_tui.strategies.indicators import (
    BarIndicator,
    BollingerBands,
    CloseIndicator,
    NonFiniteInput,
    adx,
    atr,
    ema,
    minus_di,
    plus_di,
    rsi,
    sma,
)
from tests.strategies.walks import recorded, walk

COUNT = 900
#: Wilder(14) has forgotten its seed to far below 1e-9 by then, EMA(50) too.
WARM = 700

OVER_CLOSES: list[tuple[CloseIndicator, Callable[..., Any], int]] = [
    (ema(20), talib.EMA, 20),
    (ema(200), talib.EMA, 200),
    (sma(50), talib.SMA, 50),
    (rsi(14), talib.RSI, 14),
]
OVER_BARS: list[tuple[BarIndicator, Callable[..., Any], int]] = [
    (atr(14), talib.ATR, 14),
    (atr(22), talib.ATR, 22),
    (adx(14), talib.ADX, 14),
    (plus_di(14), talib.PLUS_DI, 14),
    (minus_di(14), talib.MINUS_DI, 14),
]
FIRST = {"EMA(20)": 20, "EMA(200)": 200, "SMA(50)": 50, "RSI(14)": 15, "ATR(14)": 15, "ATR(22)": 23,
         "ADX(14)": 28, "+DI(14)": 15, "-DI(14)": 15}  # fmt: skip


@pytest.fixture(params=["walk", "recorded"])
def klines(request: pytest.FixtureRequest) -> list[Kline]:
    return walk(7, COUNT) if request.param == "walk" else recorded("ETHUSDT", COUNT)


@pytest.mark.parametrize(("indicator", "batch", "period"), OVER_CLOSES, ids=lambda value: getattr(value, "name", ""))
def test_over_closes_like_talib(
    klines: list[Kline], indicator: CloseIndicator, batch: Callable[..., Any], period: int
) -> None:
    indicator.reset()
    streamed = np.array([indicator.update(bar.close) for bar in klines])
    wanted = batch(BarColumns.of(klines).close, timeperiod=period)
    assert np.array_equal(streamed, wanted, equal_nan=True)
    assert int(np.isnan(streamed).sum()) == FIRST[indicator.name] - 1 == indicator.first - 1


@pytest.mark.parametrize(("indicator", "batch", "period"), OVER_BARS, ids=lambda value: getattr(value, "name", ""))
def test_over_bars_like_talib(
    klines: list[Kline], indicator: BarIndicator, batch: Callable[..., Any], period: int
) -> None:
    indicator.reset()
    streamed = np.array([indicator.update(bar.high, bar.low, bar.close) for bar in klines])
    wanted = batch(*BarColumns.of(klines), timeperiod=period)
    assert np.array_equal(streamed, wanted, equal_nan=True)
    assert int(np.isnan(streamed).sum()) == FIRST[indicator.name] - 1 == indicator.first - 1


def test_bands_like_talib(klines: list[Kline]) -> None:
    bands = BollingerBands(20, 2.0)
    streamed = np.array([bands.update(bar.close) for bar in klines]).T
    wanted = np.array(talib.BBANDS(BarColumns.of(klines).close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0))
    assert np.array_equal(streamed, wanted, equal_nan=True)


def test_bands_use_the_population_deviation(klines: list[Kline]) -> None:
    bands = BollingerBands(20, 2.0)
    bands.warm(BarColumns.of(klines).close)
    last = np.array([bar.close for bar in klines[-20:]])
    assert bands.value.middle == pytest.approx(last.mean(), rel=1e-12)
    assert bands.value.upper == pytest.approx(last.mean() + 2 * last.std(ddof=0), rel=1e-9)
    assert bands.value.width == pytest.approx(4 * last.std(ddof=0) / last.mean(), rel=1e-6)


@pytest.mark.parametrize("cut", [1, 14, 15, 27, 28, 199, 200, 500])
def test_a_batch_start_continues_like_single_bars(cut: int) -> None:
    bars = walk(8, COUNT)
    closes, columns = BarColumns.of(bars[:cut]).close, BarColumns.of(bars[:cut])
    for close_indicator, _, _ in OVER_CLOSES:
        close_indicator.reset()
        whole = [close_indicator.update(bar.close) for bar in bars]
        started = list(close_indicator.warm(closes)) + [close_indicator.update(bar.close) for bar in bars[cut:]]
        assert np.array_equal(whole, started, equal_nan=True), close_indicator.name
    for indicator, _, _ in OVER_BARS:
        indicator.reset()
        whole = [indicator.update(bar.high, bar.low, bar.close) for bar in bars]
        started = list(indicator.warm(columns))
        started += [indicator.update(bar.high, bar.low, bar.close) for bar in bars[cut:]]
        assert np.array_equal(whole, started, equal_nan=True), indicator.name


def test_once_warm_like_talipp(klines: list[Kline]) -> None:
    columns = BarColumns.of(klines)
    closes = columns.close.tolist()
    candles = [OHLCV(bar.open, bar.high, bar.low, bar.close, bar.volume, bar.open_time) for bar in klines]
    directions = list(ADX(14, 14, candles))
    bands = list(BB(20, 2.0, closes))
    upper, middle, lower = BollingerBands(20, 2.0).warm(columns.close)
    pairs = {
        "EMA": (ema(50).warm(columns.close), list(EMA(50, closes))),
        "SMA": (sma(50).warm(columns.close), list(SMA(50, closes))),
        "RSI": (rsi(14).warm(columns.close), list(RSI(14, closes))),
        "ATR": (atr(14).warm(columns), list(ATR(14, candles))),
        "ADX": (adx(14).warm(columns), [value and value.adx for value in directions]),
        "+DI": (plus_di(14).warm(columns), [value and value.plus_di for value in directions]),
        "-DI": (minus_di(14).warm(columns), [value and value.minus_di for value in directions]),
        "middle": (middle, [value and value.cb for value in bands]),
    }
    for name, (ours, theirs) in pairs.items():
        assert ours[WARM:] == pytest.approx(np.array(theirs[WARM:], dtype=float), rel=1e-9), name
    # A standard deviation is a difference of large sums: its rounding is relative to the price, not to itself.
    deviation = np.array([value.ub - value.cb for value in bands[WARM:]])
    assert (upper - middle)[WARM:] == pytest.approx(deviation, abs=1e-9 * klines[0].close)
    assert (middle - lower)[WARM:] == pytest.approx(deviation, abs=1e-9 * klines[0].close)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_changes_nothing(wrong: float) -> None:
    bars = walk(9, 60)
    average, span, bands = ema(20), atr(14), BollingerBands()
    for bar in bars:
        average.update(bar.close), span.update(bar.high, bar.low, bar.close), bands.update(bar.close)
    values = average.value, span.value, bands.value
    with pytest.raises(NonFiniteInput, match=r"EMA\(20\): close is"):
        average.update(wrong)
    with pytest.raises(NonFiniteInput, match=r"ATR\(14\)"):
        span.update(bars[0].high, wrong, bars[0].close)
    with pytest.raises(NonFiniteInput, match="BBANDS"):
        bands.update(wrong)
    assert (average.value, span.value, bands.value) == values


def test_a_batch_that_is_not_finite_is_refused() -> None:
    columns = BarColumns.of(walk(9, 60))
    columns.close[30] = math.nan
    with pytest.raises(NonFiniteInput, match="bar 30 of the batch"):
        rsi().warm(columns.close)
    with pytest.raises(NonFiniteInput, match="bar 30 of the batch"):
        adx().warm(columns)


def test_a_flat_series_gives_the_values_that_the_strategies_must_not_trust() -> None:
    flat = np.full(100, 30_123.17)
    columns = BarColumns(flat, flat, flat)
    upper, middle, lower = BollingerBands().warm(flat)
    assert rsi().warm(flat)[-1] == 0.0
    assert adx().warm(columns)[-1] == 0.0
    assert (upper - lower)[-1] / middle[-1] == 0.0

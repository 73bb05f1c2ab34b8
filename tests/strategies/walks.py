"""Klines for the tests: random walks with trend and volatility regimes, and recorded ones where there are any."""

import csv
import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters, BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf, TrendParameters

SECOND = 1000
#: A multiple of all frames of a 1s and a 1m base.
START = 1_700_000_100_000 // 900_000 * 900_000

RECORDED = Path(__file__).resolve().parents[2] / "../shared/market"

#: Short periods, so that a strategy is warm after 360 base bars.
SMALL_TREND = TrendParameters(ema_fast=3, ema_middle=5, ema_slow=8, period=3)
SMALL_BAND = BandParameters(band_period=8, width_period=8, period=4)


def kline(index: int, price: float, *, spread: float = 0.0, base: int = SECOND) -> Kline:
    """Make a bar that opens and closes at one price."""
    start = START + index * base
    return Kline(start, start + base - 1, price, price + spread, price - spread, price, 1.0, price, 1)


def walk(seed: int, count: int, *, base: int = SECOND, scale: float = 1.0, price: float = 100.0) -> list[Kline]:
    """Return a walk with trend regimes of 400 bars and volatility regimes of 300."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.normal(0, 6e-5, count // 400 + 1), 400)[:count]
    volatility = np.repeat(rng.uniform(4e-4, 9e-4, count // 300 + 1), 300)[:count]
    close = price * np.exp(np.cumsum(drift + rng.normal(0, 1, count) * volatility) * scale)
    opened = np.concatenate(([price], close[:-1]))
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 2e-4, count)) * scale)
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 2e-4, count)) * scale)
    volume = rng.uniform(1, 9, count)
    columns = (opened, high, low, close, volume, volume * close)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Kline(START + i * base, START + (i + 1) * base - 1, first, top, bottom, last, amount, quote, 3)
        for i, (first, top, bottom, last, amount, quote) in enumerate(rows)
    ]


def recorded(symbol: str, count: int) -> list[Kline]:
    """Return the first recorded 1m klines of a symbol; skips the test where they are absent."""
    files = sorted(RECORDED.glob(f"{symbol}-1m-*.csv.gz"))
    if not files:
        pytest.skip(f"no recorded klines of {symbol} in {RECORDED.name}/ beside the project")
    klines: list[Kline] = []
    with gzip.open(files[0], "rt") as lines:
        for row in csv.reader(lines):
            if row[0].isdigit():
                klines.append(_recorded_kline(row))
            if len(klines) == count:
                break
    return klines


def _recorded_kline(row: list[str]) -> Kline:
    opened, high, low, close, volume = map(float, row[1:6])
    return Kline(int(row[0]), int(row[6]), opened, high, low, close, volume, 0.0, 0)


def full_engine(base: int = SECOND, symbol: str = "BTCUSDT") -> SymbolEngine:
    """Both strategies with their defaults."""
    return SymbolEngine(base, [TrendMultiTf(symbol, base), BbMeanRevertV2(symbol, base)])


def small_engine() -> SymbolEngine:
    """Both strategies with short periods."""
    return SymbolEngine(
        SECOND,
        [TrendMultiTf("BTCUSDT", SECOND, SMALL_TREND), BbMeanRevertV2("BTCUSDT", SECOND, SMALL_BAND)],
    )


def run(engine: SymbolEngine, klines: Iterable[Kline]) -> list[Signal]:
    """Feed klines one by one and collect the signals."""
    return [signal for bar in klines for signal in engine.on_kline(bar)]


def run_from(make: Callable[[], SymbolEngine], klines: list[Kline], cut: int) -> list[Signal]:
    """Warm a fresh engine with everything before ``cut``, feed the rest, collect the signals."""
    engine = make()
    engine.warm_up(klines[:cut])
    return run(engine, klines[cut:])


def after(signals: list[Signal], klines: list[Kline], cut: int) -> list[Signal]:
    """Keep the signals of ``klines[cut:]``."""
    return [signal for signal in signals if signal.bar_close_time >= klines[cut].close_time]

"""The strategy engine, bar by bar and over whole recordings, against the same indicators alone in talipp, in Python.

The peer is given the bars of each frame; it only makes its own type of them, as whoever uses it must.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from talipp.indicators import ADX, ATR, BB, EMA, RSI, SMA
from talipp.ohlcv import OHLCV

from benchmarks.report import Row, in_turn
from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarSeries, Frame
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.frames import BaseColumns
from cq_tui.strategies.protocol import Strategy
from cq_tui.strategies.scanning import scan
from cq_tui.strategies.trend_multi_tf import TrendMultiTf

_SECOND, _START = 1000, 1_700_000_100_000 // 900_000 * 900_000
_WARM = 9_000
#: Microseconds a bar and strategy, and how many times as fast as the peer each strategy is to be.
_BAR, _TREND_BAR, _BAND_BAR = 5.0, 4.0, 8.0
#: Bars a second of a scan.
_SCANNED = 2_000_000


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure each strategy alone and both together."""
    klines = _walk(_WARM + (10_000 if quick else 30_000))
    rounds = 3 if quick else 7
    compared = (
        ("trend_multi_tf", (TrendMultiTf,), _trend_alone(klines[_WARM:]), _TREND_BAR),
        ("bb_mean_revert_v2", (BbMeanRevertV2,), _bands_alone(klines[_WARM:]), _BAND_BAR),
    )
    for name, classes, peer, bar in compared:
        ours = _engine_time(klines, classes)
        found = in_turn(ours, peer, rounds)
        yield Row(
            f"strategies: {name}, bar by bar",
            f"{found.ours:.2f} us/bar",
            f"talipp's indicators alone {found.peer:.1f} us/bar",
            f"{found.ratio:.1f}x",
            f">= {bar:g}x",
            found.ratio >= bar,
        )
    for name, classes, _, _ in compared:
        found = in_turn(_scan_time(klines, classes[0]), _engine_time(klines, classes), rounds)
        rate = 1e6 / found.ours
        yield Row(
            f"strategies: {name}, a scan",
            f"{rate:,.0f} bars/s",
            f"bar by bar {1e6 / found.peer:,.0f}",
            f"{found.ratio:.1f}x",
            f">= {_SCANNED:,} bars/s",
            rate >= _SCANNED,
        )
    both = min(_engine_time(klines, (TrendMultiTf, BbMeanRevertV2))() for _ in range(5))
    each = both / 2
    yield Row("strategies: both, a bar and strategy", f"{each:.2f} us", "-", "-", f"<= {_BAR:g} us", each <= _BAR)


def _engine_time(klines: Sequence[Kline], classes: Sequence[Callable[[str, int], Strategy]]) -> Callable[[], float]:
    """Return what measures the CPU microseconds of a warm engine on a bar."""

    def measured() -> float:
        engine = SymbolEngine(_SECOND, [make("BTCUSDT", _SECOND) for make in classes])
        engine.warm_up(klines[:_WARM])
        on_kline, later = engine.on_kline, klines[_WARM:]
        began = time.process_time()
        for kline in later:
            on_kline(kline)
        return (time.process_time() - began) / len(later) * 1e6

    return measured


def _scan_time(klines: Sequence[Kline], make: Callable[[str, int], Strategy]) -> Callable[[], float]:
    """Return what measures the CPU microseconds of a scan on a bar."""
    opens, _, first, high, low, last, volume, _, _ = zip(*klines, strict=True)
    columns = BaseColumns(np.array(opens), *map(np.array, (first, high, low, last, volume)))

    def measured() -> float:
        began = time.process_time()
        scan(make("BTCUSDT", _SECOND), columns, _SECOND, klines.__getitem__)
        return (time.process_time() - began) / len(klines) * 1e6

    return measured


def _trend_alone(klines: Sequence[Kline]) -> Callable[[], float]:
    """Return what measures the indicators of trend_multi_tf on its three frames, whose bars are there already."""
    series = BarSeries(_SECOND)
    bars = [(item.frame, item.bar) for kline in klines for item in series.push(kline)]

    def measured() -> float:
        by_frame = {
            Frame.TRIGGER: ((EMA(20), EMA(50)), (ATR(14),)),
            Frame.TREND: ((EMA(20), EMA(50), EMA(200)), (ADX(14, 14), ATR(14))),
            Frame.TIDE: ((EMA(50), EMA(200)), (ATR(14),)),
        }
        began = time.process_time()
        for frame, bar in bars:
            of_closes, of_bars = by_frame[frame]
            ohlcv = _ohlcv(bar)
            for average in of_closes:
                average.add(bar.close)
            for indicator in of_bars:
                indicator.add(ohlcv)
        return (time.process_time() - began) / len(klines) * 1e6

    return measured


def _bands_alone(klines: Sequence[Kline]) -> Callable[[], float]:
    """Return what measures the indicators of bb_mean_revert_v2."""

    def measured() -> float:
        bands, width, rsi, adx, atr = BB(20, 2.0), SMA(50), RSI(14), ADX(14, 14), ATR(14)
        began = time.process_time()
        for bar in klines:
            ohlcv = _ohlcv(bar)
            bands.add(bar.close)
            if (band := bands[-1]) is not None:
                width.add((band.ub - band.lb) / band.cb)
            rsi.add(bar.close)
            adx.add(ohlcv)
            atr.add(ohlcv)
        return (time.process_time() - began) / len(klines) * 1e6

    return measured


def _ohlcv(kline: Kline) -> OHLCV:
    return OHLCV(kline.open, kline.high, kline.low, kline.close)


def _walk(count: int) -> list[Kline]:
    random = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(random.normal(0, 7e-4, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(opened, close) * (1 + np.abs(random.normal(0, 2e-4, count)))
    low = np.minimum(opened, close) * (1 - np.abs(random.normal(0, 2e-4, count)))
    rows = zip(*(column.tolist() for column in (opened, high, low, close)), strict=True)
    return [
        Kline(_START + i * _SECOND, _START + (i + 1) * _SECOND - 1, first, top, bottom, last, 5.0, 500.0, 3)
        for i, (first, top, bottom, last) in enumerate(rows)
    ]

"""Runs over a walk of minutes: each built-in strategy, and an EMA cross beside backtesting.py, with as many trades."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.lookback.ema_cross import ours, theirs
from benchmarks.report import Row, in_turn
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.run import run
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.protocol import Strategy
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from cq_tui.trading.core.facts import OrderFilled
from tests.lookback.test_against_backtesting import WITHOUT_COSTS, Ema, walk

_MINUTE, _START = 60_000, 1_700_006_400_000
#: Bars a second of a built-in strategy; microseconds of a whole trade; how many times as fast as the peer.
_RATE, _TRADE, _PEER = 100_000, 250.0, 1.2


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure each built-in strategy, then the same strategy in both engines."""
    rounds = 2 if quick else 5
    klines = _walk(30_000 if quick else 70_000)
    for made in (TrendMultiTf, BbMeanRevertV2):
        rate = max(_rate(klines, lambda symbol, length, made=made: [made(symbol, length)]) for _ in range(rounds))  # type: ignore[misc]
        yield Row(f"look back: {made.name}", f"{rate:,.0f} bars/s", "-", "-", f">= {_RATE:,} bars/s", rate >= _RATE)
    cross = _walk(10_000 if quick else 50_000)
    found = in_turn(_seconds(lambda: ours(cross, WITHOUT_COSTS)), _seconds(lambda: theirs(cross)), rounds)
    yield Row(
        "look back: an EMA cross, a position in 100 bars",
        f"{len(cross) / found.ours:,.0f} bars/s",
        f"backtesting.py {len(cross) / found.peer:,.0f}",
        f"{found.ratio:.2f}x",
        f">= {_PEER:g}x",
        found.ratio >= _PEER,
    )
    same = walk()
    trade = min(_trade_us(same) for _ in range(rounds))
    yield Row("look back: a whole trade", f"{trade:,.0f} us", "-", "-", f"<= {_TRADE:g} us", trade <= _TRADE)


def _walk(count: int) -> KlineColumns:
    draw = np.random.default_rng(5)
    close = np.round(27_000 * np.exp(np.cumsum(draw.normal(0, 0.0006, count))), 2)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.round(np.maximum(opened, close) + 4.0, 2), np.round(np.minimum(opened, close) - 4.0, 2)
    times = _START + np.arange(count) * _MINUTE
    return KlineColumns("BTCUSDT", _MINUTE, times, opened, high, low, close, np.full(count, 50.0))


def _timed(
    klines: KlineColumns, make: Callable[[str, int], Sequence[Strategy]], plan: BacktestPlan | None = None
) -> tuple[float, BacktestResult]:
    began = time.process_time()
    result = run(plan or BacktestPlan({}), {klines.symbol: klines}, make)
    return time.process_time() - began, result


def _rate(klines: KlineColumns, make: Callable[[str, int], Sequence[Strategy]]) -> float:
    seconds, result = _timed(klines, make)
    return result.bars / seconds


def _seconds(call: Callable[[], object]) -> Callable[[], float]:
    def measured() -> float:
        began = time.process_time()
        call()
        return time.process_time() - began

    return measured


def _trade_us(klines: KlineColumns) -> float:
    """Return the microseconds of an entry, its protection and its exit: what is left without the bars."""
    whole, result = _timed(klines, lambda symbol, _: [Ema(symbol)], WITHOUT_COSTS)
    sales = sum(isinstance(fact, OrderFilled) and fact.realized is not None for fact in result.facts)
    bars, _ = _timed(klines, lambda symbol, _: [_Silent(symbol)], WITHOUT_COSTS)
    return (whole - bars) / max(sales, 1) * 1e6


class _Silent(Ema):
    """The same, without signals."""

    def on_bar(self, frame, bar):  # type: ignore[no-untyped-def]
        super().on_bar(frame, bar)

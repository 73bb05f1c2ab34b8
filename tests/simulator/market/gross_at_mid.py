"""What strategies earn on generated prices before any cost: every entry and exit at a mid price that was seen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from cq_tui.contracts.market import Kline, make_kline
from cq_tui.simulator.market.random_walk import RandomWalk, WalkState
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, market_symbol
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Bars, Floats, bars_of_ticks
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Side, Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf

SECOND = 1_000
START = 1_700_000_040_000 // 60_000 * 60_000
#: Bars that warm up both strategies.
WARM_UP = 9_000


class Second(NamedTuple):
    """A closed bar, and the mid price after each of its ticks."""

    bar: Kline
    mids: list[float]


@dataclass(frozen=True, slots=True)
class Gross:
    """Returns of a strategy's trades, before costs."""

    returns: tuple[float, ...]

    @property
    def standard_errors(self) -> float:
        """The mean in its standard errors: what pure chance keeps within two of zero, 19 times of 20."""
        return fmean(self.returns) / (stdev(self.returns) / math.sqrt(len(self.returns)))


class _Position:
    """One long position, from the signal's bar to its exit."""

    def __init__(self, signal: Signal, mid: float) -> None:
        self._signal = signal
        self._entry = mid
        self._stop = signal.stop_loss
        self._bars = 0
        self.stopped = False

    def exit_at(self, second: Second) -> float | None:
        """Return the return at the first mid that ends the position in this second."""
        self._bars += 1
        for mid in second.mids:
            if mid <= self._stop or mid >= self._signal.take_profit:
                self.stopped = mid <= self._stop
                return self.at(mid)
        if self._signal.trail is not None:
            self._stop = max(self._stop, second.bar.high - self._signal.trail)
        return self.at(second.mids[-1]) if self._bars == self._signal.max_bars else None

    def at(self, mid: float) -> float:
        """Return the return of an exit at this price."""
        return mid / self._entry - 1


class _Book:
    """The positions of one symbol, one a strategy, and the returns of all that were closed."""

    def __init__(self) -> None:
        self._open: dict[str, _Position] = {}
        self._paused_until: dict[str, int] = {}
        self._cooldown: dict[str, int] = {}
        self.returns: dict[str, list[float]] = {}

    def on_second(self, second: Second, signals: Sequence[Signal]) -> None:
        """Close what ends in this second, then follow its signals at its last mid."""
        for name, position in list(self._open.items()):
            if (earned := position.exit_at(second)) is not None:
                self._close(name, earned)
                if position.stopped:
                    self._paused_until[name] = second.bar.open_time + self._cooldown[name] * SECOND
        for signal in signals:
            name, mid = signal.strategy, second.mids[-1]
            if signal.side is Side.SELL and name in self._open:
                self._close(name, self._open[name].at(mid))
            elif signal.side is Side.BUY and name not in self._open and self._may_enter(name, second):
                self._open[name] = _Position(signal, mid)
                self._cooldown[name] = signal.cooldown_bars

    def _may_enter(self, name: str, second: Second) -> bool:
        return second.bar.open_time > self._paused_until.get(name, 0)

    def _close(self, name: str, earned: float) -> None:
        del self._open[name]
        self.returns.setdefault(name, []).append(earned)


def gross_at_mid(seeds: Sequence[int], bars: int) -> dict[str, Gross]:
    """Return the gross result of each strategy over ``bars`` bars of each default symbol after the warm-up."""
    returns: dict[str, list[float]] = {}
    for seed in seeds:
        for seconds in _symbols_seconds(seed, WARM_UP + bars):
            symbol_returns = _run_symbol(seconds)
            for name, earned in symbol_returns.items():
                returns.setdefault(name, []).extend(earned)
    return {name: Gross(tuple(earned)) for name, earned in returns.items()}


def _run_symbol(seconds: Iterator[Second]) -> dict[str, list[float]]:
    engine = SymbolEngine(SECOND, [TrendMultiTf("BTCUSDT", SECOND), BbMeanRevertV2("BTCUSDT", SECOND)])
    engine.warm_up([next(seconds).bar for _ in range(WARM_UP)])
    book = _Book()
    for second in seconds:
        book.on_second(second, engine.on_kline(second.bar))
    return book.returns


def _symbols_seconds(seed: int, count: int) -> Iterator[Iterator[Second]]:
    """Yield each symbol's seconds."""
    symbols = [market_symbol(name) for name in DEFAULT_SYMBOLS]
    tick_sizes: Floats = np.array([float(entry.tick_size) for entry in symbols])
    walk = RandomWalk(symbols, seed, WalkState.at(START, np.zeros(len(symbols))))
    blocks = [walk.next_block() for _ in range(-(-count // 20))]
    bars = np.concatenate([bars_of_ticks(block, tick_sizes) for block in blocks])[:count]
    mids = np.concatenate([(block.bid + block.ask) / 2 for block in blocks]) * tick_sizes
    for column in range(len(symbols)):
        yield map(
            Second,
            _klines(bars[:, column]),
            mids[:, column].reshape(-1, TICKS_PER_SECOND).tolist(),
        )


def _klines(bars: Bars) -> Iterator[Kline]:
    names = ("open_time", "open", "high", "low", "close", "volume", "quote", "trades")
    for row in zip(*(bars[name].tolist() for name in names), strict=True):
        yield make_kline((row[0], row[0] + SECOND - 1, *row[1:]))

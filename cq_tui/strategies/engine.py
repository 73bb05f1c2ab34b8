"""The strategy engine of one symbol: base klines in, signals out, with warm-up and gaps.

A gap in the base klines, by frame:

- trigger: the frame is reset. Crossings, setups and time windows count consecutive bars, and ATR and the bands would
  take the jump over the gap for movement.
- trend and tide: a bar that lacks a base kline is dropped. A gap of at most ``max_bridged_bars`` (a twentieth of the
  longest period) is bridged: slow averages barely change. A wider gap resets the frame.

A frame that was reset is warm again only after its full number of bars. While the latest closed bar of a frame is a
dropped one, there is no signal: the strategy would decide on the bar before it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, BarCounts, BarSeries, Frame, FrameBar, History, interval_label
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.checking import checked_signal
from cq_tui.strategies.choice import parameters_digest
from cq_tui.strategies.protocol import BatchStrategy, Signal, Strategy
from cq_tui.strategies.raised import describe_error, format_traceback

Result = TypeVar("Result")

#: Divisor: bars that may be missing in one gap without a reset, as a share of the warm-up bars.
_BRIDGED_SHARE = 60
#: Values of a strategy that a signal carries.
_MAX_VALUES = 64


def finite_values(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that are known, as plain numbers; of a strategy that has very many, the first ones."""
    finite = ((str(name), float(value)) for name, value in values.items() if math.isfinite(value))
    return dict(islice(finite, _MAX_VALUES))


def max_bridged_bars(frame: Frame, warm_up: int) -> int:
    """Return how many missing bars are bridged: none in the trigger frame, else a twentieth of the longest period."""
    return 0 if frame is Frame.TRIGGER else warm_up // _BRIDGED_SHARE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine is told of where it runs."""

    #: The symbol that its signals must be of; None allows any.
    symbol: str | None = None
    #: Seconds, for measuring each call of a strategy; None measures none.
    clock: Callable[[], float] | None = None
    #: Where the measured times go, by strategy: the engines of all symbols may share one.
    times: dict[str, CallTimes] = field(default_factory=dict)
    #: What a strategy may raise without ending more than itself.
    contained: type[BaseException] = Exception
    #: Called once for each strategy that stops, with its name, the failure and the traceback.
    on_failure: Callable[[str, str, str], object] = lambda *_: None


class SymbolEngine:
    """All strategies on one symbol."""

    def __init__(
        self, base_interval_ms: int, strategies: Sequence[Strategy], surroundings: Surroundings | None = None
    ) -> None:
        self._series = BarSeries(base_interval_ms)
        chosen = surroundings or Surroundings()
        self._runners = [_Runner(base_interval_ms, strategy, chosen) for strategy in strategies]

    def warm_up(self, klines: Sequence[Kline]) -> None:
        """Process stored base klines, oldest first, without emitting signals.

        The resulting state is the same as after ``on_kline`` over the same klines.
        """
        batches = [runner for runner in self._runners if runner.begin_batch()]
        if len(batches) == len(self._runners) and (history := self._series.start(klines)) is not None:
            for runner in batches:
                runner.take_history(history)
            return
        for kline in klines:
            for closed in self._series.push(kline):
                for runner in self._runners:
                    runner.process(closed)
        for runner in batches:
            runner.finish_batch()

    def on_kline(self, kline: Kline) -> list[Signal]:
        """Process the next closed base kline; return the signals that it triggers.

        A duplicate, late or invalid kline triggers none and changes only ``counts``.
        """
        closed = self._series.push(kline)
        signals = [runner.process(bar) for bar in closed for runner in self._runners]
        return [signal for signal in signals if signal is not None]

    @property
    def names(self) -> list[str]:
        """The strategies, as they decide on a bar."""
        return [runner.name for runner in self._runners]

    def drop(self, name: str) -> None:
        """Forget one strategy."""
        self._runners = [runner for runner in self._runners if runner.name != name]

    def adopt(self, other: "SymbolEngine", order: Sequence[str]) -> None:
        """Take over the strategies of an engine that processed the same klines, up to the same one.

        So one strategy starts over while the others go on; ``order`` has the names of all, as they decide on a bar.
        Raises ValueError if the last klines differ.
        """
        if other.last_open_time != self.last_open_time:
            raise ValueError(f"klines up to {other.last_open_time} and up to {self.last_open_time}")
        self._runners = sorted((*self._runners, *other._runners), key=lambda runner: order.index(runner.name))

    @property
    def counts(self) -> BarCounts:
        """Counts of accepted, ignored and dropped klines."""
        return self._series.counts

    @property
    def last_open_time(self) -> int | None:
        """Open time of the last accepted kline, ms."""
        return self._series.last_open_time

    @property
    def warmup_by_strategy(self) -> dict[str, str]:
        """Warm-up progress by strategy, such as ``tide frame 412/600 bars``; empty when all are warm."""
        texts = {runner.name: runner.warmup_progress for runner in self._runners}
        return {name: text for name, text in texts.items() if text}

    @property
    def warmup_progress(self) -> str:
        """Warm-up progress of the slowest strategy; empty when all are warm."""
        behind = [runner for runner in self._runners if runner.warmup_progress]
        return max(behind, key=lambda runner: runner.base_bars_missing).warmup_progress if behind else ""

    @property
    def failures(self) -> dict[str, str]:
        """The error that stopped a strategy on this symbol, by strategy."""
        return {runner.name: runner.failure for runner in self._runners if runner.failure}

    def values(self) -> dict[str, dict[str, float]]:
        """Return the latest indicator values of each strategy."""
        found = {runner.name: runner.values() for runner in self._runners if not runner.failure}
        return {name: values for name, values in found.items() if values is not None}


class _Runner:
    """One strategy and its bar counts."""

    def __init__(self, base_interval_ms: int, strategy: Strategy, surroundings: Surroundings) -> None:
        self.strategy = strategy
        self.name = strategy.name
        self.failure = ""
        self._times = surroundings.times.setdefault(self.name, CallTimes())
        self._surroundings = surroundings
        self._interval = interval_label(base_interval_ms)
        self._needed = dict(strategy.warm_up)
        self._seen = dict.fromkeys(self._needed, 0)
        self._latest = dict.fromkeys(self._needed, 0)
        self._length = {frame: frame * base_interval_ms for frame in self._needed}
        self._bridged = {frame: max_bridged_bars(frame, needed) for frame, needed in self._needed.items()}
        self._batch: dict[Frame, list[Kline]] | None = None
        self._digest: str | None = None
        self._update_warm()

    @property
    def base_bars_missing(self) -> int:
        return max(frame * (needed - self._seen[frame]) for frame, needed in self._needed.items())

    @property
    def warmup_progress(self) -> str:
        if self.is_warm or self.failure:
            return ""
        frame = max(self._needed, key=lambda frame: frame * (self._needed[frame] - self._seen[frame]))
        return f"{frame.label} frame {self._seen[frame]}/{self._needed[frame]} bars"

    def begin_batch(self) -> bool:
        """Collect bars from now on, if the strategy is fresh and supports batches."""
        if isinstance(self.strategy, BatchStrategy) and not any(self._seen.values()):
            self._batch = {frame: [] for frame in self._needed}
        return self._batch is not None

    def finish_batch(self) -> None:
        """Pass the collected bars to the strategy."""
        batch, self._batch = self._batch or {}, None
        self._warm_strategy({frame: BarColumns.of(bars) for frame, bars in batch.items()})

    def take_history(self, history: Mapping[Frame, History]) -> None:
        """Pass a whole history to the strategy, in place of a batch."""
        self._batch = None
        for frame in self._needed:
            self._seen[frame], self._latest[frame] = len(history[frame].columns.close), history[frame].last_close_time
        self._update_warm()
        self._warm_strategy({frame: history[frame].columns for frame in self._needed})

    def _update_warm(self) -> None:
        """Note whether every frame has its bars, which is asked far more often than it changes."""
        self.is_warm = all(self._seen[frame] >= needed for frame, needed in self._needed.items())

    def _warm_strategy(self, columns: Mapping[Frame, BarColumns]) -> None:
        """Pass the columns to the strategy, widest frame first."""
        strategy = self.strategy
        for frame in sorted(columns, reverse=True):
            if len(columns[frame].close) and isinstance(strategy, BatchStrategy):
                self._call_strategy(partial(strategy.warm, frame, columns[frame]))

    def process(self, closed: FrameBar) -> Signal | None:
        """Process a closed bar of any frame; return the signal of a warm strategy."""
        frame, bar, missing = closed
        if frame not in self._needed or self.failure:
            return None
        if missing > self._bridged[frame]:
            self._reset_frame(frame)
        self._seen[frame] += 1
        self._latest[frame] = bar.close_time
        if not self.is_warm:
            self._update_warm()
        if self._batch is not None:
            self._batch[frame].append(bar)
            return None
        signal = self._call_strategy(partial(self._decide, frame, bar))
        if signal is None or not self.is_warm or not self._is_complete(bar.close_time):
            return None
        return self._call_strategy(partial(self._check, signal, bar))

    def _decide(self, frame: Frame, bar: Kline) -> object:
        """Let the strategy decide on a bar; what it returns is not checked yet."""
        clock = self._surroundings.clock
        if clock is None:
            return self.strategy.on_bar(frame, bar)
        began = clock()
        try:
            return self.strategy.on_bar(frame, bar)
        finally:
            self._times.add(clock() - began)

    def _check(self, signal: object, bar: Kline) -> Signal:
        """Return the checked signal with its bar, the strategy's values after it, and the hash of its parameters."""
        symbol = self._surroundings.symbol
        checked = checked_signal(signal, strategy=self.name, symbol=symbol, interval=self._interval, bar=bar)
        if self._digest is None:
            self._digest = parameters_digest(getattr(self.strategy, "parameters", None))
        values = finite_values(self.strategy.values())
        return replace(checked, bar=bar, values=values, parameters_hash=self._digest)

    def values(self) -> dict[str, float] | None:
        """Return the strategy's latest indicator values; None if that stopped it."""
        return self._call_strategy(self.strategy.values)

    def _is_complete(self, close_time: int) -> bool:
        """Whether every frame has the latest bar that could have closed by then."""
        return all(latest + self._length[frame] > close_time for frame, latest in self._latest.items())

    def _reset_frame(self, frame: Frame) -> None:
        self._seen[frame] = 0
        self._update_warm()
        if self._batch is not None:
            self._batch[frame].clear()
        else:
            self._call_strategy(partial(self.strategy.reset, frame))

    def _call_strategy(self, call: Callable[[], Result]) -> Result | None:
        """Call the strategy; an error stops this strategy on this symbol only."""
        try:
            return call()
        except self._surroundings.contained as error:
            self.failure = f"{self.name} stopped: {describe_error(error)}"
            self._surroundings.on_failure(self.name, self.failure, format_traceback(error))
            return None

"""A whole recording at once: the same signals as bar by bar, to the last bit, many times as fast.

A strategy that can scan computes its indicators in batches and takes its decisions only at bars where one is possible,
with the same functions as on single bars. What it proposes is judged here as the engine judges it: every frame is warm,
the latest bar of each is there, and the signal is right.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame
from cq_tui.strategies.frames import BaseColumns, FrameColumns, Integers, frames_of, usable_rows
from cq_tui.strategies.protocol import Signal, Strategy
from cq_tui.strategies.runner import Runner, Surroundings

Columns = TypeVar("Columns", bound=tuple[NDArray[np.float64], ...])


class Series(NamedTuple):
    """The bars of one frame as a strategy scans them."""

    columns: FrameColumns
    #: Its series of bars: before each the strategy is reset. And the number of the first bar of each.
    runs: list[slice]
    starts: Integers
    #: Bars of a series that warm it up.
    needed: int

    def close_time(self, numbers: Integers) -> Integers:
        """Return when bars close, Unix ms."""
        return self.columns.open_time[numbers] + (self.columns.length - 1)

    def over_runs(self, compute: Callable[[BarColumns], Columns]) -> Columns:
        """Return what a computation makes of each run, one after another."""
        parts = [compute(BarColumns(*(column[run] for column in self.columns.bars))) for run in self.runs]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return compute(self.columns.bars)
        made: Any = type(parts[0])
        return cast(Columns, made(*map(np.concatenate, zip(*parts, strict=True))))

    def latest(self, times: Integers) -> Integers:
        """Return the number of the latest bar that has closed at each time; -1 if none has."""
        return np.searchsorted(self.columns.open_time, times - (self.columns.length - 1), side="right") - 1

    def is_warm(self, numbers: Integers) -> NDArray[np.bool_]:
        """Return whether a series has enough bars at each bar."""
        starts = self.starts
        return numbers - starts[np.searchsorted(starts, numbers, side="right") - 1] + 1 >= self.needed


class Recording:
    """The frames of a recording."""

    def __init__(self, frames: Mapping[Frame, Series]) -> None:
        self.frames = frames

    def ready(self, numbers: Integers) -> Integers:
        """Return those trigger bars at which every frame is warm, and its latest bar is there."""
        if not len(numbers) or not all(series.runs for series in self.frames.values()):
            return numbers[:0]
        trigger = self.frames[Frame.TRIGGER]
        closed, allowed = trigger.close_time(numbers), trigger.is_warm(numbers)
        for frame, series in self.frames.items():
            if frame is not Frame.TRIGGER:
                latest = series.latest(closed)
                known = np.maximum(latest, 0)
                allowed &= (latest >= 0) & series.is_warm(known)
                allowed &= series.close_time(known) + series.columns.length > closed
        return numbers[allowed]


@runtime_checkable
class ScanStrategy(Protocol):
    """A strategy that can run over a whole recording at once."""

    def scan(self, recording: Recording) -> Iterator[tuple[int, Callable[[Kline], Signal | None]]]:
        """Yield the trigger bars where a signal is possible, in order, each with what decides on its kline.

        When that is called, ``values()`` is as after that bar. The strategy is fresh, and of no use afterwards.
        """


def can_scan(strategy: Strategy) -> bool:
    """Whether a strategy's signals can be found in this way."""
    return isinstance(strategy, ScanStrategy)


def scan(
    strategy: Strategy,
    columns: BaseColumns,
    base_interval_ms: int,
    kline_of: Callable[[int], Kline],
    surroundings: Surroundings | None = None,
) -> list[Signal]:
    """Return the signals of a fresh strategy over a recording, as ``SymbolEngine`` finds them kline by kline.

    ``kline_of`` returns the kline of a row. Raises TypeError for a strategy that cannot scan.
    """
    if not isinstance(strategy, ScanStrategy):
        raise TypeError(f"{strategy.name} cannot scan")
    rows = usable_rows(columns, base_interval_ms)
    if len(rows) < len(columns.open_time):
        columns = columns.rows(rows)
    runner = Runner(base_interval_ms, strategy, surroundings or Surroundings())
    made = frames_of(columns, base_interval_ms, strategy.warm_up)
    recording = Recording(
        {frame: _series(each, runner.bridged(frame), strategy.warm_up[frame]) for frame, each in made.items()}
    )
    signals = []
    for number, decide in strategy.scan(recording):
        if len(recording.ready(np.array([number]))):
            kline = kline_of(int(rows[number]))
            proposed = decide(kline)
            checked = None if proposed is None else runner.checked(proposed, kline)
            if runner.failure:
                break
            if checked is not None:
                signals.append(checked)
    return signals


def _series(columns: FrameColumns, bridged: int, needed: int) -> Series:
    runs = columns.runs(bridged)
    return Series(columns, runs, np.array([run.start for run in runs], dtype=np.int64), needed)

"""The bars of all frames made of columns of base klines at once, by the rules of ``BarSeries``."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.strategies.bars import BarColumns, Frame

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class BaseColumns(NamedTuple):
    """Closed base klines as columns, in the order in which they came. Times are Unix milliseconds."""

    open_time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def rows(self, rows: Integers) -> "BaseColumns":
        """Return some of them."""
        prices = (column[rows] for column in (self.open, self.high, self.low, self.close, self.volume))
        return BaseColumns(self.open_time[rows], *prices)


class FrameColumns(NamedTuple):
    """The closed bars of one frame, oldest first."""

    bars: BarColumns
    open_time: Integers
    #: Number of missing bars between the previous bar and each.
    missing: Integers
    #: Length of a bar, ms.
    length: int

    def runs(self, bridged: int) -> list[slice]:
        """Return the bars in series: a gap of more than ``bridged`` bars begins another one."""
        starts = [0, *np.flatnonzero(self.missing > bridged).tolist()]
        ends = [*starts[1:], len(self.missing)]
        return [slice(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def usable_rows(columns: BaseColumns, base_interval_ms: int) -> Integers:
    """Return the rows that ``BarSeries`` accepts: consistent, aligned, and later than all before them."""
    opened, high, low, close, volume = columns.open, columns.high, columns.low, columns.close, columns.volume
    # Comparisons with NaN are false.
    right = (low > 0.0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high) & (high < np.inf)
    right &= (volume >= 0.0) & (volume < np.inf) & (columns.open_time % base_interval_ms == 0)
    if len(right) and right.all() and (np.diff(columns.open_time) > 0).all():
        return np.arange(len(right))
    times = np.where(right, columns.open_time, -1)
    latest = np.append(-1, np.maximum.accumulate(times))[: len(times)]
    return np.flatnonzero(right & (times > latest))


def frames_of(columns: BaseColumns, base_interval_ms: int, frames: Iterable[Frame]) -> Mapping[Frame, FrameColumns]:
    """Return the bars of frames, made of usable base klines."""
    return {frame: _frame_of(columns, base_interval_ms, frame) for frame in frames}


def _frame_of(columns: BaseColumns, base_interval_ms: int, frame: Frame) -> FrameColumns:
    length, times = base_interval_ms * frame, columns.open_time
    if frame is Frame.TRIGGER:
        return _made(BarColumns(columns.high, columns.low, columns.close), times, length)
    group = times // length
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.diff(starts, append=len(times))
    # A bar that lacks a base kline is dropped.
    starts = starts[counts == frame]
    rows = starts[:, np.newaxis] + np.arange(frame)
    bars = BarColumns(columns.high[rows].max(axis=1), columns.low[rows].min(axis=1), columns.close[starts + frame - 1])
    return _made(bars, times[starts], length)


def _made(bars: BarColumns, open_time: Integers, length: int) -> FrameColumns:
    missing = np.zeros(len(open_time), dtype=np.int64)
    missing[1:] = np.diff(open_time) // length - 1
    return FrameColumns(bars, open_time, missing, length)

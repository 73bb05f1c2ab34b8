"""Bars of a frame that are older than the klines at hand, and how they join those.

A slow average remembers for longer than klines are kept. With the bars that it has seen before, it goes on after a
restart as if there had been none.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, BarSeries, Frame

#: Bars kept of each frame: an EMA(200) has forgotten its seed beyond what a float can hold.
MOST_BARS = 4_096
#: The frames that outlast the klines.
KEPT_FRAMES = (Frame.TIDE, Frame.TREND)


class PastBars(NamedTuple):
    """Closed bars of one frame, oldest first; single ones may be missing."""

    #: Unix ms.
    open_time: NDArray[np.int64]
    columns: BarColumns

    def cut(self, part: slice) -> "PastBars":
        """Return some of them."""
        return PastBars(self.open_time[part], BarColumns(*(column[part] for column in self.columns)))

    def joined(self, later: "PastBars") -> "PastBars":
        """Return these and later ones, the latest of them if there are too many."""
        open_time = np.concatenate((self.open_time, later.open_time))
        return PastBars(open_time, join_columns(self.columns, later.columns)).cut(slice(-MOST_BARS, None))

    def after_last_gap(self, length_ms: int, bridged: int, next_open: int) -> "PastBars":
        """Return those after the last gap of more than ``bridged`` bars, the gap before ``next_open`` included."""
        apart = np.diff(np.append(self.open_time, next_open)) // length_ms - 1
        wide = np.flatnonzero(apart > bridged)
        return self.cut(slice(int(wide[-1]) + 1, None)) if len(wide) else self


def join_columns(earlier: BarColumns, later: BarColumns) -> BarColumns:
    """Return the columns one after the other."""
    return BarColumns(*(np.concatenate(pair) for pair in zip(earlier, later, strict=True)))


def bars_of_frames(klines: Sequence[Kline], base_interval_ms: int) -> dict[Frame, PastBars]:
    """Return the closed bars of the frames that are kept, made from base klines."""
    series = BarSeries(base_interval_ms, KEPT_FRAMES)
    history = series.start(klines)
    if history is not None:
        return {
            frame: PastBars(
                history[frame].last_close_time + 1 - np.arange(count, 0, -1, dtype=np.int64) * frame * base_interval_ms,
                history[frame].columns,
            )
            for frame in KEPT_FRAMES
            for count in (len(history[frame].columns.close),)
        }
    closed = [item for kline in klines for item in series.push(kline)]
    by_frame = {frame: [item.bar for item in closed if item.frame is frame] for frame in KEPT_FRAMES}
    return {
        frame: PastBars(np.array([bar.open_time for bar in bars], dtype=np.int64), BarColumns.of(bars))
        for frame, bars in by_frame.items()
    }


def join(kept: Mapping[Frame, PastBars], made: Mapping[Frame, PastBars]) -> dict[Frame, PastBars] | None:
    """Return the kept bars that are older than those just made from klines.

    None if they are not of one series: then what was kept is of another market, or was repaired. Where no bar is in
    both, nobody can tell.
    """
    older: dict[Frame, PastBars] = {}
    for frame, bars in kept.items():
        fresh = made[frame]
        if not len(fresh.open_time) or not len(bars.open_time):
            continue
        both, at_kept, at_made = np.intersect1d(bars.open_time, fresh.open_time, return_indices=True)
        pairs = zip(bars.columns, fresh.columns, strict=True)
        if not len(both) or any((ours[at_kept] != theirs[at_made]).any() for ours, theirs in pairs):
            return None
        older[frame] = bars.cut(slice(0, int(np.searchsorted(bars.open_time, fresh.open_time[0]))))
    return older

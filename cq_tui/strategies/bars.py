"""Bars of three time frames, built from base klines: trigger ×1, trend ×5, tide ×15, aligned to the Unix epoch.

Nothing is interpolated. A frame bar exists only if all of its base bars were seen; duplicate, late and invalid base
bars are ignored and counted. Each frame bar carries the number of missing bars before it, so that indicators can
decide what a gap means.
"""

import math
from collections.abc import Iterable, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import INTERVAL_MS, Kline, make_kline

#: Hours would be another name for frames that have one already, such as 25m and 75m.
_UNITS = (("d", 86_400_000), ("m", 60_000), ("s", 1_000))


class Frame(IntEnum):
    """A time frame; its value is the number of base bars per bar."""

    TRIGGER = 1
    TREND = 5
    TIDE = 15

    @property
    def label(self) -> str:
        """Its name: trigger, trend or tide."""
        return self.name.lower()


class FrameBar(NamedTuple):
    """One closed bar of a frame."""

    frame: Frame
    bar: Kline
    #: Number of missing bars between the previous bar and this one.
    missing: int


class BarColumns(NamedTuple):
    """Bars as columns, oldest first, for indicators that warm up from a batch."""

    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]

    @classmethod
    def of(cls, bars: Sequence[Kline]) -> "BarColumns":
        """Return the bars as columns."""
        return cls(
            np.array([bar.high for bar in bars], dtype=np.float64),
            np.array([bar.low for bar in bars], dtype=np.float64),
            np.array([bar.close for bar in bars], dtype=np.float64),
        )


class History(NamedTuple):
    """The closed bars of one frame since the start of a series, none missing."""

    columns: BarColumns
    #: ``close_time`` of the last one, Unix ms; 0 if there is none.
    last_close_time: int


class BarCounts(NamedTuple):
    """Counts of accepted, ignored and dropped bars."""

    accepted: int
    duplicates: int
    out_of_order: int
    #: Not finite, inconsistent prices, or not aligned to the base interval.
    invalid: int
    #: Gaps in the base series.
    gaps: int
    #: Frame bars dropped as incomplete, because of a gap or the start of the series.
    incomplete: int


def interval_label(milliseconds: int) -> str:
    """Return the interval's name, such as ``1m``, ``15s`` or ``75m``."""
    for label, length in INTERVAL_MS.items():
        if length == milliseconds:
            return label
    unit, length = next((unit, length) for unit, length in _UNITS if milliseconds % length == 0 or unit == "s")
    return f"{milliseconds // length}{unit}"


class FrameBuilder:
    """Aggregates base bars into bars of one frame."""

    __slots__ = ("_bars", "_base", "_count", "_due", "_group", "_is_broken", "_length", "incomplete", "last_open_time")

    def __init__(self, base_interval_ms: int, frame: Frame) -> None:
        self._count = int(frame)
        self._base = base_interval_ms
        self._length = base_interval_ms * frame
        self._bars: list[Kline] = []
        #: Open time of the base bar that continues ``_bars``; -1 while none can.
        self._due = -1
        #: Open time of the frame bar in the making, and whether it lacks a base bar.
        self._group = -1
        self._is_broken = False
        self.last_open_time: int | None = None
        #: Bars dropped because a base bar was missing.
        self.incomplete = 0

    def push(self, bar: Kline) -> Kline | None:
        """Add the next base bar; return the frame bar that it completes.

        The caller passes base bars in order and without duplicates.
        """
        return self.extend([bar])

    def extend(self, bars: Sequence[Kline]) -> Kline | None:
        """Add consecutive base bars within one frame bar; return that, if they complete it."""
        if bars[0].open_time != self._due and not self._begin(bars[0].open_time):
            return None
        self._bars += bars
        if len(self._bars) < self._count:
            self._due = bars[-1].open_time + self._base
            return None
        whole, self._bars = self._bars, []
        self._due = self._group = whole[0].open_time + self._length
        return merge(whole)

    def _begin(self, open_time: int) -> bool:
        """Leave the bar in the making; return whether this base bar begins another one."""
        group = open_time - open_time % self._length
        if group != self._group:
            self.incomplete += bool(self._bars) or self._is_broken
            self._group, self._is_broken = group, open_time != group
        else:
            self._is_broken = self._is_broken or open_time != group
        self._bars = []
        self._due = -1 if self._is_broken else open_time
        return not self._is_broken

    def start(self, bars: Sequence[Kline], columns: BarColumns) -> History:
        """Start from consecutive base bars, given also as columns, with the same outcome as ``push`` of each."""
        count = self._count
        before = bars[0].open_time % self._length // self._base
        # A group whose beginning is not there makes no bar.
        skipped = min(-before % count, len(bars))
        whole = (len(bars) - skipped) // count
        end = skipped + whole * count
        self.incomplete += 0 < skipped < len(bars)
        self._is_broken = skipped == len(bars)
        self._bars = [] if self._is_broken else list(bars[end:])
        following = bars[-1].open_time + self._base
        self._due = -1 if self._is_broken else following
        self._group = (
            (bars[-1].open_time if self._bars or self._is_broken else following) // self._length * self._length
        )
        if not whole:
            return History(BarColumns(*(column[:0] for column in columns)), 0)
        self.last_open_time = bars[end - count].open_time
        high, low, close = (column[skipped:end].reshape(whole, count) for column in columns)
        return History(BarColumns(high.max(axis=1), low.min(axis=1), close[:, -1].copy()), bars[end - 1].close_time)

    def missing_before(self, open_time: int) -> int:
        """Record a completed bar; return how many bars are missing between it and the previous one."""
        last, self.last_open_time = self.last_open_time, open_time
        return 0 if last is None else (open_time - last) // self._length - 1


def merge(bars: Iterable[Kline]) -> Kline:
    """Merge consecutive bars into one. Called every few bars of each symbol: in columns it takes twice as long."""
    rest = iter(bars)
    opened, closed, first, high, low, close, volume, quote_volume, trades = next(rest)
    for _, closed, _, top, bottom, close, more, more_quote, more_trades in rest:  # noqa: B007 - the last ones count
        if top > high:
            high = top
        if bottom < low:
            low = bottom
        volume += more
        quote_volume += more_quote
        trades += more_trades
    return make_kline((opened, closed, first, high, low, close, volume, quote_volume, trades))


class BarSeries:
    """The base klines of one symbol and the frame bars made of them.

    It has no clock, and a kline from the future would make every later one late: readers of klines must reject those
    whose ``close_time`` lies ahead.
    """

    __slots__ = (
        "_accepted", "_base", "_builders", "_due", "_duplicates", "_gaps", "_invalid", "_out_of_order", "_shortest",
        "_waiting", "closes_frames",
    )  # fmt: skip

    def __init__(self, base_interval_ms: int, frames: Iterable[Frame] = tuple(Frame)) -> None:
        if base_interval_ms <= 0:
            raise ValueError(f"base interval of {base_interval_ms} ms: a positive number is needed")
        self._base = base_interval_ms
        # Widest first: at a common close, the higher frames are updated before the trigger frame decides.
        higher = sorted(set(frames) - {Frame.TRIGGER}, reverse=True)
        # The trigger frame is the base klines themselves.
        self._builders = [(frame, FrameBuilder(base_interval_ms, frame)) for frame in higher]
        #: Length of a bar of the shortest of them (ms), and the klines of the one in the making.
        self._shortest = base_interval_ms * min(higher, default=Frame.TRIGGER)
        self._waiting: list[Kline] = []
        #: Whether bars of frames above the trigger frame closed with the kline that was accepted last.
        self.closes_frames = False
        #: Open time of the kline that follows without a gap; -1 before the first.
        self._due = -1
        self._accepted = self._duplicates = self._out_of_order = self._invalid = self._gaps = 0

    @property
    def last_open_time(self) -> int | None:
        """Open time of the last accepted base kline, ms."""
        return self._due - self._base if self._due >= 0 else None

    @property
    def counts(self) -> BarCounts:
        """Counts of accepted, ignored and dropped bars so far."""
        self._pass_on()
        incomplete = sum(builder.incomplete for _, builder in self._builders)
        return BarCounts(self._accepted, self._duplicates, self._out_of_order, self._invalid, self._gaps, incomplete)

    def push(self, kline: Kline) -> list[FrameBar]:
        """Add a closed base kline; return the frame bars that closed with it, widest first."""
        missing = self.accept(kline)
        return [] if missing < 0 else [*self.closed_frames(), FrameBar(Frame.TRIGGER, kline, missing)]

    def follow(self, other: "BarSeries") -> None:
        """Also build the frames that another series builds, which had the same klines."""
        own = {frame for frame, _ in self._builders}
        self._pass_on()
        other._pass_on()
        joined = self._builders + [(frame, builder) for frame, builder in other._builders if frame not in own]
        self._builders = sorted(joined, key=itemgetter(0), reverse=True)
        self._shortest = self._base * min((frame for frame, _ in joined), default=Frame.TRIGGER)

    def follow_on(self, frame: Frame, open_times: Sequence[int] | NDArray[np.int64]) -> bool:
        """Note the bars of a frame before the first kline; return whether the frame is built."""
        for each, builder in self._builders:
            if each is frame and len(open_times):
                builder.last_open_time = int(open_times[-1])
                return True
        return False

    def accept(self, kline: Kline) -> int:
        """Add a closed kline; return how many are missing before it, -1 if it is not to be used.

        Where it ``closes_frames``, ``closed_frames`` has their bars.
        """
        open_time, close_time, opened, high, low, close, volume, _, _ = kline
        due = self._due
        # Comparisons with NaN are false, so this also rejects NaN.
        if (
            0.0 < low <= opened <= high
            and low <= close <= high < math.inf
            and 0.0 <= volume < math.inf
            and close_time - open_time == self._base - 1
        ):
            if open_time == due:
                self._due = due = close_time + 1
                self._accepted += 1
                if self._builders:
                    self._waiting.append(kline)
                    self.closes_frames = due % self._shortest == 0
                return 0
            if open_time > due and open_time % self._base == 0:
                return self._accept_after_gap(kline)
        self._count_unused(open_time)
        return -1

    def _accept_after_gap(self, kline: Kline) -> int:
        """Add a kline that others are missing before, or the first; return how many."""
        due, self._due = self._due, kline.close_time + 1
        self._accepted += 1
        self._gaps += due >= 0
        if self._builders:
            self._pass_on()
            self._waiting.append(kline)
            self.closes_frames = self._due % self._shortest == 0
        return (kline.open_time - due) // self._base if due >= 0 else 0

    def closed_frames(self) -> Sequence[FrameBar]:
        """Return the bars of the frames above the trigger frame that closed with the last kline, widest first."""
        if not self.closes_frames:
            return ()
        self.closes_frames = False
        return self._pass_on()

    def _pass_on(self) -> list[FrameBar]:
        """Pass on to the builders what waits: consecutive klines within one bar of the shortest frame."""
        bars, self._waiting = self._waiting, []
        if not bars:
            return []
        built = ((frame, builder, builder.extend(bars)) for frame, builder in self._builders)
        return [
            FrameBar(frame, bar, builder.missing_before(bar.open_time))
            for frame, builder, bar in built
            if bar is not None
        ]

    def _count_unused(self, open_time: int) -> None:
        last = self.last_open_time
        if last is None or open_time > last:
            self._invalid += 1
        elif open_time == last:
            self._duplicates += 1
        else:
            self._out_of_order += 1

    def start(self, klines: Sequence[Kline]) -> dict[Frame, History] | None:
        """Start from a history at once, several times as fast as ``push`` of each kline and with the same outcome.

        None, with nothing changed, where that is impossible: some klines were pushed before, or in the history one is
        missing, repeated or invalid.
        """
        if self._due >= 0 or not klines:
            return None
        first, last = klines[0].open_time, klines[-1].open_time
        if [kline.open_time for kline in klines] != list(range(first, last + 1, self._base)):
            return None
        probe = BarSeries(self._base, ())
        if any(map(probe.accept, klines)):
            return None
        self._due, self._accepted = probe._due, probe._accepted
        columns = BarColumns.of(klines)
        frames = {frame: builder.start(klines, columns) for frame, builder in self._builders}
        return {**frames, Frame.TRIGGER: History(columns, klines[-1].close_time)}

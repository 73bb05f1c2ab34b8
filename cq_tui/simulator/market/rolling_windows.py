"""Rolling windows: the time since a whole minute as one bar per symbol, for the rolling tickers."""

from collections.abc import Callable, Sequence

import numpy as np

from cq_tui.simulator.market.bars import BarRing
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Bars

_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND


class RollingWindows:
    """Caches windows, since many clients request the same: sums of closed minutes for a minute, windows for a tick."""

    def __init__(self) -> None:
        self._closed: dict[int, Bars] = {}
        self._minute = -1
        self._now: dict[int, Bars] = {}
        #: By start and column, what is older than the minutes kept.
        self._older: dict[tuple[int, int], Bars] = {}
        self._moment = (-1, 0)

    def since(self, start: int, moment: tuple[int, int], minutes: BarRing, open_minute: Callable[[], Bars]) -> Bars:
        """Return the window from ``start`` (Unix ms) to now; ``moment`` is the tick and the number of fills."""
        if moment != self._moment:
            self._now.clear()
            self._moment = moment
        if (known := self._now.get(start)) is None:
            known = self._now[start] = self._compute(start, minutes, open_minute())
        return known

    def with_older(self, window: Bars, start: int, columns: Sequence[int], past: Callable[[int], Bars]) -> Bars:
        """Return a window with what is older than the minutes kept, for some columns; ``past`` reads one's minutes."""
        whole: Bars = window.copy()
        for column in columns:
            if (older := self._older.get((start, column))) is None:
                minutes = past(column)
                older = self._older[start, column] = _merge_bars(minutes)[None] if len(minutes) else minutes
            if len(older):
                whole[column] = _merge_bars(np.append(older, window[column]))
        return whole

    def _compute(self, start: int, minutes: BarRing, now: Bars) -> Bars:
        minute = self._moment[0] // _TICKS_PER_MINUTE
        if minute != self._minute:
            self._closed.clear()
            self._older.clear()
            self._minute = minute
        if (closed := self._closed.get(start)) is None:
            whole = minutes.bars[int(np.searchsorted(minutes.times, start)) :]
            closed = self._closed[start] = _merge_bars(whole) if len(whole) else whole
        if not len(closed):
            return np.asarray(now[0] if len(now) else minutes.bars[-1])
        return _merge_bars(np.stack([closed, *now]))


def _merge_bars(window: Bars) -> Bars:
    bar: Bars = window[-1].copy()
    bar["open_time"], bar["open"] = window["open_time"][0], window["open"][0]
    bar["high"], bar["low"] = window["high"].max(axis=0), window["low"].min(axis=0)
    for name in ("volume", "quote", "taker", "taker_quote", "trades"):
        bar[name] = window[name].sum(axis=0)
    return bar

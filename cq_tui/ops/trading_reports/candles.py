"""Candles for the page of a report: bars, several in one where there are too many to see."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cq_tui.lookback.columns import KlineColumns

#: A screen shows no more, and a page with many symbols stays light.
MOST_CANDLES = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of one symbol. Times are Unix milliseconds, prices in the quote asset."""

    open_time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    #: Bars in each of them.
    bars: int

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.open_time)


def candles_of(columns: KlineColumns, from_ms: int, to_ms: int, most: int = MOST_CANDLES) -> Candles:
    """Return the bars of a period, as many in each candle as it takes; none is in two, and a hole stays a hole."""
    first, end = np.searchsorted(columns.open_time, [from_ms, to_ms])
    start, length = columns.open_time[first:end], columns.interval_ms
    places = int((to_ms - from_ms) // length)
    bars = max(1, -(-places // most))
    if not len(start):
        empty = columns.open[:0]
        return Candles(start, empty, empty, empty, empty, bars)
    number = (start - from_ms) // (length * bars)
    begins = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    ends = np.append(begins[1:], len(start)) - 1
    return Candles(
        start[begins],
        columns.open[first:end][begins],
        np.maximum.reduceat(columns.high[first:end], begins),
        np.minimum.reduceat(columns.low[first:end], begins),
        columns.close[first:end][ends],
        bars,
    )

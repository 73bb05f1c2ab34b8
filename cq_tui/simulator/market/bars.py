"""A bounded ring of bars of all symbols, and aggregation to longer intervals."""

import numpy as np

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.simulator.market.ticks import BAR, Bars, Flags, Integers

_WEEK_OFFSET = 4 * 86_400_000  # 1970-01-05 was the first Monday: weekly klines open on Mondays


def bucket_open(open_time: Integers, interval: str, offset: int = 0) -> Integers:
    """Return the open time of the ``interval`` kline that contains each time.

    Klines are aligned (1w to Mondays, 1M to the 1st) in the time zone ``offset`` ms ahead of UTC.
    """
    if offset:
        return bucket_open(open_time + offset, interval) - offset
    if interval == "1M":
        months = open_time.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    length = INTERVAL_MS[interval]
    monday = _WEEK_OFFSET if interval == "1w" else 0
    return (open_time - monday) // length * length + monday


def next_open(open_time: int, interval: str, offset: int = 0) -> int:
    """Return the open time of the kline after the one opening at ``open_time``."""
    if interval == "1M":
        following = np.datetime64(open_time + offset, "ms").astype("datetime64[M]") + np.timedelta64(1, "M")
        return int(following.astype("datetime64[ms]").astype(np.int64)) - offset
    return open_time + INTERVAL_MS[interval]


def aggregate(bars: Bars, interval: str, offset: int = 0, missing: Flags | None = None) -> Bars:
    """Aggregate ascending shorter bars to ``interval``, along the first axis; bars of that interval are returned as is.

    The first and the last may cover only part of their interval. All symbols (columns) share their times. A bar that
    is ``missing`` (of the shape of ``bars``) stands for none: its prices count only where its whole interval has none.
    """
    if not len(bars):
        return bars
    times: Integers = bars["open_time"] if bars.ndim == 1 else bars["open_time"][:, 0]
    opens = bucket_open(times, interval, offset)
    first = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]])
    if missing is None and np.array_equal(opens, times):
        return bars
    result = np.empty((len(first), *bars.shape[1:]), dtype=BAR)
    result["open_time"] = opens[first] if bars.ndim == 1 else opens[first][:, None]
    result["open"] = bars["open"][first]
    result["high"] = np.maximum.reduceat(bars["high"], first)
    result["low"] = np.minimum.reduceat(bars["low"], first)
    result["close"] = bars["close"][np.r_[first[1:] - 1, len(bars) - 1]]
    for name in ("volume", "quote", "taker", "taker_quote", "trades"):
        result[name] = np.add.reduceat(bars[name], first)
    if missing is not None and missing.any():
        _leave_out(result, bars, first, missing)
    return result


def _leave_out(result: Bars, bars: Bars, first: Integers, missing: Flags) -> None:
    """Take the prices of aggregated bars, which begin at the rows ``first``, from the bars that are not missing."""
    rows = np.arange(len(bars)).reshape(-1, *[1] * (bars.ndim - 1))
    opening = np.minimum.reduceat(np.where(missing, len(bars), rows), first)
    closing = np.maximum.reduceat(np.where(missing, -1, rows), first)
    known = closing >= 0
    prices = {
        "open": np.take_along_axis(bars["open"], np.where(known, opening, 0), axis=0),
        "high": np.maximum.reduceat(np.where(missing, -np.inf, bars["high"]), first),
        "low": np.minimum.reduceat(np.where(missing, np.inf, bars["low"]), first),
        "close": np.take_along_axis(bars["close"], np.where(known, closing, 0), axis=0),
    }
    for name, values in prices.items():
        result[name] = np.where(known, values, result[name])


class BarRing:
    """The latest ``capacity`` bars of all symbols, oldest first; appending is cheap."""

    def __init__(self, capacity: int, symbols: int) -> None:
        self._capacity = capacity
        room = capacity + max(120, capacity // 8)
        self._store = np.empty((room, symbols), dtype=BAR)
        self._times = np.empty(room, dtype=np.int64)
        self._start = self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    @property
    def bars(self) -> Bars:
        """A view of the bars, shape (bars, symbols); valid until the next ``extend``."""
        return self._store[self._start : self._end]

    @property
    def times(self) -> Integers:
        """A contiguous view of the bars' open times, fast to search."""
        return self._times[self._start : self._end]

    def extend(self, bars: Bars) -> None:
        """Append bars and drop the oldest."""
        bars = bars[-self._capacity :]
        if self._end + len(bars) > len(self._store):
            first = max(0, len(self) + len(bars) - self._capacity)
            kept, times = self.bars[first:].copy(), self.times[first:].copy()
            self._store[: len(kept)], self._times[: len(kept)] = kept, times
            self._start, self._end = 0, len(kept)
        self._store[self._end : self._end + len(bars)] = bars
        self._times[self._end : self._end + len(bars)] = bars["open_time"][:, 0]
        self._end += len(bars)
        self._start = max(self._start, self._end - self._capacity)

"""Recorded klines of one symbol as columns: what a look back runs over."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import INTERVAL_MS, Kline, make_kline
from cq_tui.simulator.market.bars import bucket_open
from cq_tui.strategies.bars import interval_label

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Columns that every recording has, in the order in which they are hashed and stored.
PRICES = ("open", "high", "low", "close", "volume")
#: Columns that some have. ``quote_volume`` is NaN and ``trades`` is -1 for a kline of which they were not recorded.
OPTIONAL = ("quote_volume", "trades")
NO_TRADES_RECORDED = -1
#: All of them.
COLUMNS = ("open_time", *PRICES, *OPTIONAL)
#: Rows hashed at once.
_PART = 1 << 17


class ColumnsError(ValueError):
    """The columns are no klines in order; the message says where."""


class Hole(NamedTuple):
    """Klines that are not there."""

    #: Open time of the first that is missing, Unix ms.
    open_time: int
    missing: int


@dataclass(frozen=True, slots=True, eq=False)
class KlineColumns:
    """Closed klines of one symbol and interval, oldest first. What was not recorded is missing: holes stay holes.

    Arrays may be mapped from a file and must not be written to. ``volume`` is in the base asset.
    """

    symbol: str
    interval_ms: int
    open_time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats | None = None
    trades: Integers | None = None

    def __post_init__(self) -> None:
        """Raise ColumnsError unless all columns are as long, and the times ascend on the interval's grid."""
        lengths = {name: len(column) for name in COLUMNS if (column := getattr(self, name)) is not None}
        if len(set(lengths.values())) > 1:
            raise ColumnsError(f"{self.symbol}: columns of different lengths: {lengths}")
        if self.interval_ms not in INTERVAL_MS.values():
            raise ColumnsError(f"{self.symbol}: {self.interval_ms:,} ms is no interval of klines")
        if len(back := np.flatnonzero(np.diff(self.open_time) <= 0)):
            raise ColumnsError(f"{self.symbol}: kline {back[0] + 1} does not open after the one before it")
        grid = bucket_open(self.open_time, interval_label(self.interval_ms))
        if len(off := np.flatnonzero(grid != self.open_time)):
            raise ColumnsError(f"{self.symbol}: kline {off[0]} opens at {self.open_time[off[0]]}, not on the interval")

    def __len__(self) -> int:
        """Return the number of klines."""
        return len(self.open_time)

    @property
    def interval(self) -> str:
        """The interval as the exchange writes it, such as 1m."""
        return interval_label(self.interval_ms)

    def between(self, from_ms: int | None, to_ms: int | None) -> "KlineColumns":
        """Return those that open from ``from_ms`` (included) to ``to_ms`` (not included); nothing is copied."""
        start = 0 if from_ms is None else int(np.searchsorted(self.open_time, from_ms))
        stop = len(self) if to_ms is None else int(np.searchsorted(self.open_time, to_ms))
        return self.rows(start, max(start, stop))

    def rows(self, start: int, stop: int) -> "KlineColumns":
        """Return rows ``start`` to ``stop`` (not included); nothing is copied."""
        cut: dict[str, Any] = {
            name: None if (column := getattr(self, name)) is None else column[start:stop] for name in COLUMNS
        }
        return replace(self, **cut)

    def klines(self, start: int = 0, stop: int | None = None) -> list[Kline]:
        """Return rows as klines.

        A quote volume that was not recorded is volume × close, a number of trades 1, or 0 without volume.
        """
        part = slice(start, stop)
        times = self.open_time[part]
        volume, close = self.volume[part], self.close[part]
        quote = volume * close
        if self.quote_volume is not None:
            quote = np.where(np.isnan(self.quote_volume[part]), quote, self.quote_volume[part])
        trades = (volume > 0).astype(np.int64)
        if self.trades is not None:
            trades = np.where(self.trades[part] == NO_TRADES_RECORDED, trades, self.trades[part])
        prices = (self.open[part], self.high[part], self.low[part], close)
        columns = (times, times + (self.interval_ms - 1), *prices, volume, quote, trades)
        return list(map(make_kline, zip(*(column.tolist() for column in columns), strict=True)))

    def holes(self) -> list[Hole]:
        """Return where klines are missing between the first and the last."""
        apart = np.diff(self.open_time) // self.interval_ms
        return [
            Hole(int(self.open_time[row]) + self.interval_ms, int(apart[row]) - 1) for row in np.flatnonzero(apart > 1)
        ]

    def digest(self) -> str:
        """Return the SHA-256 (hex) of what is in the columns, however and wherever they are stored.

        It covers a line ``<symbol> <interval_ms> <klines>``, then each column's name and its values as little-endian
        64-bit numbers (zero without sign). A column that was recorded for no kline is left out.
        """
        sha = hashlib.sha256(f"{self.symbol} {self.interval_ms} {len(self)}\n".encode())
        for name in COLUMNS:
            column = getattr(self, name)
            if column is None or (name in OPTIONAL and not was_recorded(column).any()):
                continue
            sha.update(f"{name}\n".encode())
            # Adding zero makes -0.0 a plain one. In parts: a mapped column need not fit into memory.
            for start in range(0, len(column), _PART):
                part = column[start : start + _PART] + 0
                if name == "quote_volume":
                    part[np.isnan(part)] = np.nan
                sha.update(np.ascontiguousarray(part, dtype=f"<{part.dtype.kind}8").data)
        return sha.hexdigest()


def was_recorded(column: Floats | Integers) -> NDArray[np.bool_]:
    """Return for which klines a value of an optional column was recorded."""
    return ~np.isnan(column) if column.dtype.kind == "f" else np.asarray(column != NO_TRADES_RECORDED)

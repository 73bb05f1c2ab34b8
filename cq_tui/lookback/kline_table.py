"""Klines of one file as it has them, in its order and with its faults: what is checked before it becomes columns."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cq_tui.lookback.columns import COLUMNS, Floats, Integers, KlineColumns


class RejectedLine(NamedTuple):
    """A line that holds no kline, and why."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True, eq=False)
class KlineTable:
    """Numbers as a file has them; only the times are converted to Unix ms.

    ``close_time``, ``quote_volume`` and ``trades`` are None where the file has none; NaN or -1 where a line has none.
    """

    #: The file, for people.
    source: str
    symbol: str
    #: Of the file's name; None if it names none.
    named_interval_ms: int | None
    #: The line of each kline, from 1.
    line: Integers
    open_time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    close_time: Integers | None = None
    quote_volume: Floats | None = None
    trades: Integers | None = None
    rejected: tuple[RejectedLine, ...] = ()
    #: What it has in place of lines: a row of a list, or a kline of columns.
    unit: str = "line"

    def __len__(self) -> int:
        """Return the number of klines."""
        return len(self.open_time)

    def place(self, row: int) -> str:
        """Return where a kline stands, for people."""
        return self.at_line(int(self.line[row]))

    def at_line(self, line: int) -> str:
        """Return where a line stands, for people."""
        return f"{self.source}, {self.unit} {line}"


def table_of(columns: KlineColumns, source: str) -> KlineTable:
    """Return columns as a table, to be put together with others."""
    line = np.arange(1, len(columns) + 1)
    values = {name: getattr(columns, name) for name in COLUMNS}
    closed = columns.open_time + (columns.interval_ms - 1)
    return KlineTable(source, columns.symbol, columns.interval_ms, line, close_time=closed, unit="kline", **values)


def times_of(values: Floats) -> Integers:
    """Return Unix times in ms or µs as ms; what can be neither becomes -1."""
    known = np.isfinite(values) & (values >= _EARLIEST_MS) & (values < _LATEST_MS * 1_000)
    whole = np.where(known, values, -1.0).astype(np.int64)
    micro = whole >= _LATEST_MS
    known &= ~micro | (whole >= _EARLIEST_MS * 1_000)
    return np.where(known, np.where(micro, whole // 1_000, whole), -1)


#: 2009-01-03, before which no coin was traded; 2100-01-01.
_EARLIEST_MS = 1_230_940_800_000
_LATEST_MS = 4_102_444_800_000

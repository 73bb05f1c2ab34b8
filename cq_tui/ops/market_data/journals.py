"""Klines of our own journals, market/klines/<SYMBOL>-<interval>.ndjson."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cq_tui.contracts.market import Kline, KlineLineError, kline_from_line
from cq_tui.lookback.kline_table import KlineTable, RejectedLine
from cq_tui.ops.market_data.errors import MarketDataError


def read_journal(file: Path, symbol: str, named_interval_ms: int | None) -> KlineTable:
    """Read a journal; a last line without line feed is one that is being written. Raises MarketDataError."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise MarketDataError(f"{file}: cannot be read ({error.strerror}); check its owner and permissions") from None
    klines, numbers, rejected = list[Kline](), list[int](), list[RejectedLine]()
    for number, line in enumerate(lines, 1):
        try:
            klines.append(kline_from_line(line))
            numbers.append(number)
        except KlineLineError as error:
            rejected.append(RejectedLine(number, str(error)))
    return table_of_klines(str(file), symbol, named_interval_ms, klines, numbers, rejected)


def table_of_klines(
    source: str,
    symbol: str,
    interval_ms: int | None,
    klines: Sequence[Kline],
    lines: Sequence[int] | None = None,
    rejected: Sequence[RejectedLine] = (),
) -> KlineTable:
    """Return klines as a table; they are their own lines if none are given."""
    opened, closed, *prices, trades = list(zip(*klines, strict=True)) or [()] * len(Kline._fields)
    first, high, low, last, volume, quote = (np.array(column, np.float64) for column in prices)
    return KlineTable(
        source,
        symbol,
        interval_ms,
        np.array(range(1, len(klines) + 1) if lines is None else lines, np.int64),
        np.array(opened, np.int64),
        first,
        high,
        low,
        last,
        volume,
        np.array(closed, np.int64),
        quote,
        np.array(trades, np.int64),
        tuple(rejected),
    )

"""Klines of Binance's public data files, .csv, .csv.gz or .zip, with every line that holds none."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cq_tui.lookback.columns import NO_TRADES_RECORDED, Floats, Integers
from cq_tui.lookback.kline_table import KlineTable, RejectedLine, times_of
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.simulator.market.dump_rows import ReplayError, detect_layout, is_number, open_rows, read_numbers
from cq_tui.store.regular_file import open_regular

_NEEDED = (("open_time", 0), ("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", 5))
#: Recordings of others leave them empty.
_OPTIONAL = (("close_time", 6), ("quote_volume", 7), ("trades", 8))
#: Bytes of a checksum and a name.
_LONGEST_CHECKSUM = 1024
_ALL = (*_NEEDED, *_OPTIONAL)


def read_dump(file: Path, symbol: str, named_interval_ms: int | None) -> KlineTable:
    """Read a file. Raises MarketDataError if it is none of klines, or cannot be unpacked."""
    _compare_checksum(file)
    try:
        kind, header = detect_layout(file)
        if kind != "klines":
            raise MarketDataError(f"{file}: holds {kind}, not klines; choose Binance's files of klines")
        values, lines, rejected = _read(file, header)
    except ReplayError as error:
        raise MarketDataError(str(error)) from None
    times, opened, high, low, close, volume, closed, quote, trades = values.T
    quote = np.where(np.isfinite(quote) & (quote >= 0), quote, np.nan)
    return KlineTable(
        str(file),
        symbol,
        named_interval_ms,
        lines,
        times_of(times),
        opened,
        high,
        low,
        close,
        volume,
        None if np.isnan(closed).all() else times_of(closed),
        None if np.isnan(quote).all() else quote,
        None if np.isnan(trades).all() else np.where(trades >= 0, trades, NO_TRADES_RECORDED).astype(np.int64),
        rejected,
    )


def _compare_checksum(file: Path) -> None:
    """Raise MarketDataError if Binance's ``.CHECKSUM`` file beside a dump, ``<SHA-256>  <name>``, has another hash."""
    told = file.with_name(f"{file.name}.CHECKSUM")
    try:
        with open(told, "rb", opener=open_regular) as checksum:
            expected = checksum.read(_LONGEST_CHECKSUM).decode("ascii", "replace").split()[:1]
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return
    if expected != [found]:
        raise MarketDataError(f"{file}: has SHA-256 {found[:16]}…, and {told.name} says another; download both again")


def _read(file: Path, header: int) -> tuple[Floats, Integers, tuple[RejectedLine, ...]]:
    """Return the values of all columns (NaN for what a line does not have), their lines, and the lines without."""
    columns = _columns_in(file, header)
    found = read_numbers(file, columns, header)
    if found is None or header + len(found) != _count_lines(file):
        return _read_line_by_line(file, header)
    values = np.full((len(found), len(_ALL)), np.nan)
    values[:, [place for _, place in columns]] = found
    return values, np.arange(len(values), dtype=np.int64) + header + 1, ()


def _columns_in(file: Path, header: int) -> list[tuple[str, int]]:
    """Return the columns that a file's first kline has."""
    with open_rows(file) as rows:
        row = next((row for number, row in enumerate(rows) if number >= header), "")
    fields = row.strip().split(",")
    return [*_NEEDED, *(column for column in _OPTIONAL if fields[column[1] : column[1] + 1] not in ([], [""]))]


def _count_lines(file: Path) -> int:
    with open_rows(file) as rows:
        return sum(1 for _ in rows)


def _read_line_by_line(file: Path, header: int) -> tuple[Floats, Integers, tuple[RejectedLine, ...]]:
    values, lines, rejected = list[list[float]](), list[int](), list[RejectedLine]()
    for number, fields in _lines(file, header):
        if problem := _problem(fields):
            rejected.append(RejectedLine(number, problem))
            continue
        lines.append(number)
        values.append([_value(fields, place) for _, place in _ALL])
    table = np.array(values, dtype=np.float64).reshape(-1, len(_ALL))
    return table, np.array(lines, dtype=np.int64), tuple(rejected)


def _lines(file: Path, header: int) -> Iterator[tuple[int, list[str]]]:
    with open_rows(file) as rows:
        for number, row in enumerate(rows, 1):
            if number > header:
                yield number, row.strip().split(",")


def _problem(fields: list[str]) -> str:
    """Return why a line holds no kline; empty if it does."""
    if fields == [""]:
        return "is empty"
    if len(fields) < len(_NEEDED):
        return f"has {len(fields)} columns; klines have 12 comma-separated columns"
    for name, place in _NEEDED:
        if not is_number(fields[place]):
            return f"column {name}: {fields[place]!r} is not a number"
    return ""


def _value(fields: list[str], place: int) -> float:
    return float(fields[place]) if place < len(fields) and is_number(fields[place]) else np.nan

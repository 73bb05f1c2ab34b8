"""Columns for a look back, from wherever klines are: a file, a folder of them, or a data directory."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.lookback.column_checks import interval_of
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.gathering import gather
from cq_tui.lookback.kline_table import KlineTable, table_of
from cq_tui.ops.market_data.column_folder import read_columns
from cq_tui.ops.market_data.dumps import read_dump
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.files import COLUMNS, KlineFile, find_files
from cq_tui.ops.market_data.freqtrade import read_feather, read_json
from cq_tui.ops.market_data.journals import read_journal
from cq_tui.strategies.bars import interval_label

_READERS: Final[dict[str, Callable[[Path, str, int | None], KlineTable]]] = {
    "dump": read_dump,
    "journal": read_journal,
    "freqtrade": read_json,
    "feather": read_feather,
    COLUMNS: lambda folder, symbol, _: table_of(kept_columns(folder, symbol), str(folder)),
}


def kept_columns(folder: Path, symbol: str) -> KlineColumns:
    """Return the columns that a data directory keeps in a folder, mapped. Raises MarketDataError."""
    columns = read_columns(folder)
    if columns is None or columns.symbol != symbol:
        raise MarketDataError(f"{folder}: holds no klines of {symbol}; remove it and import or fetch them again")
    return columns


def load_columns(
    source: Path, symbols: Collection[str] | None = None, interval: str | None = None
) -> dict[str, KlineColumns]:
    """Return the klines of the symbols, or of all, by symbol.

    ``interval``, such as ``1m``, chooses among several. Holes stay holes; raises MarketDataError if anything else is
    not as it should be.
    """
    chosen = choose_files(source, symbols, None if interval is None else interval_ms_of(interval))
    columns = {symbol: columns_of(files) for symbol, files in sorted(chosen.items())}
    if len({each.interval_ms for each in columns.values()}) > 1:
        found = ", ".join(f"{each.interval} of {symbol}" for symbol, each in columns.items())
        raise MarketDataError(f"{source}: klines of different intervals: {found}; choose one with --interval")
    return columns


def columns_of(files: Sequence[KlineFile]) -> KlineColumns:
    """Return the columns of files of one symbol. Raises MarketDataError at the first fault."""
    if [file.format for file in files] == [COLUMNS]:
        return kept_columns(files[0].path, files[0].symbol)
    tables = [read_file(file) for file in files]
    gathered = gather(tables, interval_of_all(tables))
    if errors := gathered.errors:
        more = f" (and {len(errors) - 1:,} more: `cq-tui data check` lists them)" if len(errors) > 1 else ""
        raise MarketDataError(f"{errors[0]}{more}")
    if gathered.columns is None:
        raise MarketDataError(_first_problem(tables))
    return gathered.columns


def _first_problem(tables: Sequence[KlineTable]) -> str:
    """Return why tables without klines have none."""
    for table in tables:
        for line, problem in table.rejected:
            return f"{table.at_line(line)}: {problem}; download the file again"
    return f"{tables[0].source}: holds no klines; download it again"


def interval_of_all(tables: Sequence[KlineTable]) -> int:
    """Return the one interval (ms) of tables of a symbol. Raises MarketDataError if there is none, or are several."""
    known = [(table, interval_of(table)) for table in tables if len(table)]
    if not known:
        raise MarketDataError(_first_problem(tables))
    for table, interval_ms in known:
        if interval_ms is None:
            raise MarketDataError(
                f"{table.source}: nothing says the interval of its klines; name it as in {table.symbol}-1m-2024-08.csv"
            )
        if interval_ms not in INTERVAL_MS.values():
            label = interval_label(interval_ms)
            raise MarketDataError(f"{table.source}: its klines are {label} apart, which is no interval of klines")
    found = {interval_ms: table for table, interval_ms in known}
    if len(found) > 1:
        listed = " and ".join(f"{interval_label(length or 0)} in {table.source}" for length, table in found.items())
        raise MarketDataError(f"{tables[0].symbol}: klines of {listed}; choose one with --interval")
    return next(iter(found)) or 0


def interval_ms_of(interval: str) -> int:
    """Return the length of an interval. Raises MarketDataError if there is none of this name."""
    if interval not in INTERVAL_MS:
        raise MarketDataError(f"{interval} is no interval of klines; choose one of {', '.join(INTERVAL_MS)}")
    return INTERVAL_MS[interval]


def choose_files(source: Path, symbols: Collection[str] | None, interval_ms: int | None) -> dict[str, list[KlineFile]]:
    """Return the files of each symbol that may hold the interval. Raises MarketDataError if a symbol has none."""
    by_symbol = defaultdict[str, list[KlineFile]](list)
    found = find_files(source)
    for file in found:
        of_interval = interval_ms is None or file.interval_ms in (None, interval_ms)
        if of_interval and (symbols is None or file.symbol in symbols):
            by_symbol[file.symbol].append(file)
    if missing := [symbol for symbol in symbols or () if symbol not in by_symbol]:
        available = ", ".join(sorted({file.symbol if interval_ms is None else _name_of(file) for file in found}))
        kind = "klines" if interval_ms is None else f"klines of {interval_label(interval_ms)}"
        raise MarketDataError(f"{source}: no {kind} of {', '.join(missing)}; available: {available}")
    return by_symbol


def _name_of(file: KlineFile) -> str:
    """Return ``BTCUSDT 1m``, or only the symbol where the name of the file has no interval."""
    return file.symbol if file.interval_ms is None else f"{file.symbol} {interval_label(file.interval_ms)}"


def read_file(file: KlineFile) -> KlineTable:
    """Return the klines of a file as it has them. Raises MarketDataError."""
    return _READERS[file.format](file.path, file.symbol, file.interval_ms)

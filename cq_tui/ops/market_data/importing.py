"""``data import``: files of klines into the columns of a data directory; what is left out is told."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.lookback.kline_table import KlineTable
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.files import KlineFile
from cq_tui.ops.market_data.reading import choose_files, interval_ms_of, interval_of_all, read_file
from cq_tui.ops.market_data.writing import Added, add_klines, only_writer


def import_klines(
    data: DataDir,
    sources: Sequence[Path],
    symbols: Collection[str] | None = None,
    interval: str | None = None,
    *,
    replace: bool = False,
) -> Iterator[Added | MarketDataError]:
    """Import files, or folders of them; yield what became of each symbol and interval.

    Those of which nothing can be imported are yielded as errors and change nothing. Raises MarketDataError before
    anything is changed if there is nothing to import.
    """
    interval_ms = None if interval is None else interval_ms_of(interval)
    by_symbol = defaultdict[str, list[KlineFile]](list)
    for source in sources:
        for symbol, files in choose_files(source, symbols, interval_ms).items():
            by_symbol[symbol] += files
    with only_writer(data):
        for _, files in sorted(by_symbol.items()):
            yield from _import_symbol(data, files, interval_ms, replace=replace)


def _import_symbol(
    data: DataDir, files: Sequence[KlineFile], interval_ms: int | None, *, replace: bool
) -> Iterator[Added | MarketDataError]:
    by_interval = defaultdict[int, list[KlineTable]](list)
    for file in files:
        try:
            table = read_file(file)
            found = interval_of_all([table])
        except MarketDataError as error:
            yield error
            continue
        if interval_ms in (None, found):
            by_interval[found].append(table)
    for found, tables in sorted(by_interval.items()):
        try:
            yield add_klines(data, tables, found, replace=replace)
        except MarketDataError as error:
            yield error

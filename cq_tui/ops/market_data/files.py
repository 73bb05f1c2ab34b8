"""Which files of klines a path names, and what their names say: format, symbol and interval."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.ops.market_data.errors import MarketDataError

#: How a file's name says what it is. Binance's dumps are BTCUSDT-1m-2024-08.zip, freqtrade's files BTC_USDT-1m.json.
_NAMES: Final = {
    "dump": re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<rest>.+)\.(?:csv|csv\.gz|zip)"),
    "journal": re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<rest>[0-9a-z]+)\.ndjson"),
    "freqtrade": re.compile(r"(?P<symbol>[A-Z0-9]+_[A-Z0-9]+)-(?P<rest>[0-9a-z]+)\.(?:json|json\.gz)"),
    "feather": re.compile(r"(?P<symbol>[A-Z0-9]+_[A-Z0-9]+)-(?P<rest>[0-9a-z]+)\.feather"),
}
_SUFFIXES: Final = (".csv", ".csv.gz", ".zip", ".ndjson", ".json", ".json.gz", ".feather")
#: The format of columns that a data directory keeps, and the file that says so.
COLUMNS: Final = "columns"
COLUMNS_DOCUMENT: Final = "columns.json"
#: Dumps of another kind, which lie beside those of klines.
_OTHER_DUMPS: Final = ("trades", "aggTrades")


class KlineFile(NamedTuple):
    """A file of klines by its name."""

    path: Path
    format: str
    symbol: str
    #: None if the name has none.
    interval_ms: int | None


def find_files(source: Path) -> list[KlineFile]:
    """Return the files of klines that a path names: itself, those below a folder, or those of a data directory.

    In a data directory those are the columns that it keeps, and the journals of what it keeps no columns of. Raises
    MarketDataError if there are none.
    """
    if not source.exists():
        raise MarketDataError(f"{source}: no such file or folder")
    if source.is_file():
        return [_named(source)]
    data = DataDir(source)
    if data.klines.is_dir() or data.columns.is_dir():
        kept = list(_below(data.columns))
        known = {(file.symbol, file.interval_ms) for file in kept}
        found = [*kept, *(file for file in _below(data.klines) if (file.symbol, file.interval_ms) not in known)]
    else:
        found = list(_below(source))
    if not found:
        raise MarketDataError(f"{source}: no files of klines in this folder; put Binance's data files there")
    return found


def _below(folder: Path) -> Iterator[KlineFile]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and (file := _by_name(path)) is not None:
            yield file


def _named(path: Path) -> KlineFile:
    """Return what a file's name says. Raises MarketDataError if that is nothing."""
    file = _by_name(path)
    if file is not None:
        return file
    if not path.name.endswith(_SUFFIXES):
        raise MarketDataError(f"{path}: is none of {', '.join(_SUFFIXES)}; choose such a file or a folder of them")
    if path.name.partition("-")[2].startswith(_OTHER_DUMPS):
        raise MarketDataError(f"{path}: holds trades, not klines; choose Binance's files of klines")
    raise MarketDataError(
        f"{path}: the name says no symbol, as BTCUSDT-1m-2024-08.csv or BTC_USDT-1m.json do; rename the file"
    )


def _by_name(path: Path) -> KlineFile | None:
    if path.name == COLUMNS_DOCUMENT:
        symbol, _, interval = path.parent.name.partition("-")
        return KlineFile(path.parent, COLUMNS, symbol, INTERVAL_MS.get(interval))
    for name, pattern in _NAMES.items():
        if (match := pattern.fullmatch(path.name)) is None:
            continue
        first = match["rest"].partition("-")[0]
        if first in _OTHER_DUMPS:
            return None
        return KlineFile(path, name, match["symbol"].replace("_", ""), INTERVAL_MS.get(first))
    return None

"""Trades of Binance's public data files, ``SYMBOL-trades-…`` and ``SYMBOL-aggTrades-…``, as columns."""

import re
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np

from cq_tui.lookback.trade_columns import TradeColumns
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.simulator.market.dump_rows import (
    ReplayError,
    detect_layout,
    find_bad_values,
    milliseconds,
    read_numbers,
)

_NAME: Final = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<kind>trades|aggTrades)\b.*\.(?:csv|csv\.gz|zip)")
#: Columns read, and their places.
_COLUMNS: Final = {
    "trades": (("id", 0), ("price", 1), ("time", 4)),
    "aggTrades": (("agg_trade_id", 0), ("price", 1), ("transact_time", 5)),
}


def find_trade_files(source: Path) -> dict[str, list[Path]]:
    """Return the files of trades that a path names, itself or those below a folder, by symbol."""
    paths = sorted(source.rglob("*")) if source.is_dir() else [source]
    found = defaultdict[str, list[Path]](list)
    for path in paths:
        if path.is_file() and (match := _NAME.fullmatch(path.name)) is not None:
            found[match["symbol"]].append(path)
    return found


def load_trades(source: Path, symbols: Collection[str]) -> dict[str, TradeColumns]:
    """Return the recorded trades of those of the symbols that have any. Raises MarketDataError."""
    files = find_trade_files(source)
    return {symbol: _columns_of(symbol, files[symbol]) for symbol in sorted(symbols) if symbol in files}


def _columns_of(symbol: str, files: list[Path]) -> TradeColumns:
    kinds = {_kind_of(file): file for file in files}
    if len(kinds) > 1:
        listed = " and ".join(f"{kind} in {file}" for kind, file in sorted(kinds.items()))
        raise MarketDataError(f"{symbol}: {listed} number trades differently; keep files of one kind")
    tables = np.concatenate([_read(file) for file in files])
    _, newest = np.unique(tables[:, 0], return_index=True)
    ids, price, times = tables[newest].T
    time = milliseconds(times)
    if (backwards := np.flatnonzero(np.diff(time) < 0)).size:
        at = int(ids[backwards[0] + 1])
        raise MarketDataError(f"{files[0]}: trade {at} is earlier than the one before it; download the files again")
    return TradeColumns(symbol, ids.astype(np.int64), time, price)


def _kind_of(file: Path) -> str:
    match = _NAME.fullmatch(file.name)
    return "" if match is None else match["kind"]


def _read(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return a row for each trade: id, price, time. Raises MarketDataError naming file, row and column."""
    try:
        kind, header = detect_layout(file)
        if kind not in _COLUMNS:
            raise MarketDataError(f"{file}: holds {kind}, not trades; rename it or choose another file")
        values = read_numbers(file, _COLUMNS[kind], header)
        if values is None:
            bad = next(iter(find_bad_values(file, _COLUMNS[kind], header)), None)
            what = (
                "cannot be read" if bad is None else f"row {bad.row}, column {bad.column}: {bad.value!r} is no number"
            )
            raise MarketDataError(f"{file}: {what}; download it again")
    except ReplayError as error:
        raise MarketDataError(str(error)) from None
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1) | (values[:, 1] <= 0))
    if wrong.size:
        row = int(wrong[0]) + 1 + header
        raise MarketDataError(f"{file}: row {row}: no trade has such figures; download it again or remove the row")
    return np.asarray(values)

"""Recorded klines and trades in the format of Binance's public data files, plain, gzip or zip, in ms or µs."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cq_tui.simulator.market.dump_rows import (
    SUFFIXES,
    Layout,
    detect_layout,
    find_bad_values,
    milliseconds,
    read_numbers,
)
from cq_tui.simulator.market.dump_rows import ReplayError as ReplayError
from cq_tui.simulator.market.ticks import BAR, Bars, Floats

log = logging.getLogger(__name__)

#: Columns read, and their places.
_COLUMNS = {
    "klines": (("open_time", 0), ("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", 5)),
    "trades": (("price", 1), ("qty", 2), ("time", 4)),
    "aggTrades": (("price", 1), ("quantity", 2), ("transact_time", 5)),
}
_MAX_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Recording:
    """The bars of one symbol, ascending, and the numbers of decimals of its prices and volumes.

    Bars that are not there, in an outage of the exchange, are missing here too. ``interval_ms`` is the length of one.
    """

    bars: Bars
    decimals: int
    volume_decimals: int
    kind: str
    interval_ms: int


def read_recordings(path: Path, trade_bar_ms: int = 1_000) -> dict[str, Recording]:
    """Read a file, or every .csv, .csv.gz and .zip of a folder, by symbol. Raises ReplayError.

    Trades become bars of ``trade_bar_ms``. The symbol is the part of a file's name before the first ``-``; several
    files of a symbol are merged.
    If a folder holds klines and trades, the trades are skipped with a warning: their time scales differ.
    """
    read = [(file, _read_file(file, trade_bar_ms)) for file in _files(path)]
    kinds = {entry.kind for _, entry in read}
    parts: dict[str, list[Recording]] = defaultdict(list)
    for file, recording in read:
        if recording.kind != "klines" and "klines" in kinds:
            log.warning("skipping %s: it holds trades, and the folder also has klines", file)
            continue
        parts[_symbol_of(file)].append(recording)
    return {symbol: _merge(entries) for symbol, entries in parts.items()}


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise ReplayError(f"{path}: no such file or folder")
    if path.is_file():
        if not path.name.endswith(SUFFIXES):
            raise ReplayError(f"{path}: only .csv, .csv.gz and .zip files can be replayed")
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(SUFFIXES))
    if not found:
        raise ReplayError(f"{path}: no .csv, .csv.gz or .zip files in this folder; put Binance's data files there")
    return found


def _symbol_of(file: Path) -> str:
    symbol = file.name.partition("-")[0]
    if symbol == file.name or not symbol.isalnum() or symbol != symbol.upper():
        raise ReplayError(f"{file}: the name does not begin with a symbol, as in BTCUSDT-1m-2024-08.csv; rename it")
    return symbol


def _merge(recordings: list[Recording]) -> Recording:
    bars = np.concatenate([entry.bars for entry in recordings])
    _, newest = np.unique(bars["open_time"], return_index=True)
    return Recording(
        bars[newest],
        max(entry.decimals for entry in recordings),
        max(entry.volume_decimals for entry in recordings),
        recordings[0].kind,
        min(entry.interval_ms for entry in recordings),
    )


def _read_file(file: Path, trade_bar_ms: int) -> Recording:
    layout = detect_layout(file)
    table = read_numbers(file, _COLUMNS[layout.kind], layout.header)
    if table is None:
        raise _bad_row(file, layout)
    kind, header = layout
    if kind == "klines":
        bars = _bars_of_klines(file, table, header)
        return Recording(bars, _decimals(table[:, 1:5]), _decimals(table[:, 5]), kind, _interval_of(bars))
    bars = _bars_of_trades(file, table, kind, header, trade_bar_ms)
    return Recording(bars, _decimals(table[:, 0]), _decimals(table[:, 1]), kind, trade_bar_ms)


def _interval_of(bars: Bars) -> int:
    """Return the klines' interval (ms): the shortest time between two of them; a minute if there is only one."""
    apart = np.diff(np.unique(bars["open_time"]))
    return int(apart.min()) if len(apart) else 60_000


def _bad_row(file: Path, layout: Layout) -> ReplayError:
    """Return an error for the first row that cannot be read."""
    for bad in find_bad_values(file, _COLUMNS[layout.kind], layout.header):
        return _bad_value(file, bad.row, bad.column, bad.value, "is not a number")
    return ReplayError(f"{file}: cannot be read as {layout.kind}; download it again")


def _bad_value(file: Path, row: int, column: str, value: object, problem: str) -> ReplayError:
    return ReplayError(
        f"{file}, row {row}, column {column}: {value!r} {problem}; download the file again or remove the row"
    )


def _check_values(file: Path, values: Floats, bad: object, column: str, header: int, problem: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        raise _bad_value(file, int(rows[0]) + 1 + header, column, float(values[rows[0]]), problem)


def _bars_of_klines(file: Path, table: Floats, header: int) -> Bars:
    times, opened, high, low, close, volume = table.T
    for (column, _), values in zip(_COLUMNS["klines"], table.T, strict=True):
        bad = ~np.isfinite(values) | ((values < 0) if column == "volume" else (values <= 0))
        _check_values(file, values, bad, column, header, "is out of range")
    _check_values(file, high, high < np.maximum(opened, close), "high", header, "is below open or close")
    _check_values(file, low, low > np.minimum(opened, close), "low", header, "is above open or close")
    bars = np.zeros(len(table), dtype=BAR)
    bars["open_time"] = milliseconds(times)
    bars["open"], bars["high"], bars["low"], bars["close"], bars["volume"] = opened, high, low, close, volume
    return bars[np.argsort(bars["open_time"], kind="stable")]


def _bars_of_trades(file: Path, table: Floats, kind: str, header: int, bar_ms: int) -> Bars:
    """Return a bar for every ``bar_ms`` from the first to the last trade; those without trades are flat."""
    for (column, _), values in zip(_COLUMNS[kind], table.T, strict=True):
        _check_values(file, values, ~np.isfinite(values) | (values <= 0), column, header, "is out of range")
    order = np.argsort(table[:, 2], kind="stable")
    price, quantity, times = table[order, 0], table[order, 1], milliseconds(table[order, 2])
    numbers = times // bar_ms
    first = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    grid = np.arange(numbers[0], numbers[-1] + 1)
    at = np.searchsorted(numbers[first], grid, side="right") - 1
    traded = numbers[first][at] == grid
    close = price[np.r_[first[1:] - 1, len(price) - 1]][at]
    bars = np.zeros(len(grid), dtype=BAR)
    bars["open_time"], bars["close"] = grid * bar_ms, close
    bars["open"] = np.where(traded, price[first][at], close)
    bars["high"] = np.where(traded, np.maximum.reduceat(price, first)[at], close)
    bars["low"] = np.where(traded, np.minimum.reduceat(price, first)[at], close)
    bars["volume"] = np.where(traded, np.add.reduceat(quantity, first)[at], 0)
    return bars


def _decimals(values: Floats) -> int:
    """Return the number of decimals of prices or volumes."""
    for decimals in range(_MAX_DECIMALS):
        if np.allclose(values, np.round(values, decimals), rtol=0, atol=1e-9):
            return decimals
    return _MAX_DECIMALS

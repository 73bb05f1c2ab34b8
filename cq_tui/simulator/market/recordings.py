"""Recorded klines and trades in the format of Binance's public data files, plain or gzip, in ms or µs."""

import gzip
import logging
import math
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from cq_tui.simulator.market.ticks import BAR, Bars, Floats

log = logging.getLogger(__name__)

#: The kind of file, by its number of columns.
_KINDS = {12: "klines", 11: "klines", 6: "trades", 7: "trades", 8: "aggTrades"}
#: Columns read: klines (time, open, high, low, close, volume), trades (price, quantity, time).
_COLUMNS = {"klines": (0, 1, 2, 3, 4, 5), "trades": (1, 2, 4), "aggTrades": (1, 2, 5)}
_NAMES = {
    "klines": ("open_time", "open", "high", "low", "close", "volume"),
    "trades": ("price", "qty", "time"),
    "aggTrades": ("price", "quantity", "transact_time"),
}
_FIRST_MICROSECONDS = 1e14
_MAX_DECIMALS = 8
_SUFFIXES = (".csv", ".csv.gz")


class ReplayError(ValueError):
    """Recorded prices that cannot be replayed; the message names file, row, column and remedy."""


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
    """Read a file, or every .csv and .csv.gz of a folder, by symbol. Raises ReplayError.

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
        if not path.name.endswith(_SUFFIXES):
            raise ReplayError(f"{path}: only .csv and .csv.gz files can be replayed; unpack it first")
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(_SUFFIXES))
    if not found:
        raise ReplayError(f"{path}: no .csv or .csv.gz files in this folder; unpack Binance's data files there")
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
    try:
        return _parse(file, trade_bar_ms)
    except (OSError, EOFError, zlib.error) as error:
        raise ReplayError(f"{file}: cannot be read ({error}); download it again") from None
    except UnicodeDecodeError as error:
        raise ReplayError(f"{file}: byte {error.start} is not text; a .csv or .csv.gz file is needed") from None


def _parse(file: Path, trade_bar_ms: int) -> Recording:
    kind, header = _detect_layout(file)
    with _open_text(file) as rows:
        try:
            table = np.loadtxt(
                rows, delimiter=",", skiprows=header, usecols=_COLUMNS[kind], ndmin=2, comments=None, dtype=np.float64
            )
        except (ValueError, IndexError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            raise _find_bad_row(file, kind, header) from None
    if kind == "klines":
        bars = _bars_of_klines(file, table, header)
        return Recording(bars, _decimals(table[:, 1:5]), _decimals(table[:, 5]), kind, _interval_of(bars))
    bars = _bars_of_trades(file, table, kind, header, trade_bar_ms)
    return Recording(bars, _decimals(table[:, 0]), _decimals(table[:, 1]), kind, trade_bar_ms)


def _interval_of(bars: Bars) -> int:
    """Return the klines' interval (ms): the shortest time between two of them; a minute if there is only one."""
    apart = np.diff(np.unique(bars["open_time"]))
    return int(apart.min()) if len(apart) else 60_000


def _open_text(file: Path) -> TextIO:
    """Open a plain or gzip file for reading line by line."""
    if file.name.endswith(".gz"):
        return gzip.open(file, "rt", encoding="ascii")
    return file.open(encoding="ascii")


def _detect_layout(file: Path) -> tuple[str, int]:
    """Return the kind of a file's rows, and the number of header rows."""
    with _open_text(file) as rows:
        head = next(rows, "")
        columns = head.count(",") + 1
        kind = _KINDS.get(columns)
        if kind is None:
            raise ReplayError(
                f"{file}, row 1: {columns} columns; klines have 12 comma-separated columns, trades 7, aggTrades 8"
            )
        header = 0 if _is_number(head.partition(",")[0]) else 1
        if header and not next(rows, "").strip():
            raise ReplayError(f"{file}: no rows; download it again")
        return kind, header


def _find_bad_row(file: Path, kind: str, header: int) -> ReplayError:
    """Return an error for the first row that cannot be read."""
    with _open_text(file) as rows:
        for number, row in enumerate(rows, 1):
            if number <= header or not row.strip():
                continue
            fields = row.strip().split(",")
            for column, name in zip(_COLUMNS[kind], _NAMES[kind], strict=True):
                value = fields[column] if column < len(fields) else ""
                if not _is_number(value):
                    return _bad_value(file, number, name, value, "is not a number")
    return ReplayError(f"{file}: cannot be read as {kind}; download it again")


def _bad_value(file: Path, row: int, column: str, value: object, problem: str) -> ReplayError:
    return ReplayError(
        f"{file}, row {row}, column {column}: {value!r} {problem}; download the file again or remove the row"
    )


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _milliseconds(times: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    scaled = np.where(times >= _FIRST_MICROSECONDS, times // 1_000, times)
    return np.asarray(scaled.astype(np.int64))


def _check_values(file: Path, values: Floats, bad: object, column: str, header: int, problem: str) -> None:
    rows = np.flatnonzero(np.asarray(bad))
    if len(rows):
        raise _bad_value(file, int(rows[0]) + 1 + header, column, float(values[rows[0]]), problem)


def _bars_of_klines(file: Path, table: Floats, header: int) -> Bars:
    times, opened, high, low, close, volume = table.T
    for column, values in zip(_NAMES["klines"], table.T, strict=True):
        bad = ~np.isfinite(values) | ((values < 0) if column == "volume" else (values <= 0))
        _check_values(file, values, bad, column, header, "is out of range")
    _check_values(file, high, high < np.maximum(opened, close), "high", header, "is below open or close")
    _check_values(file, low, low > np.minimum(opened, close), "low", header, "is above open or close")
    bars = np.zeros(len(table), dtype=BAR)
    bars["open_time"] = _milliseconds(times)
    bars["open"], bars["high"], bars["low"], bars["close"], bars["volume"] = opened, high, low, close, volume
    return bars[np.argsort(bars["open_time"], kind="stable")]


def _bars_of_trades(file: Path, table: Floats, kind: str, header: int, bar_ms: int) -> Bars:
    """Return a bar for every ``bar_ms`` from the first to the last trade; those without trades are flat."""
    for column, values in zip(_NAMES[kind], table.T, strict=True):
        _check_values(file, values, ~np.isfinite(values) | (values <= 0), column, header, "is out of range")
    order = np.argsort(table[:, 2], kind="stable")
    price, quantity, times = table[order, 0], table[order, 1], _milliseconds(table[order, 2])
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

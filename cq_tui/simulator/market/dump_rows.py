"""Rows of Binance's public data files: .csv, .csv.gz or .zip, with or without a header, as numbers.

https://github.com/binance/binance-public-data: spot files have no header, and times in µs since 2025-01-01.
"""

import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple, TextIO, cast

import numpy as np

from cq_tui.simulator.market.ticks import Floats, Integers

SUFFIXES = (".csv", ".csv.gz", ".zip")
#: The kind of file, by its number of columns.
_KINDS = {12: "klines", 11: "klines", 6: "trades", 7: "trades", 8: "aggTrades"}
_FIRST_MICROSECONDS = 1e14
#: Prices pack to a tenth or so; what packs better, and is not small, was made to fill memory.
_SMALL, _MOST_TIMES = 64 << 20, 100
#: What opening or unpacking a file raises.
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class ReplayError(ValueError):
    """Recorded prices that cannot be used; the message names file, row, column and remedy."""


class Layout(NamedTuple):
    """What a file's rows are, and the number of header rows."""

    kind: str
    header: int


class BadValue(NamedTuple):
    """A value that is no number. Rows count from 1, with the header."""

    row: int
    column: str
    value: str


#: Columns by name, and their places.
Columns = Sequence[tuple[str, int]]


def detect_layout(file: Path) -> Layout:
    """Return what a file's rows are. Raises ReplayError."""
    with open_rows(file) as rows:
        head = next(rows, "")
        if not head.strip():
            raise ReplayError(f"{file}: its first row is empty; download it again")
        columns = head.count(",") + 1
        kind = _KINDS.get(columns)
        if kind is None:
            raise ReplayError(
                f"{file}, row 1: {columns} columns; klines have 12 comma-separated columns, trades 7, aggTrades 8"
            )
        header = 0 if any(map(is_number, head.strip().split(","))) else 1
        if header and not next(rows, "").strip():
            raise ReplayError(f"{file}: no rows; download it again")
        return Layout(kind, header)


def read_numbers(file: Path, columns: Columns, header: int) -> Floats | None:
    """Return the columns' values, a row each; None if some row has none that can be read."""
    places = [place for _, place in columns]
    with open_rows(file) as rows:
        try:
            return np.loadtxt(
                rows, delimiter=",", skiprows=header, usecols=places, ndmin=2, comments=None, dtype=np.float64
            )
        except UnicodeDecodeError:
            raise
        except (ValueError, IndexError):
            return None


def find_bad_values(file: Path, columns: Columns, header: int) -> Iterator[BadValue]:
    """Yield the first value that is no number of each row that has one, or too few."""
    with open_rows(file) as rows:
        for number, row in enumerate(rows, 1):
            if number <= header or not row.strip():
                continue
            fields = row.strip().split(",")
            for name, place in columns:
                value = fields[place] if place < len(fields) else ""
                if not is_number(value):
                    yield BadValue(number, name, value)
                    break


@contextmanager
def open_rows(file: Path) -> Iterator[TextIO]:
    """Open a file for reading row by row; ReplayError names it when it cannot be read."""
    try:
        with ExitStack() as opened:
            yield io.TextIOWrapper(_unpacked(file, opened), encoding="ascii")
    except UnicodeDecodeError as error:
        raise ReplayError(f"{file}: byte {error.start} is not text; a .csv, .csv.gz or .zip file is needed") from None
    except _UNREADABLE as error:
        raise ReplayError(f"{file}: cannot be read ({error}); download it again") from None


def _unpacked(file: Path, opened: ExitStack) -> IO[bytes]:
    """Return the content of a file; what is opened for it is closed with ``opened``."""
    if file.name.endswith(".zip"):
        archive = opened.enter_context(zipfile.ZipFile(file))
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(names) != 1:
            raise ReplayError(f"{file}: holds {len(names)} .csv files, expected one; download it again")
        # More than the archive says is never unpacked.
        _refuse_larger(archive.getinfo(names[0]).file_size, most_unpacked(file))
        return opened.enter_context(archive.open(names[0]))
    raw = opened.enter_context(file.open("rb"))
    if not file.name.endswith(".gz"):
        return raw
    return cast(IO[bytes], opened.enter_context(_BoundedGzip(raw, most_unpacked(file))))


class _BoundedGzip(gzip.GzipFile):
    """Unpacks no more than a bound; more raises OSError."""

    def __init__(self, raw: IO[bytes], most: int) -> None:
        super().__init__(fileobj=raw)
        self._most = most

    def read1(self, size: int = -1) -> bytes:
        piece = super().read1(size)
        _refuse_larger(self.tell(), self._most)
        return piece


def most_unpacked(file: Path) -> int:
    """Return the bytes that a file of klines or trades unpacks to at most: their times alone keep it from more."""
    return max(_SMALL, _MOST_TIMES * file.stat().st_size)


def _refuse_larger(size: int, most: int) -> None:
    if size > most:
        raise OSError(f"it unpacks to more than {most >> 20} MiB: no recorded prices do")


def is_number(value: str) -> bool:
    """Whether a value is a finite number; Python's 1_000 is none."""
    try:
        return "_" not in value and math.isfinite(float(value))
    except ValueError:
        return False


def milliseconds(times: Floats) -> Integers:
    """Return times of a file, ms or µs, in ms."""
    scaled = np.where(times >= _FIRST_MICROSECONDS, times // 1_000, times)
    return np.asarray(scaled.astype(np.int64))

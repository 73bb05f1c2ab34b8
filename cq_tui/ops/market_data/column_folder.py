"""Columns kept in a folder: one NumPy file each, mapped when read, and replaced together.

``columns.json`` names the folder of the current files after their content. A new one is written beside it first: who
reads finds the old columns or the new ones, whenever the writer is killed.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np

from cq_tui.contracts.kline_columns import KlineColumnsDocument
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.lookback.columns import COLUMNS, OPTIONAL, ColumnsError, KlineColumns
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.files import COLUMNS_DOCUMENT as DOCUMENT
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.durable import sync_folder

_TYPES: Final = {name: "<i8" if name in ("open_time", "trades") else "<f8" for name in COLUMNS}
_NEEDED: Final = [name for name in COLUMNS if name not in OPTIONAL]
#: A reader whose files were replaced reads the new ones; more often than this they are just missing.
_ATTEMPTS: Final = 3


def read_summary(folder: Path) -> KlineColumnsDocument | None:
    """Return what a folder holds, or None if that is nothing yet. Raises MarketDataError."""
    if not (folder / DOCUMENT).exists():
        return None
    try:
        return read_document(folder / DOCUMENT, KlineColumnsDocument)
    except DocumentError as error:
        raise MarketDataError(str(error)) from None


def read_columns(folder: Path) -> KlineColumns | None:
    """Return the columns that a folder holds, mapped, or None if there are none yet. Raises MarketDataError."""
    for attempt in range(_ATTEMPTS):
        if (summary := read_summary(folder)) is None:
            return None
        try:
            return _mapped(folder, summary)
        except FileNotFoundError as error:
            if attempt == _ATTEMPTS - 1:
                raise MarketDataError(f"{error.filename}: is missing; {_remedy(folder)}") from None
    return None


def _mapped(folder: Path, summary: KlineColumnsDocument) -> KlineColumns:
    if summary.interval not in INTERVAL_MS:
        raise MarketDataError(f"{folder / DOCUMENT}: {summary.interval} is no interval of klines; {_remedy(folder)}")
    if missing := [name for name in _NEEDED if name not in summary.columns]:
        raise MarketDataError(f"{folder / DOCUMENT}: names no column {', '.join(missing)}; {_remedy(folder)}")
    found: dict[str, Any] = {name: _map(folder / summary.folder / f"{name}.npy", summary) for name in summary.columns}
    try:
        return KlineColumns(summary.symbol, INTERVAL_MS[summary.interval], **found)
    except ColumnsError as error:
        raise MarketDataError(f"{folder}: {error}; {_remedy(folder)}") from None


def _map(file: Path, summary: KlineColumnsDocument) -> Any:
    if not file.is_file():
        # A pipe would block.
        raise FileNotFoundError(errno.ENOENT, "is missing", str(file))
    try:
        column = np.load(file, mmap_mode="r")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError) as error:
        raise MarketDataError(f"{file}: cannot be read ({error}); {_remedy(file.parent.parent)}") from None
    if column.shape != (summary.klines,) or column.dtype != _TYPES[file.stem]:
        raise MarketDataError(
            f"{file}: holds {column.dtype} of shape {column.shape}, expected {_TYPES[file.stem]} of shape "
            f"({summary.klines},); {_remedy(file.parent.parent)}"
        )
    return np.asarray(column)


def _remedy(folder: Path) -> str:
    return f"remove {folder} and import or fetch its klines again"


def write_columns(folder: Path, columns: KlineColumns, venue: str | None) -> None:
    """Replace the columns of a folder; the caller holds the lock of `cq-tui data`. Raises OSError."""
    digest = columns.digest()
    kept = [name for name in COLUMNS if getattr(columns, name) is not None]
    summary = KlineColumnsDocument(
        symbol=columns.symbol,
        interval=columns.interval,
        klines=len(columns),
        first_open_time=int(columns.open_time[0]),
        last_open_time=int(columns.open_time[-1]),
        sha256=digest,
        folder=digest[:16],
        columns=kept,
        venue=venue,
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target, unfinished = folder / summary.folder, folder / f".{summary.folder}.tmp"
    if not target.is_dir():
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            unfinished.mkdir(mode=0o700)
            for name in kept:
                _write(unfinished / f"{name}.npy", np.asarray(getattr(columns, name), _TYPES[name]))
            sync_folder(unfinished)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    write_document(folder / DOCUMENT, summary)
    _remove_others(folder, target)


def _write(file: Path, column: Any) -> None:
    with file.open("wb") as opened:
        try:
            np.save(opened, column, allow_pickle=False)
        except OSError as error:
            if error.errno is None:
                # NumPy tells how many numbers it wrote, not what stopped it: there was no room for more.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from None
            raise
        opened.flush()
        os.fsync(opened.fileno())


def _remove_others(folder: Path, target: Path) -> None:
    """Remove replaced and unfinished columns. Who has mapped them keeps them until it ends."""
    for entry in folder.iterdir():
        if entry != target and entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)

"""The one writer of a data directory's columns: its lock, and klines put together with those that are kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.lookback.column_checks import Finding
from cq_tui.lookback.gathering import gather
from cq_tui.lookback.kline_table import KlineTable, table_of
from cq_tui.ops.market_data.column_folder import read_columns, read_summary, write_columns
from cq_tui.ops.market_data.errors import MarketDataBusy, MarketDataError
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.strategies.bars import interval_label

_NAME = "data"


@contextmanager
def only_writer(data: DataDir) -> Iterator[None]:
    """Hold the lock of `cq-tui data`. Raises MarketDataBusy if another process does, and what preparing raises."""
    prepare_data_directory(data)
    lock = ProcessLock(data.lock_of(_NAME), _NAME)
    try:
        lock.acquire()
    except LockHeld as error:
        who = f"process {error.holder.pid}" if error.holder else "another process"
        raise MarketDataBusy(
            f"{who} is importing or fetching klines into {data.root}; wait for it, or choose another --data-dir"
        ) from None
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class Added:
    """What became of klines that were put to those that are kept."""

    symbol: str
    interval: str
    #: How many klines are kept now, and how many of them are new or have other values than before.
    kept: int
    added: int
    replaced: int
    #: Lines that were left out, and klines that were there already.
    left_out: int
    repeated: int
    #: Why lines were left out, or taken in another order.
    findings: tuple[Finding, ...]


def folder_of(data: DataDir, symbol: str, interval_ms: int) -> Path:
    """Return where the columns of a symbol are kept."""
    return data.columns_of(symbol, interval_label(interval_ms)).parent


def add_klines(
    data: DataDir, tables: Sequence[KlineTable], interval_ms: int, *, venue: str | None = None, replace: bool = False
) -> Added:
    """Put klines to those that are kept, at once or not at all; the caller is the only writer.

    Where both have a time with other values, the kept one stays, unless ``replace``. ``venue`` is where they were
    fetched from. Raises MarketDataError if nothing can be kept, and OSError.
    """
    symbol = tables[0].symbol
    folder = folder_of(data, symbol, interval_ms)
    kept, summary = read_columns(folder), read_summary(folder)
    before = [] if kept is None else [table_of(kept, str(folder))]
    gathered = gather([*tables, *before] if replace else [*before, *tables], interval_ms)
    new = gathered.columns
    told = [finding for finding in gathered.errors if not finding.place.startswith(f"{folder},")]
    for finding in told:
        if finding.kind == "mixed":
            raise MarketDataError(f"{finding}. Nothing of {symbol} was imported")
    if new is None:
        raise MarketDataError(str(told[0]) if told else f"{tables[0].source}: holds no klines; download it again")
    replaced = len(gathered.errors) - len(told)
    added = len(new) - (0 if kept is None else len(kept))
    if kept is None or new.digest() != kept.digest():
        write_columns(folder, new, venue or (summary.venue if summary else None))
    left_out = gathered.left_out - replaced
    return Added(symbol, new.interval, len(new), added, replaced, left_out, gathered.repeated, tuple(told))

"""Snapshots of the stack's state: a full one now and then, incremental ones between.

An incremental snapshot is based on the one before it: it has the symbols that changed, the account only if it changed,
and the names of removed symbols. Every snapshot has the complete state of the history.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.history import (
    Snapshot,
    SnapshotAccount,
    SnapshotData,
    SnapshotHistory,
    SnapshotMarket,
    SnapshotPosition,
    SnapshotSystem,
)
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import TickersError, tickers_from_bytes
from cq_tui.store.document import DocumentError, read_content, read_document, write_document
from cq_tui.store.snapshots.snapshot_file import (
    read_base,
    read_snapshot_history,
    snapshot_bytes,
    snapshot_numbers,
    snapshot_path,
    temporary_paths,
)

SCHEMA_VERSION = "1.3"
#: Files read at once in search of the newest history.
_READ_AHEAD = 4


@dataclass(frozen=True, slots=True)
class _Contents:
    """The part that changes from one snapshot to the next."""

    account: SnapshotAccount | None
    market: dict[str, SnapshotMarket]


#: What a full snapshot is based on.
_NOTHING = _Contents(None, {})


@dataclass(frozen=True, slots=True)
class _Base:
    """The snapshot on which the next one can be based."""

    #: The last full one and those after it, the base last.
    numbers: tuple[int, ...]
    picture: _Contents


class SnapshotStore:
    """Takes snapshots and keeps the newest ones."""

    def __init__(self, data: DataDir) -> None:
        """Count existing snapshots. Raises OSError."""
        self._data = data
        self._base: _Base | None = None
        #: Snapshots in the folder, including bases that only other snapshots need.
        self.count = len(snapshot_numbers(data.snapshots))

    def paths(self) -> list[Path]:
        """Return all snapshots, oldest first. Raises OSError."""
        return [snapshot_path(self._data.snapshots, number) for number in snapshot_numbers(self._data.snapshots)]

    def take_snapshot(
        self, now: float, system: SnapshotSystem, history: SnapshotHistory, *, kept: int, full_every: int
    ) -> Path:
        """Write the next snapshot, then delete all but the ``kept`` newest and their bases.

        The first one of this object is full, then at least every ``full_every``-th, or ``kept``-th if that is less.
        On OSError earlier snapshots are unchanged.
        """
        folder = self._data.snapshots
        try:
            older = snapshot_numbers(folder)
            number = max(int(now), older[-1] + 1 if older else 0)
            picture = _Contents(self._account(), self._market())
            base = self._usable_base(picture, older, min(full_every, kept))
            path = snapshot_path(folder, number)
            snapshot = Snapshot(
                snapshot_id=path.stem,
                timestamp=max(0.0, now),
                schema_version=SCHEMA_VERSION,
                snapshot_type="full" if base is None else "incremental",
                data=_data(picture, _NOTHING if base is None else base.picture, system, history),
                base_snapshot_id=None if base is None else snapshot_path(folder, base.numbers[-1]).stem,
            )
            write_document(path, snapshot_bytes(snapshot))
            self._base = _Base((*(() if base is None else base.numbers), number), picture)
            self._delete_old([*older, number], kept)
        finally:
            self.count = len(snapshot_numbers(folder))
        return path

    def _usable_base(self, picture: _Contents, there: list[int], full_every: int) -> _Base | None:
        """Return the base of the next snapshot; None if it must be full."""
        base = self._base
        if base is None or len(base.numbers) >= full_every or not set(base.numbers) <= set(there):
            return None
        # An incremental snapshot cannot express that the account became unreadable.
        return None if picture.account is None and base.picture.account is not None else base

    def _delete_old(self, numbers: list[int], kept: int) -> None:
        """Delete old snapshots, newest first, so that every remaining one has its base at any moment."""
        folder = self._data.snapshots
        for path in temporary_paths(folder):
            path.unlink(missing_ok=True)
        if len(numbers) <= kept:
            return
        needed = _first_needed(folder, numbers[-kept])
        for number in reversed(numbers[:-kept]):
            if number < needed:
                snapshot_path(folder, number).unlink(missing_ok=True)

    def _account(self) -> SnapshotAccount | None:
        try:
            account = read_document(self._data.account, AccountState)
        except DocumentError:
            return None
        positions = {
            symbol: SnapshotPosition(
                size=position.size, entry_price=position.entry_price, unrealized_pnl=position.unrealized_pnl
            )
            for symbol, position in account.positions.items()
        }
        return SnapshotAccount(
            total_balance=account.equity, available_balance=account.available_balance, positions=positions
        )

    def _market(self) -> dict[str, SnapshotMarket]:
        try:
            _, tickers = tickers_from_bytes(read_content(self._data.tickers))
        except (DocumentError, TickersError):
            return {}
        return {
            symbol: SnapshotMarket(price=ticker.price, volume=ticker.volume, timestamp=ticker.timestamp)
            for symbol, ticker in tickers.items()
            if ticker.timestamp >= 0
        }


def recent_histories(data: DataDir, complaints: list[str] | None = None) -> Iterator[SnapshotHistory]:
    """Yield the history's state in each snapshot, newest first, reading only as many snapshots as are consumed.

    Damaged ones are skipped, and file, problem and remedy of each added to ``complaints``. Raises OSError.
    """
    newest_first = snapshot_numbers(data.snapshots)[::-1]
    for start in range(0, len(newest_first), _READ_AHEAD):
        found = list[SnapshotHistory]()
        for number in newest_first[start : start + _READ_AHEAD]:
            try:
                found.append(read_snapshot_history(snapshot_path(data.snapshots, number)))
            except DocumentError as error:
                if complaints is not None:
                    complaints.append(str(error))
        yield from sorted(found, key=lambda history: history.events_count, reverse=True)


def _data(picture: _Contents, base: _Contents, system: SnapshotSystem, history: SnapshotHistory) -> SnapshotData:
    """Return the data of a snapshot: the difference from its base."""
    return SnapshotData(
        account=None if picture.account == base.account else picture.account,
        market_data={symbol: entry for symbol, entry in picture.market.items() if base.market.get(symbol) != entry},
        system_state=system,
        history=history,
        removed_symbols=sorted(base.market.keys() - picture.market.keys()) or None,
    )


def _first_needed(folder: Path, number: int) -> int:
    """Return the number of the full snapshot on which this one is based."""
    # A damaged snapshot needs no base.
    with contextlib.suppress(DocumentError):
        while (base := read_base(snapshot_path(folder, number))) is not None:
            number = base
    return number

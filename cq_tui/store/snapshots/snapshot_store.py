"""Snapshots of the stack's state: a full one now and then, incremental ones between.

An incremental snapshot is based on the one before it: it has the symbols that changed, the account only if it changed,
and the names of removed symbols. Every snapshot has the complete state of the history.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
)

SCHEMA_VERSION = "1.3"


class _Taken(NamedTuple):
    """A snapshot, as the base of the next one."""

    #: The last full one and those after it, itself last.
    numbers: tuple[int, ...]
    account: SnapshotAccount | None
    market: dict[str, SnapshotMarket]


#: What a full snapshot is based on.
_NOTHING = _Taken((), None, {})


class SnapshotStore:
    """Takes snapshots and keeps the newest ones."""

    def __init__(self, data: DataDir) -> None:
        """Count existing snapshots. Raises OSError."""
        self._data = data
        self._newest = _NOTHING
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
            account, market = self._account(), self._market()
            base = self._usable_base(account, older, min(full_every, kept))
            path = snapshot_path(folder, number)
            snapshot = Snapshot(
                snapshot_id=path.stem,
                timestamp=max(0.0, now),
                schema_version=SCHEMA_VERSION,
                snapshot_type="incremental" if base.numbers else "full",
                data=SnapshotData(
                    account=None if account == base.account else account,
                    market_data={symbol: entry for symbol, entry in market.items() if base.market.get(symbol) != entry},
                    system_state=system,
                    history=history,
                    removed_symbols=sorted(base.market.keys() - market.keys()) or None,
                ),
                base_snapshot_id=snapshot_path(folder, base.numbers[-1]).stem if base.numbers else None,
            )
            write_document(path, snapshot_bytes(snapshot))
            self._newest = _Taken((*base.numbers, number), account, market)
            self._delete_old([*older, number], kept)
        finally:
            self.count = len(snapshot_numbers(folder))
        return path

    def _usable_base(self, account: SnapshotAccount | None, there: list[int], full_every: int) -> _Taken:
        """Return the base of the next snapshot, nothing if it must be full."""
        base = self._newest
        # An incremental snapshot cannot express that the account became unreadable.
        is_lost = account is None and base.account is not None
        return _NOTHING if is_lost or len(base.numbers) >= full_every or not set(base.numbers) <= set(there) else base

    def _delete_old(self, numbers: list[int], kept: int) -> None:
        """Delete old snapshots, newest first, so that every remaining one has its base at any moment."""
        folder = self._data.snapshots
        # What killed writers left.
        for path in folder.glob(".snapshot_[0-9]*.json.tmp"):
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
            symbol: SnapshotPosition.model_validate(position, from_attributes=True)
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
    """Yield the history's state in each sound snapshot, newest first; others are complained of. Raises OSError."""
    for number in reversed(snapshot_numbers(data.snapshots)):
        try:
            yield read_snapshot_history(snapshot_path(data.snapshots, number))
        except DocumentError as error:
            if complaints is not None:
                complaints.append(str(error))


def _first_needed(folder: Path, number: int) -> int:
    """Return the number of the full snapshot on which this one is based."""
    # A damaged snapshot needs no base.
    with contextlib.suppress(DocumentError):
        while (base := read_base(snapshot_path(folder, number))) is not None:
            number = base
    return number

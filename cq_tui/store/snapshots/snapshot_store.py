"""Snapshots: what the stack looked like at a moment; a full one now and then, between them what changed.

An incremental snapshot is based on the one before it: it holds the symbols that changed, the account only if it
changed, and the names of symbols that are gone. Where the history stood is whole in every snapshot.
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
    read_snapshot_file,
    read_snapshot_history,
    snapshot_bytes,
    snapshot_number,
    snapshot_numbers,
    snapshot_path,
    temporary_paths,
)

SCHEMA_VERSION = "1.3"
#: So many files are read at once when the newest history is looked for.
_READ_AHEAD = 4


@dataclass(frozen=True, slots=True)
class _Contents:
    """What changes from one snapshot to the next."""

    account: SnapshotAccount | None
    market: dict[str, SnapshotMarket]


@dataclass(frozen=True, slots=True)
class _Base:
    """The snapshot that the next one can be based on."""

    #: The last full one and those that followed, this one last.
    numbers: tuple[int, ...]
    picture: _Contents


class SnapshotStore:
    """The one that takes snapshots and keeps the newest of them."""

    def __init__(self, data: DataDir) -> None:
        """Look what there is. Raises OSError."""
        self._data = data
        self._base: _Base | None = None
        #: Snapshots in the folder, those included that are kept only because others are based on them.
        self.count = len(snapshot_numbers(data.snapshots))

    def paths(self) -> list[Path]:
        """Return all snapshots, oldest first. Raises OSError."""
        return [snapshot_path(self._data.snapshots, number) for number in snapshot_numbers(self._data.snapshots)]

    def take_snapshot(
        self, now: float, system: SnapshotSystem, history: SnapshotHistory, *, kept: int, full_every: int
    ) -> Path:
        """Write the next snapshot, then delete the oldest beyond ``kept`` on which no kept one is based.

        The first since this object was made is full, and at least every ``full_every``-th, or ``kept``-th when that
        is less. Raises OSError; what was there before still stands then.
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
                data=_data(picture, None if base is None else base.picture, system, history),
                base_snapshot_id=None if base is None else snapshot_path(folder, base.numbers[-1]).stem,
            )
            write_document(path, snapshot_bytes(snapshot))
            self._base = _Base((*(() if base is None else base.numbers), number), picture)
            self._delete_old([*older, number], kept)
        finally:
            self.count = len(snapshot_numbers(folder))
        return path

    def _usable_base(self, picture: _Contents, there: list[int], full_every: int) -> _Base | None:
        """Return the snapshot to base the next one on; None when it has to be full."""
        base = self._base
        if base is None or len(base.numbers) >= full_every or not set(base.numbers) <= set(there):
            return None
        # That the account cannot be read any more is nothing that a change can say.
        return None if picture.account is None and base.picture.account is not None else base

    def _delete_old(self, numbers: list[int], kept: int) -> None:
        """Delete what is too old, the newest of it first: whatever is left at any moment has its base."""
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


def read_snapshot(data: DataDir, snapshot_id: str) -> Snapshot:
    """Return a whole snapshot, put together from those it is based on. Raises DocumentError naming file and remedy."""
    path = data.snapshots / f"{snapshot_id}.json"
    if snapshot_number(snapshot_id) is None:
        raise DocumentError(path, "is no name of a snapshot", "Give one such as snapshot_1640995200")
    newest, *bases = _back_to_full(path)
    account, market = newest.data.account, dict[str, SnapshotMarket]()
    for snapshot in reversed([newest, *bases]):
        for symbol in snapshot.data.removed_symbols or ():
            market.pop(symbol, None)
        market.update(snapshot.data.market_data)
    for base in bases:
        account = base.data.account if account is None else account
    whole = newest.data.model_copy(update={"account": account, "market_data": market, "removed_symbols": None})
    return newest.model_copy(
        update={"snapshot_type": "full", "base_snapshot_id": None, "content_hash": None, "data": whole}
    )


def recent_histories(data: DataDir, complaints: list[str] | None = None) -> Iterator[SnapshotHistory]:
    """Yield where the history stood, newest first, reading only as many snapshots as are asked for.

    Damaged ones are left out; ``complaints`` is given file, problem and remedy of each. Raises OSError.
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


def _data(picture: _Contents, base: _Contents | None, system: SnapshotSystem, history: SnapshotHistory) -> SnapshotData:
    """Return what a snapshot holds: everything, or what differs from its base."""
    if base is None:
        return SnapshotData(account=picture.account, market_data=picture.market, system_state=system, history=history)
    return SnapshotData(
        account=None if picture.account == base.account else picture.account,
        market_data={symbol: entry for symbol, entry in picture.market.items() if base.market.get(symbol) != entry},
        system_state=system,
        history=history,
        removed_symbols=sorted(base.market.keys() - picture.market.keys()) or None,
    )


def _back_to_full(path: Path) -> Iterator[Snapshot]:
    """Yield a snapshot and those it is based on, down to the full one. Raises DocumentError."""
    yield read_snapshot_file(path)
    while (base := read_base(path)) is not None:
        path = snapshot_path(path.parent, base)
        yield read_snapshot_file(path)


def _first_needed(folder: Path, number: int) -> int:
    """Return the number of the first snapshot without which this one cannot be put together."""
    # What is damaged already needs nothing before it.
    with contextlib.suppress(DocumentError):
        while (base := read_base(snapshot_path(folder, number))) is not None:
            number = base
    return number

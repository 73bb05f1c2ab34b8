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
from cq_tui.store.history.snapshot_file import (
    left_over_paths,
    number_of,
    read_history,
    read_snapshot_file,
    snapshot_bytes,
    snapshot_paths,
)

SCHEMA_VERSION = "1.3"
#: So many files are read at once when the newest history is looked for.
_FEW = 4


@dataclass(frozen=True, slots=True)
class _Picture:
    """What changes from one snapshot to the next."""

    account: SnapshotAccount | None
    market: dict[str, SnapshotMarket]


@dataclass(frozen=True, slots=True)
class _Base:
    """The snapshot that the next one can be based on."""

    #: The last full one and those that followed, this one last.
    paths: tuple[Path, ...]
    picture: _Picture

    @property
    def snapshot_id(self) -> str:
        """Its name."""
        return self.paths[-1].stem


class SnapshotStore:
    """The one that takes snapshots and keeps the newest of them."""

    def __init__(self, data: DataDir) -> None:
        """Look what there is. Raises OSError."""
        self._data = data
        self._base: _Base | None = None
        #: Snapshots in the folder, those included that are kept only because others are based on them.
        self.count = len(self.paths())

    def paths(self) -> list[Path]:
        """Return all snapshots, oldest first. Raises OSError."""
        return snapshot_paths(self._data.snapshots)

    def take(self, now: float, system: SnapshotSystem, history: SnapshotHistory, *, kept: int, full_every: int) -> Path:
        """Write the next snapshot, then delete the oldest beyond ``kept`` on which no kept one is based.

        The first since this object was made is full, and at least every ``full_every``-th, or ``kept``-th when that
        is less. Raises OSError; what was there before still stands then.
        """
        try:
            older = self.paths()
            name = f"snapshot_{self._next_number(now, older)}"
            picture = _Picture(self._account(), self._market())
            base = self._usable_base(picture, older, min(full_every, kept))
            path = self._data.snapshots / f"{name}.json"
            snapshot = Snapshot(
                snapshot_id=name,
                timestamp=now,
                schema_version=SCHEMA_VERSION,
                snapshot_type="full" if base is None else "incremental",
                data=_data(picture, None if base is None else base.picture, system, history),
                base_snapshot_id=None if base is None else base.snapshot_id,
            )
            write_document(path, snapshot_bytes(snapshot))
            self._base = _Base((*(() if base is None else base.paths), path), picture)
            self._discard([*older, path], kept)
        finally:
            self.count = len(self.paths())
        return path

    @staticmethod
    def _next_number(now: float, older: list[Path]) -> int:
        newest = (number_of(older[-1].stem) or 0) if older else 0
        return max(int(now), newest + 1)

    def _usable_base(self, picture: _Picture, there: list[Path], full_every: int) -> _Base | None:
        """Return the snapshot to base the next one on; None when it has to be full."""
        base = self._base
        if base is None or len(base.paths) >= full_every or not set(base.paths) <= set(there):
            return None
        # That the account cannot be read any more is nothing that a change can say.
        return None if picture.account is None and base.picture.account is not None else base

    def _discard(self, paths: list[Path], kept: int) -> None:
        """Delete what is too old, the newest of it first: whatever is left at any moment has its base."""
        for path in left_over_paths(self._data.snapshots):
            path.unlink(missing_ok=True)
        if len(paths) <= kept:
            return
        needed = _first_needed(paths[-kept])
        for path in reversed([path for path in paths[:-kept] if (number_of(path.stem) or 0) < needed]):
            path.unlink(missing_ok=True)

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
    if number_of(snapshot_id) is None:
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


def newest_history(data: DataDir, complaints: list[str] | None = None) -> Iterator[SnapshotHistory]:
    """Yield where the history stood, newest first, reading only as many snapshots as are asked for.

    Damaged ones are left out; ``complaints`` is given file, problem and remedy of each. Raises OSError.
    """
    newest_first = snapshot_paths(data.snapshots)[::-1]
    for start in range(0, len(newest_first), _FEW):
        found = list[SnapshotHistory]()
        for path in newest_first[start : start + _FEW]:
            try:
                found.append(read_history(path))
            except DocumentError as error:
                if complaints is not None:
                    complaints.append(str(error))
        yield from sorted(found, key=lambda history: history.events_count, reverse=True)


def _data(picture: _Picture, base: _Picture | None, system: SnapshotSystem, history: SnapshotHistory) -> SnapshotData:
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
    while True:
        snapshot = read_snapshot_file(path)
        yield snapshot
        if snapshot.snapshot_type == "full":
            return
        base = number_of(snapshot.base_snapshot_id or "")
        if base is None or base >= (number_of(path.stem) or 0):
            problem = f"is based on {snapshot.base_snapshot_id!r}, which is no earlier snapshot"
            raise DocumentError(path, problem, "Move it away and use one that is full, or based on another")
        path = path.with_name(f"{snapshot.base_snapshot_id}.json")


def _first_needed(path: Path) -> int:
    """Return the number of the first snapshot without which this one cannot be put together."""
    needed = number_of(path.stem) or 0
    # What is damaged already needs nothing before it.
    with contextlib.suppress(DocumentError):
        for snapshot in _back_to_full(path):
            needed = number_of(snapshot.base_snapshot_id or "") or needed
    return needed

"""Reading snapshots back: an incremental one is whole again together with its bases."""

from collections.abc import Iterator
from pathlib import Path

from cq_tui.contracts.history import Snapshot, SnapshotMarket
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.snapshots.snapshot_file import read_base, read_snapshot_history, snapshot_number, snapshot_path


def read_snapshot_file(path: Path) -> Snapshot:
    """Return a snapshot as stored, full or incremental. Raises DocumentError, also if its hash or name is wrong."""
    read_snapshot_history(path)
    return read_document(path, Snapshot)


def read_snapshot(data: DataDir, snapshot_id: str) -> Snapshot:
    """Return a full snapshot, assembled from its bases. Raises DocumentError naming file and remedy."""
    path = data.snapshots / f"{snapshot_id}.json"
    if snapshot_number(snapshot_id) is None:
        raise DocumentError(path, "is not a snapshot id", "Use one such as snapshot_1640995200")
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


def _back_to_full(path: Path) -> Iterator[Snapshot]:
    """Yield a snapshot and its bases, down to the full one. Raises DocumentError."""
    yield read_snapshot_file(path)
    while (base := read_base(path)) is not None:
        path = snapshot_path(path.parent, base)
        yield read_snapshot_file(path)

"""Snapshots: what the stack looked like at a moment, one document each."""

import re
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

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

_NAME = re.compile(r"snapshot_\d+\.json", re.ASCII)
SCHEMA_VERSION = "1.2"
Model = TypeVar("Model", bound=BaseModel)


class SnapshotStore:
    """Takes snapshots and keeps the newest of them."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self.count = len(self.paths())

    def paths(self) -> list[Path]:
        """Return all snapshots, oldest first."""
        found = (path for path in self._data.snapshots.glob("snapshot_*.json") if _NAME.fullmatch(path.name))
        return sorted(found, key=lambda path: (len(path.name), path.name))

    def take(self, now: float, system: SnapshotSystem, history: SnapshotHistory, kept: int) -> Path:
        """Write ``snapshot_<unix seconds>.json`` and delete the oldest beyond ``kept``. Raises OSError."""
        name = f"snapshot_{int(now)}"
        snapshot = Snapshot(
            snapshot_id=name,
            timestamp=now,
            schema_version=SCHEMA_VERSION,
            snapshot_type="full",
            data=SnapshotData(
                account=self._account(), market_data=self._market(), system_state=system, history=history
            ),
        )
        path = self._data.snapshots / f"{name}.json"
        write_document(path, snapshot)
        # A clock that went back must not make the new one the oldest.
        others = [other for other in self.paths() if other != path]
        for old in others[: max(0, len(others) + 1 - kept)]:
            old.unlink(missing_ok=True)
        self.count = min(len(others) + 1, kept)
        return path

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

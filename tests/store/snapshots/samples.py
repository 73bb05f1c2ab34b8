"""What snapshots are taken of, and how a test takes and reads one."""

from collections.abc import Iterable
from pathlib import Path

from cq_tui.contracts.history import Snapshot, SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import write_document
from cq_tui.store.snapshots.snapshot_store import SnapshotStore

SYSTEM = SnapshotSystem(active_services=["memory"], health_status="ok", memory_usage=1.5)


def history(count: int) -> SnapshotHistory:
    return SnapshotHistory(
        events_count=count,
        merkle_root="00" * 32,
        cursors={"trader": count},
        frontier=["11" * 32],
        events_bytes=300 * count,
        chain_bytes=250 * count,
    )


HISTORY = history(3)


def set_account(data: DataDir, equity: float, *symbols: str) -> None:
    positions = {
        symbol: {"symbol": symbol, "size": 1.0, "entry_price": 2.0, "unrealized_pnl": 3.0, "opened_ts": 4.0}
        for symbol in symbols
    }
    account = {"timestamp": 1.0, "mode": "simulation", "equity": equity, "available_balance": 8.0}
    write_document(data.account, account | {"positions": positions})


def set_market(data: DataDir, **prices: float) -> None:
    tickers = {symbol: Ticker(price, 0.0, 6.0, 8.0, 100.0, 5.0, 2) for symbol, price in prices.items()}
    data.tickers.write_bytes(tickers_to_bytes(5.0, tickers))


def take(store: SnapshotStore, now: float, *, kept: int = 100, full_every: int = 10, count: int = 3) -> Path:
    path = store.take_snapshot(now, SYSTEM, history(count), kept=kept, full_every=full_every)
    assert store.count == len(store.paths())
    return path


def names(paths: Iterable[Path]) -> list[int]:
    return [int(path.stem.removeprefix("snapshot_")) for path in paths]


def prices(snapshot: Snapshot) -> dict[str, float]:
    return {symbol: entry.price for symbol, entry in snapshot.data.market_data.items()}

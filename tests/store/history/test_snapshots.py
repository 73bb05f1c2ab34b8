"""Snapshots: what can be read goes in, what cannot is left out, and only our own are deleted."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.history import Snapshot, SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import read_document, write_document
from cq_tui.store.folders import prepare
from cq_tui.store.history.snapshots import SnapshotStore

SYSTEM = SnapshotSystem(active_services=["memory"], health_status="ok", memory_usage=1.5)
HISTORY = SnapshotHistory(events_count=3, merkle_root="00" * 32, cursors={"trader": 3})


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    prepare(DataDir(tmp_path))
    return DataDir(tmp_path)


def test_a_snapshot_holds_account_market_and_history(data: DataDir) -> None:
    position = {"symbol": "A", "size": 1.0, "entry_price": 2.0, "unrealized_pnl": 3.0, "opened_ts": 4.0}
    account = {
        "timestamp": 1.0,
        "mode": "simulation",
        "equity": 9.0,
        "available_balance": 8.0,
        "positions": {"A": position},
    }
    write_document(data.account, account)
    data.tickers.write_bytes(tickers_to_bytes(5.0, {"A": Ticker(7.0, 0.0, 6.0, 8.0, 100.0, 5.0, 2)}))
    path = SnapshotStore(data).take(1640995200.75, SYSTEM, HISTORY, kept=5)
    assert path == data.snapshots / "snapshot_1640995200.json"
    snapshot = read_document(path, Snapshot)
    assert (snapshot.snapshot_id, snapshot.timestamp, snapshot.snapshot_type) == (
        "snapshot_1640995200",
        1640995200.75,
        "full",
    )
    assert snapshot.data.history == HISTORY
    assert snapshot.data.account is not None
    assert snapshot.data.account.model_dump() == {
        "total_balance": 9.0,
        "available_balance": 8.0,
        "positions": {"A": {"size": 1.0, "entry_price": 2.0, "unrealized_pnl": 3.0}},
    }
    assert snapshot.data.market_data["A"].model_dump() == {"price": 7.0, "volume": 100.0, "timestamp": 5.0}


@pytest.mark.parametrize(
    "tickers",
    [b"", b"{", b"[]", b'{"timestamp":1,"tickers":{"A":5}}',
     tickers_to_bytes(1.0, {"A": Ticker(1.0, 0.0, 1.0, 1.0, 1.0, -5.0, 2)})],
)  # fmt: skip
def test_rubbish_among_the_sources_leaves_a_snapshot_without_them(data: DataDir, tickers: bytes) -> None:
    data.account.write_bytes(b'{"equity": "many"}')
    data.tickers.write_bytes(tickers)
    path = SnapshotStore(data).take(100.0, SYSTEM, HISTORY, kept=5)
    snapshot = read_document(path, Snapshot)
    assert (snapshot.data.account, snapshot.data.market_data) == (None, {})


def test_one_bad_ticker_costs_no_other(data: DataDir) -> None:
    good = Ticker(1.0, 0.0, 1.0, 1.0, 1.0, 5.0, 2)
    data.tickers.write_bytes(tickers_to_bytes(1.0, {"A": good, "B": good._replace(timestamp=-1.0)}))
    path = SnapshotStore(data).take(100.0, SYSTEM, HISTORY, kept=5)
    assert list(orjson.loads(path.read_bytes())["data"]["market_data"]) == ["A"]


def test_the_oldest_go_and_the_new_one_stays_even_when_the_clock_went_back(data: DataDir) -> None:
    store = SnapshotStore(data)
    for name in ("snapshot_mine.json", "snapshot_1.json.bak", "notes.json", "snapshot_.json"):
        (data.snapshots / name).write_text("mine")
    for now in (998.0, 999.0, 1000.0, 1001.0):
        store.take(now, SYSTEM, HISTORY, kept=3)
    assert [path.name for path in store.paths()] == [f"snapshot_{now}.json" for now in (999, 1000, 1001)]
    assert store.count == 3
    assert store.take(500.0, SYSTEM, HISTORY, kept=3).exists()
    assert [path.name for path in store.paths()] == ["snapshot_500.json", "snapshot_1000.json", "snapshot_1001.json"]
    assert len(list(data.snapshots.iterdir())) == 7
    assert SnapshotStore(data).count == 3
    store.take(1001.5, SYSTEM, HISTORY, kept=3)
    assert store.count == len(store.paths()) == 3

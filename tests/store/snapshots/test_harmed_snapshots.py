"""Bad sources, a full disk, kills and damage: nothing damaged is taken for a snapshot, and no other one is lost."""

import orjson
import pytest

from cq_tui.contracts.history import Snapshot
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.snapshots.snapshot_file import read_snapshot_history, snapshot_bytes
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
from tests.store.processes import program, word
from tests.store.snapshots.assembling import read_snapshot, read_snapshot_file
from tests.store.snapshots.samples import HISTORY, SYSTEM, prices, set_market, take


@pytest.mark.parametrize(
    "tickers",
    [b"", b"{", b"[]", b'{"timestamp":1,"tickers":{"A":5}}',
     tickers_to_bytes(1.0, {"A": Ticker(1.0, 0.0, 1.0, 1.0, 1.0, -5.0, 2)})],
)  # fmt: skip
def test_rubbish_among_the_sources_leaves_a_snapshot_without_them(data: DataDir, tickers: bytes) -> None:
    data.account.write_bytes(b'{"equity": "many"}')
    data.tickers.write_bytes(tickers)
    whole = read_snapshot(data, take(SnapshotStore(data), 100.0).stem)
    assert (whole.data.account, whole.data.market_data) == (None, {})


def test_one_bad_ticker_costs_no_other(data: DataDir) -> None:
    good = Ticker(1.0, 0.0, 1.0, 1.0, 1.0, 5.0, 2)
    data.tickers.write_bytes(tickers_to_bytes(1.0, {"A": good, "B": good._replace(timestamp=-1.0)}))
    path = take(SnapshotStore(data), 100.0)
    assert list(orjson.loads(path.read_bytes())["data"]["market_data"]) == ["A"]


def test_a_full_disk_leaves_what_was_there_and_the_next_one_is_whole(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SnapshotStore(data)
    set_market(data, A=1.0)
    first = take(store, 100.0, kept=1, full_every=10)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _refuse)
        set_market(data, A=2.0)
        with pytest.raises(OSError, match="No space left"):
            store.take_snapshot(160.0, SYSTEM, HISTORY, kept=1, full_every=10)
    assert list(data.snapshots.iterdir()) == [first]
    assert store.count == 1
    third = take(store, 220.0, kept=2)
    assert prices(read_snapshot(data, first.stem)) == {"A": 1.0}
    assert prices(read_snapshot(data, third.stem)) == {"A": 2.0}


def _refuse(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("act", ["delete", "flip", "swap", "cut"])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_missing_or_damaged_base_is_named_and_costs_no_other(data: DataDir, act: str, victim: int) -> None:
    store = SnapshotStore(data)
    paths = []
    for number in range(6):
        set_market(data, A=number + 1.0)
        paths.append(take(store, 100.0 + number, full_every=3, count=number))
    content = paths[victim].read_bytes()
    if act == "delete":
        paths[victim].unlink()
    elif act == "flip":
        paths[victim].write_bytes(content.replace(b'"trader": ', b'"trader": 1'))
    elif act == "swap":
        paths[victim].write_bytes(paths[3].read_bytes())
    else:
        paths[victim].write_bytes(content[:-1])
    for number in range(victim, 3):
        with pytest.raises(DocumentError) as raised:
            read_snapshot(data, paths[number].stem)
        assert raised.value.path == paths[victim]
        assert raised.value.remedy
    for number in (*range(victim), 3, 4, 5):
        assert prices(read_snapshot(data, paths[number].stem)) == {"A": number + 1.0}
    complaints: list[str] = []
    found = [found.events_count for found in recent_histories(data, complaints)]
    assert found == [count for count in (5, 4, 3, 2, 1, 0) if count != victim]
    assert [paths[victim].name in complaint for complaint in complaints] == [True] * (act != "delete")
    # Retention neither stumbles over it nor keeps anything for its sake for ever.
    for number in range(4):
        take(store, 200.0 + number, kept=2, full_every=2)
    assert len(store.paths()) <= 3


@pytest.mark.parametrize("name", ["", "../state/memory", "snapshot_", "snapshot_x", "snapshot_12345678901234567890"])
def test_what_is_no_snapshot_cannot_be_read(data: DataDir, name: str) -> None:
    with pytest.raises(DocumentError, match="is not a snapshot id"):
        read_snapshot(data, name)


@pytest.mark.parametrize("base", ["snapshot_100", "snapshot_101", "../notes", None])
def test_bases_that_lead_nowhere_are_named(data: DataDir, base: str | None) -> None:
    store = SnapshotStore(data)
    path = take(store, 100.0)
    stored = read_document(path, Snapshot).model_copy(
        update={"snapshot_type": "incremental", "base_snapshot_id": base, "content_hash": None}
    )
    path.write_bytes(snapshot_bytes(stored))
    with pytest.raises(DocumentError, match="is not an earlier snapshot"):
        read_snapshot(data, path.stem)


TAKER = """
import sys, time
from pathlib import Path
from cq_tui.contracts.history import SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
data = DataDir(Path(sys.argv[1]))
count = next((found.events_count for found in recent_histories(data)), 0)
store = SnapshotStore(data)
system = SnapshotSystem(active_services=[], health_status="ok", memory_usage=0.0)
while True:
    count += 1
    store.take_snapshot(1000.0, system, SnapshotHistory(events_count=count, merkle_root=""), kept=4, full_every=3)
    print(count, flush=True)
"""


def test_killed_between_two_writes_every_snapshot_can_be_read(data: DataDir) -> None:
    count = 0
    for turn in range(5):
        with program(TAKER, data.root) as process:
            for _ in range(3 + turn * 2):
                count = int(word(process))
            process.kill()
            process.communicate()
        complaints: list[str] = []
        found = [found.events_count for found in recent_histories(data, complaints)]
        assert complaints == []
        assert found[0] >= count
        # The newest are all there; of what was too old, a kill leaves the oldest.
        assert found[:4] == list(range(found[0], found[0] - len(found[:4]), -1))
        assert found == sorted(set(found), reverse=True)
        store = SnapshotStore(data)
        assert [read_snapshot(data, path.stem).snapshot_type for path in store.paths()] == ["full"] * store.count
        assert min(count, 4) <= store.count <= 4 + 3 + 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_bytes", 2**63 + 5),
        ("events_bytes", 2**63 - 100),
        ("events_bytes", -1),
        ("events_count", 2**53),
        ("cursors", {"trader": -5}),
        ("cursors", {"trader": 2**53}),
    ],
)
def test_a_place_that_cannot_be_is_not_gone_on_from(data: DataDir, field: str, value: object) -> None:
    store = SnapshotStore(data)
    older, newer = take(store, 10.0, count=2), take(store, 20.0, count=3)
    stored = read_snapshot_file(newer)
    assert stored.data.history is not None
    stood = stored.data.history.model_copy(update={field: value})
    changed = stored.model_copy(
        update={"data": stored.data.model_copy(update={"history": stood}), "content_hash": None}
    )
    newer.write_bytes(snapshot_bytes(changed))
    with pytest.raises(DocumentError, match=field):
        read_snapshot_history(newer)
    complaints: list[str] = []
    assert list(recent_histories(data, complaints)) == [read_snapshot_history(older)]
    assert len(complaints) == 1

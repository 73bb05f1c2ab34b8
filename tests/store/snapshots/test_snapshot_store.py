"""Snapshots: whole again from what changed, in the order in which they were taken, and only our own deleted."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.history import Snapshot
from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_document
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
from tests.store.snapshots.assembling import read_snapshot
from tests.store.snapshots.samples import HISTORY, names, prices, set_account, set_market, take


def test_a_full_snapshot_holds_account_market_and_history(data: DataDir) -> None:
    set_account(data, 9.0, "A")
    set_market(data, A=7.0)
    path = take(SnapshotStore(data), 1640995200.75)
    assert path == data.snapshots / "snapshot_1640995200.json"
    stored = read_document(path, Snapshot)
    assert (stored.snapshot_id, stored.timestamp, stored.snapshot_type) == (
        "snapshot_1640995200",
        1640995200.75,
        "full",
    )
    assert stored.data.history == HISTORY
    assert stored.data.account is not None
    assert stored.data.account.model_dump() == {
        "total_balance": 9.0,
        "available_balance": 8.0,
        "positions": {"A": {"size": 1.0, "entry_price": 2.0, "unrealized_pnl": 3.0}},
    }
    assert stored.data.market_data["A"].model_dump() == {"price": 7.0, "volume": 100.0, "timestamp": 5.0}
    assert read_snapshot(data, path.stem) == stored.model_copy(update={"content_hash": None})
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_incremental_one_holds_only_what_changed_and_is_whole_again_when_read(data: DataDir) -> None:
    store = SnapshotStore(data)
    set_account(data, 9.0)
    set_market(data, A=1.0, B=2.0, C=3.0)
    first = take(store, 100.0)
    set_market(data, A=1.0, B=5.0, D=4.0)
    second = take(store, 160.0, count=4)
    stored = orjson.loads(second.read_bytes())
    assert (stored["snapshot_type"], stored["base_snapshot_id"]) == ("incremental", first.stem)
    assert sorted(stored["data"]["market_data"]) == ["B", "D"]
    assert stored["data"]["removed_symbols"] == ["C"]
    assert "account" not in stored["data"]
    assert stored["data"]["history"]["cursors"] == {"trader": 4}
    set_account(data, 10.0)
    third = take(store, 220.0)
    stored = orjson.loads(third.read_bytes())
    assert stored["data"]["market_data"] == {}
    assert stored["data"]["account"]["total_balance"] == 10.0
    assert "removed_symbols" not in stored["data"]
    assert prices(read_snapshot(data, first.stem)) == {"A": 1.0, "B": 2.0, "C": 3.0}
    for path, equity in ((second, 9.0), (third, 10.0)):
        whole = read_snapshot(data, path.stem)
        assert prices(whole) == {"A": 1.0, "B": 5.0, "D": 4.0}
        assert whole.data.account is not None
        assert whole.data.account.total_balance == equity
        assert (whole.snapshot_id, whole.snapshot_type, whole.base_snapshot_id) == (path.stem, "full", None)


def kinds(store: SnapshotStore) -> str:
    return "".join(orjson.loads(path.read_bytes())["snapshot_type"][0] for path in store.paths())


def test_the_first_after_a_start_and_every_so_manieth_are_full(data: DataDir) -> None:
    for start in (0, 100):
        store = SnapshotStore(data)
        for number in range(5):
            take(store, start + number, full_every=3)
    assert kinds(store) == "fiifi" * 2
    # One that others need must not have to outlive many more than are kept.
    for number in range(6):
        take(store, 200 + number, full_every=60, kept=2)
    assert kinds(store) in ("fi", "fif")


def test_a_base_that_is_gone_or_an_account_that_is_gone_makes_the_next_one_full(data: DataDir) -> None:
    store = SnapshotStore(data)
    set_account(data, 9.0)
    paths = [take(store, now) for now in range(4)]
    assert kinds(store) == "fiii"
    paths[1].unlink()
    assert orjson.loads(take(store, 10.0).read_bytes())["snapshot_type"] == "full"
    data.account.unlink()
    last = take(store, 20.0)
    assert orjson.loads(last.read_bytes())["snapshot_type"] == "full"
    assert read_snapshot(data, last.stem).data.account is None


ACT = st.tuples(
    st.sampled_from([0.0, 0.3, 1.0, 60.0, -3600.0]),
    st.dictionaries(st.sampled_from("ABCDE"), st.floats(1, 3, width=16), max_size=5),
    st.one_of(st.none(), st.integers(1, 2)),
    st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACT, max_size=25), kept=st.integers(1, 7), full_every=st.integers(1, 7))
def test_every_kept_snapshot_reads_as_the_stack_was(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[float, dict[str, float], int | None, bool]],
    kept: int, full_every: int,
) -> None:  # fmt: skip
    data = DataDir(tmp_path_factory.mktemp("data"))
    prepare_data_directory(data)
    store, now = SnapshotStore(data), 1_000_000.0
    looked: dict[str, tuple[dict[str, float], float | None, float]] = {}
    for number, (passed, market, equity, restarted) in enumerate(acts):
        now += passed
        set_market(data, **market)
        if equity is None:
            data.account.unlink(missing_ok=True)
        else:
            set_account(data, float(equity))
        store = SnapshotStore(data) if restarted else store
        path = take(store, now, kept=kept, full_every=full_every, count=number)
        assert path.stem not in looked
        looked[path.stem] = (market, equity, now)
        there = [path.stem for path in store.paths()]
        assert there[-kept:] == list(looked)[-kept:], "the newest are there, in the order in which they were taken"
        assert len(there) <= kept + min(kept, full_every) - 1
        for name in there:
            whole = read_snapshot(data, name)
            account = whole.data.account
            found = prices(whole), None if account is None else account.total_balance, whole.timestamp
            assert found == looked[name]
    assert [found.events_count for found in recent_histories(data)][:kept] == list(range(len(acts)))[::-1][:kept]


def test_only_our_own_are_deleted_and_what_killed_writers_left(data: DataDir) -> None:
    foreign = ["snapshot_mine.json", "snapshot_1.json.bak", "notes.json", "snapshot_.json", ".notes.json.tmp"]
    for name in (*foreign, ".snapshot_5.json.tmp"):
        (data.snapshots / name).write_text("mine")
    store = SnapshotStore(data)
    for now in (998.0, 999.0, 1000.0, 1001.0):
        take(store, now, kept=3, full_every=1)
    assert names(store.paths()) == [999, 1000, 1001]
    assert {path.name for path in data.snapshots.iterdir()} - {path.name for path in store.paths()} == set(foreign)
    assert SnapshotStore(data).count == 3


def test_names_tell_the_order_within_one_second_and_after_the_clock_went_back(data: DataDir) -> None:
    store = SnapshotStore(data)
    times = [5000.0, 5000.2, 5000.9, 1400.0, 1460.0, 5060.0]
    paths = [take(store, now, count=count) for count, now in enumerate(times)]
    assert names(paths) == [5000, 5001, 5002, 5003, 5004, 5060]
    assert [read_snapshot(data, path.stem).timestamp for path in paths] == times
    assert store.paths() == paths
    assert [found.events_count for found in recent_histories(data)] == [5, 4, 3, 2, 1, 0]
    take(SnapshotStore(data), 1500.0, kept=2, count=9)
    assert next(recent_histories(data)).events_count == 9, "the last one taken is the newest"
    assert names(store.paths())[-1] == 5061


def test_a_start_with_a_day_of_snapshots_takes_no_time(data: DataDir) -> None:
    set_market(data, **{f"SYMBOL{number}": 1.0 for number in range(100)})
    content = take(SnapshotStore(data), 0.0).read_bytes()
    for number in range(1, 1440):
        (data.snapshots / f"snapshot_{number * 60}.json").write_bytes(content)
    take(SnapshotStore(data), 1440 * 60.0, kept=5000, count=77)
    took = []
    for _ in range(5):
        start = time.process_time()
        assert SnapshotStore(data).count == 1441
        assert next(recent_histories(data)).events_count == 77
        took.append(time.process_time() - start)
    assert min(took) < 0.02


def test_histories_are_read_only_as_far_as_they_are_asked_for(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(data)
    for number in range(30):
        take(store, float(number), count=number)
    for path in store.paths()[:-8]:
        path.write_bytes(b"damaged")
    complaints: list[str] = []
    found: Any = recent_histories(data, complaints)
    assert [next(found).events_count for _ in range(8)] == [29, 28, 27, 26, 25, 24, 23, 22]
    assert complaints == []
    assert next(found, None) is None
    assert len(complaints) == 22


def test_before_1970_snapshots_are_taken_too(data: DataDir) -> None:
    store = SnapshotStore(data)
    assert names([take(store, -5.0), take(store, -4.0)]) == [0, 1]
    assert read_snapshot(data, "snapshot_1").timestamp == 0.0

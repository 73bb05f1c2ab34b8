"""Snapshots: whole again from what changed, only our own deleted, and nothing damaged is taken for a snapshot."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.history import Snapshot, SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.folders import prepare
from cq_tui.store.snapshots.snapshot_file import read_history, read_snapshot_file, snapshot_bytes
from cq_tui.store.snapshots.snapshots import SnapshotStore, newest_history, read_snapshot
from tests.store.processes import program, word

SYSTEM = SnapshotSystem(active_services=["memory"], health_status="ok", memory_usage=1.5)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    prepare(DataDir(tmp_path))
    return DataDir(tmp_path)


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
    path = store.take(now, SYSTEM, history(count), kept=kept, full_every=full_every)
    assert store.count == len(store.paths())
    return path


def names(paths: Iterable[Path]) -> list[int]:
    return [int(path.stem.removeprefix("snapshot_")) for path in paths]


def prices(snapshot: Snapshot) -> dict[str, float]:
    return {symbol: entry.price for symbol, entry in snapshot.data.market_data.items()}


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
def test_whatever_happens_every_kept_snapshot_reads_as_the_stack_looked(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[float, dict[str, float], int | None, bool]],
    kept: int, full_every: int,
) -> None:  # fmt: skip
    data = DataDir(tmp_path_factory.mktemp("data"))
    prepare(data)
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
    assert [found.events_count for found in newest_history(data)][:kept] == list(range(len(acts)))[::-1][:kept]


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
    assert [found.events_count for found in newest_history(data)] == [5, 4, 3, 2, 1, 0]
    take(SnapshotStore(data), 1500.0, kept=2, count=9)
    assert next(newest_history(data)).events_count == 9, "the last one taken is the newest"
    assert names(store.paths())[-1] == 5061


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
            store.take(160.0, SYSTEM, HISTORY, kept=1, full_every=10)
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
    found = [found.events_count for found in newest_history(data, complaints)]
    assert found == [count for count in (5, 4, 3, 2, 1, 0) if count != victim]
    assert [paths[victim].name in complaint for complaint in complaints] == [True] * (act != "delete")
    # Retention neither stumbles over it nor keeps anything for its sake for ever.
    for number in range(4):
        take(store, 200.0 + number, kept=2, full_every=2)
    assert len(store.paths()) <= 3


@pytest.mark.parametrize("name", ["", "../state/memory", "snapshot_", "snapshot_x", "snapshot_12345678901234567890"])
def test_what_is_no_snapshot_cannot_be_read(data: DataDir, name: str) -> None:
    with pytest.raises(DocumentError, match="is no name of a snapshot"):
        read_snapshot(data, name)


@pytest.mark.parametrize("base", ["snapshot_100", "snapshot_101", "../notes", None])
def test_bases_that_lead_nowhere_are_named(data: DataDir, base: str | None) -> None:
    store = SnapshotStore(data)
    path = take(store, 100.0)
    stored = read_document(path, Snapshot).model_copy(
        update={"snapshot_type": "incremental", "base_snapshot_id": base, "content_hash": None}
    )
    path.write_bytes(snapshot_bytes(stored))
    with pytest.raises(DocumentError, match="is no earlier snapshot"):
        read_snapshot(data, path.stem)


def test_a_start_with_a_day_of_snapshots_takes_no_time(data: DataDir) -> None:
    set_market(data, **{f"SYMBOL{number}": 1.0 for number in range(100)})
    content = take(SnapshotStore(data), 0.0).read_bytes()
    for number in range(1, 1440):
        (data.snapshots / f"snapshot_{number * 60}.json").write_bytes(content)
    take(SnapshotStore(data), 1440 * 60.0, kept=5000, count=77)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        assert SnapshotStore(data).count == 1441
        assert next(newest_history(data)).events_count == 77
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02


TAKER = """
import sys, time
from pathlib import Path
from cq_tui.contracts.history import SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.store.snapshots.snapshots import SnapshotStore, newest_history
data = DataDir(Path(sys.argv[1]))
count = next((found.events_count for found in newest_history(data)), 0)
store = SnapshotStore(data)
system = SnapshotSystem(active_services=[], health_status="ok", memory_usage=0.0)
while True:
    count += 1
    store.take(1000.0, system, SnapshotHistory(events_count=count, merkle_root=""), kept=4, full_every=3)
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
        found = [found.events_count for found in newest_history(data, complaints)]
        assert complaints == []
        assert found[0] >= count
        # The newest are all there; of what was too old, a kill leaves the oldest.
        assert found[:4] == list(range(found[0], found[0] - len(found[:4]), -1))
        assert found == sorted(set(found), reverse=True)
        store = SnapshotStore(data)
        assert [read_snapshot(data, path.stem).snapshot_type for path in store.paths()] == ["full"] * store.count
        assert min(count, 4) <= store.count <= 4 + 3 + 1


def test_histories_are_read_only_as_far_as_they_are_asked_for(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(data)
    for number in range(30):
        take(store, float(number), count=number)
    for path in store.paths()[:-8]:
        path.write_bytes(b"damaged")
    complaints: list[str] = []
    found: Any = newest_history(data, complaints)
    assert [next(found).events_count for _ in range(8)] == [29, 28, 27, 26, 25, 24, 23, 22]
    assert complaints == []
    assert next(found, None) is None
    assert len(complaints) == 22


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
        read_history(newer)
    complaints: list[str] = []
    assert list(newest_history(data, complaints)) == [read_history(older)]
    assert len(complaints) == 1


def test_before_1970_snapshots_are_taken_too(data: DataDir) -> None:
    store = SnapshotStore(data)
    assert names([take(store, -5.0), take(store, -4.0)]) == [0, 1]
    assert read_snapshot(data, "snapshot_1").timestamp == 0.0

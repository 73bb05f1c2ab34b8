"""Going on without looking at everything: only from a place that the files confirm, and with everything it needs."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.merkle import SUBTREE_LEAVES
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.resume import resume_from_snapshot
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.proofs.lookup import HistoryFiles
from tests.store.history.histories import data_dir, event

COUNT = SUBTREE_LEAVES + 900


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq, "trader" if seq % 3 else "ares") for seq in range(1, COUNT + 1)], 1000.0)
    history.close()
    return data


def walked(data: DataDir) -> HistoryPosition:
    walk = Verifier(data.events, data.hash_chain, VerificationLimits())
    walk.finish()
    assert walk.faults == []
    return walk.position


def assert_same(one: HistoryPosition | None, other: HistoryPosition) -> None:
    assert one is not None
    assert one.frontier.roots == other.frontier.roots
    for name in ("events", "tip", "last_header", "cursors", "event_end", "block_end"):
        assert getattr(one, name) == getattr(other, name), name


def stood(data: DataDir) -> SnapshotHistory:
    history = HistoryWriter(data, now=50.0)
    found = history.sync_state()
    history.close()
    return found


def test_a_snapshot_gives_what_a_whole_walk_gives_and_what_came_later_is_verified(data: DataDir) -> None:
    found = stood(data)
    assert_same(resume_from_snapshot(data, found), walked(data))
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in range(COUNT + 1, COUNT + 50)], 2000.0)
    history.close()
    history = HistoryWriter(data, now=50.0, snapshots=[found], sizes=[7])
    assert (history.resumed_from is not None, history.events, history.faults) == (True, COUNT + 49, [])
    check = history.skipped_part
    assert check is not None
    while check.step():
        pass
    assert check.finish() == []
    assert list(check.verifier.marks) == [7]
    history.adopt_check(check)
    assert all(history.scrub() is None for _ in range(9))
    history.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("events_count", COUNT - 1),
        ("merkle_root", "00" * 32),
        ("frontier", ["00" * 32]),
        ("frontier", None),
        ("events_bytes", 400),
        ("events_bytes", 10**9),
        ("chain_bytes", 400),
        ("chain_bytes", 10**9),
    ],
)
def test_a_snapshot_that_the_files_contradict_is_not_used(data: DataDir, field: str, value: object) -> None:
    found = stood(data).model_copy(update={field: value})
    assert resume_from_snapshot(data, found) is None


def test_the_full_check_detects_a_snapshot_with_other_counts(data: DataDir) -> None:
    found = stood(data).model_copy(update={"cursors": {"trader": 10**6}})
    history = HistoryWriter(data, now=50.0, snapshots=[found])
    check = history.skipped_part
    assert check is not None
    while check.step():
        pass
    assert [fault.reason for fault in check.finish()] == ["a snapshot counts other events than the history holds"]
    history.close()


def unverified_as_well(history: HistoryWriter) -> None:
    """Verify what a start skipped, and take it over."""
    check = history.skipped_part
    assert check is not None
    while check.step():
        pass
    assert check.finish() == []
    history.adopt_check(check)


def test_an_index_of_other_subtrees_is_done_without_and_made_again(data: DataDir) -> None:
    """An older version may have left one of larger subtrees."""
    found = stood(data)
    right = data.tree_index.read_bytes()
    older = orjson.loads(right) | {"leaves": 4 * SUBTREE_LEAVES, "roots": []}
    older |= {name: older[name][:1] for name in ("event_offsets", "block_offsets")}
    data.tree_index.write_bytes(orjson.dumps(older))
    assert HistoryFiles(data).subtree(0, COUNT) == bytes.fromhex(found.merkle_root)
    history = HistoryWriter(data, now=50.0, snapshots=[found])
    assert (history.resumed_from is not None, history.faults) == (True, [])
    unverified_as_well(history)
    history.sync_state()
    history.close()
    assert data.tree_index.read_bytes() == right


def test_an_index_that_is_made_again_has_what_was_appended_meanwhile(data: DataDir) -> None:
    found = stood(data)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in range(COUNT + 1, COUNT + 901)], 2000.0)
    history.close()
    data.tree_index.unlink()
    history = HistoryWriter(data, now=50.0, snapshots=[found])
    history.append([event(seq) for seq in range(COUNT + 901, COUNT + 2001)], 3000.0)
    history.sync_state()
    assert not data.tree_index.exists(), "what has no beginning is no index"
    unverified_as_well(history)
    history.append([event(seq) for seq in range(COUNT + 2001, COUNT + 3001)], 4000.0)
    history.sync_state()
    history.close()
    kept = data.tree_index.read_bytes()
    data.tree_index.unlink()
    again = HistoryWriter(data, now=50.0)
    assert again.resumed_from is None
    again.sync_state()
    again.close()
    assert kept == data.tree_index.read_bytes()

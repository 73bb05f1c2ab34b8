"""The evidence for one event: proved, not anchored yet, changed, missing, unreadable."""

import shutil
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.check_proof import check_proof
from cq_tui.room.evidence import gather_evidence
from cq_tui.store.history.merkle import leaf_hash, node_hash
from tests.room.stage import ANCHORED, Stage


def lines(data: DataDir) -> list[bytes]:
    return data.events.read_bytes().splitlines()


def event_id(data: DataDir, index: int) -> str:
    found: str = orjson.loads(lines(data)[index - 1])["event_id"]
    return found


def test_each_anchored_event_is_proved_step_by_step(stage: Stage) -> None:
    data = stage.data
    for index in range(1, ANCHORED + 1):
        found = gather_evidence(data, event_id(data, index))
        assert (found.index, found.last_index, found.line) == (index, 13, lines(data)[index - 1])
        assert found.verdict.level == "good"
        assert found.verdict.text == "Proved by the checkpoint of 11 events, signed 2026-08-01 14:21:55 UTC."
        assert found.matches_block is found.links_to_previous is True
        node, covered = leaf_hash(lines(data)[index - 1]), {index}
        for step in found.steps:
            node = node_hash(step.sibling_hash, node) if step.is_left else node_hash(node, step.sibling_hash)
            assert node == step.parent_hash
            assert (step.last_event < index) is step.is_left
            covered |= set(range(step.first_event, step.last_event + 1))
        assert covered == set(range(1, ANCHORED + 1))
        assert found.checkpoint is not None
        assert node == found.checkpoint.checkpoint.root
        assert found.proof is not None
        assert check_proof(found.proof.model_dump_json().encode()).holds
        assert gather_evidence(data, index) == found


def test_later_events_are_not_anchored_yet(stage: Stage) -> None:
    found = gather_evidence(stage.data, 13)
    assert found.verdict.level == "idle"
    assert found.verdict.text.startswith(f"Not anchored yet: {found.event_id} is event 13")
    assert found.proof is None
    assert not found.is_final
    assert found.checkpoint is not None
    stage.anchor(ago=1.0)
    assert gather_evidence(stage.data, 13).verdict.level == "good"


def test_block_indexes_are_clamped_to_the_chain(stage: Stage) -> None:
    assert gather_evidence(stage.data, 10**9).index == 13
    genesis = gather_evidence(stage.data, -5)
    assert genesis.index == 0
    assert genesis.block is not None
    assert genesis.line is None
    assert genesis.is_final


def test_a_changed_event_shows_in_block_and_proof(stage: Stage) -> None:
    content = stage.data.events.read_bytes()
    stage.data.events.write_bytes(content.replace(b'"size":0.00148', b'"size":9.00148', 1))
    found = gather_evidence(stage.data, 10)
    assert found.matches_block is False
    assert found.verdict.level == "bad"
    assert "was changed after it was chained" in found.verdict.text
    assert str(stage.data.root) not in found.verdict.text
    untouched = gather_evidence(stage.data, 4)
    assert untouched.matches_block is True


def test_an_event_is_proved_despite_a_damaged_block(stage: Stage) -> None:
    content = stage.data.hash_chain.read_bytes()
    stage.data.hash_chain.write_bytes(content.replace(event_id(stage.data, 5).encode(), b"evt_1_000", 1))
    found = gather_evidence(stage.data, event_id(stage.data, 5))
    assert found.block is None
    assert found.matches_block is None
    assert found.verdict.level == "good"
    after = gather_evidence(stage.data, 6)
    assert after.previous_block is None
    assert after.links_to_previous is None


def test_a_removed_event_is_reported_by_id(stage: Stage) -> None:
    whole = lines(stage.data)
    missing = event_id(stage.data, 13)
    stage.data.events.write_bytes(b"".join(line + b"\n" for line in whole[:-1]))
    found = gather_evidence(stage.data, 13)
    assert (found.event_id, found.line) == (missing, None)
    assert gather_evidence(stage.data, missing).line is None


@pytest.mark.parametrize("what", ["events", "hash_chain", "checkpoints", "tree_index"])
@pytest.mark.parametrize("how", ["gone", "empty", "rubbish", "a folder"])
def test_missing_and_damaged_files_become_messages(stage: Stage, what: str, how: str) -> None:
    data, path = stage.data, getattr(stage.data, what)
    wanted = event_id(data, 3)
    path.unlink(missing_ok=True)
    if how == "a folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes(b"" if how == "empty" else b"\x00\xff{]\n" * 50)
    for subject in (wanted, 3, 0, 13):
        found = gather_evidence(data, subject)
        assert found.verdict.text
        assert not any("Traceback" in words or str(data.root) in words for words in found.problems)
    if what == "events":
        assert gather_evidence(data, wanted).verdict.level == "bad"
    if what == "tree_index":
        assert gather_evidence(data, wanted).verdict.level == "good"
    if what == "checkpoints":
        assert gather_evidence(data, wanted).proof is None


def test_an_empty_directory(tmp_path: Path, stage: Stage) -> None:
    found = gather_evidence(DataDir(tmp_path / "nowhere"), "evt_1_001")
    assert found.index is None
    assert found.verdict.level in ("bad", "idle")
    shutil.rmtree(stage.data.memory)
    assert gather_evidence(stage.data, 1).line is None


def test_an_event_not_written_by_memory_has_no_block(stage: Stage) -> None:
    line = orjson.dumps({"event_id": "[b]", "timestamp": 1.0, "event_type": "x", "source": "y", "data": {}})
    with stage.data.events.open("ab") as file:
        file.write(line + b"\n")
    found = gather_evidence(stage.data, "[b]")
    assert found.line == line
    assert found.index is None
    assert found.verdict.level == "bad"

"""What memory leaves for its next start: snapshots to go on from, checkpoints to be held to."""

import shutil
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory import chain_schedule
from cq_tui.store.checkpoints.checkpoint import Checkpoint, parse_unverified
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_json
from cq_tui.store.history.verification import verify
from cq_tui.store.snapshots.snapshot_file import snapshot_bytes, snapshot_numbers, snapshot_path
from tests.services.memory_in_process import memory_of
from tests.services.memory_process import faults, flip, ready, spool_of
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, seqs
from tests.store.snapshots.assembling import read_snapshot_file


async def test_snapshots_record_the_position_of_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_directory(tmp_path / "data", MEMORY_SNAPSHOTS_KEPT=2)
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(chain_schedule, "_INTERVAL", 0.05)
    with closing(spool_of(data)) as spool:
        spool.emit("e", {})
    async with memory_of(data) as memory:
        # Oftener than the settings allow.
        loaded = memory.runtime.loaded
        settings = loaded.settings.model_copy(update={"MEMORY_SNAPSHOT_INTERVAL": 0.0})
        memory.runtime.loaded = replace(loaded, settings=settings)
        await until(lambda: len(list(data.snapshots.glob("*.json"))) == 2)
        newest = max(data.snapshots.glob("*.json"))
        await until(lambda: newest not in data.snapshots.glob("*.json"))
        newest = max(data.snapshots.glob("*.json"))
        snapshot = read_json(newest)
        assert snapshot["data"]["system_state"]["active_services"] == ["memory"]
        assert snapshot["data"]["history"]["events_count"] == 1
        assert snapshot["data"]["history"]["merkle_root"] == memory.health(time.time()).merkle_root
        assert len(list(data.snapshots.glob("*.json"))) <= 3


def checkpoint_of(memory: RunningService) -> Checkpoint:
    return parse_unverified(memory.health["checkpoint"])


async def test_checkpoints_are_signed_and_a_restart_goes_on_from_the_snapshot(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health.get("anchored_count"))
        first = checkpoint_of(memory)
        assert memory.health["anchor_problem"] is None if "anchor_problem" in memory.health else True
        spool.emit("e", {"number": 50})
        await until(lambda: len(seqs(data)) == 51)
        assert await memory.stop() == 0
        last = checkpoint_of(memory)
        assert last.origin == first.origin
        assert last.size == memory.health["events_count"] >= 51
        assert last.root.hex() == memory.health["merkle_root"]
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"]
        # The beginning, which the snapshot let it skip, is verified in the background.
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        assert memory.health["missing_count"] == 0
        assert await memory.stop() == 0
    spool.close()
    found = verify(data, [first.size, last.size])
    roots = {size: mark.root for size, mark in found.marks.items()}
    assert (found.faults, roots) == ([], {first.size: first.root, last.size: last.root})
    assert_consistent(data)


async def test_damage_before_the_snapshot_is_found_in_the_background_and_named(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    flip(data.events, b'"number":7')
    async with running("memory", data) as memory:
        await until(lambda: memory.health.get("integrity_ok") is False)
        await until(lambda: "event_chain.ndjson at index 8: " in faults(memory))
        size = checkpoint_of(memory).size
        asked = issue_command(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "refused"
        assert checkpoint_of(memory).size == size, "nothing is signed while something is wrong"
        for _ in range(2):
            await accept_all(data)
        await until(lambda: memory.health["integrity_ok"])
        await until(lambda: b"integrity_acknowledged" in data.events.read_bytes())
        asked = issue_command(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "done"
        assert await memory.stop() == 0
    # What was accepted is not told again; a full check tells it all the same.
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        assert memory.health["integrity_ok"]
    spool.close()
    assert [fault.index for fault in verify(data).faults] == [8]


async def accept_all(data: DataDir) -> None:
    asked = issue_command(
        data, "acknowledge_faults", "memory", issued_by="cli", target="all", arguments={"comment": "seen"}
    )
    answer = await wait_for_answer(data, asked)
    assert answer.outcome == "done", answer.message


async def test_a_restored_old_copy_is_detected_by_the_outside_anchor(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    shutil.copytree(data.root, tmp_path / "backup")
    for number in range(20, 40):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        # Nothing is signed before that.
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        assert await memory.stop() == 0
        size = checkpoint_of(memory).size
    spool.close()
    shutil.rmtree(data.root)
    shutil.copytree(tmp_path / "backup", data.root)
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"] is False
        assert "are missing, or an old copy was put back" in faults(memory)
        assert memory.health["missing_count"] > 0
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        await accept_all(data)
        await until(lambda: memory.health["integrity_ok"])
        asked = issue_command(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "done"
        assert await memory.stop() == 0
        assert checkpoint_of(memory).size < size
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"]


async def test_nothing_is_signed_before_everything_is_verified(tmp_path: Path) -> None:
    """A history that was rewritten while memory was away, its snapshot with it, never gets a signature."""
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
        signed = checkpoint_of(memory)
    content = data.events.read_bytes()
    changed = content.replace(b'"number":7}', b'"number":8}')
    assert changed != content
    data.events.write_bytes(changed)
    async with running("memory", data) as memory:
        await until(lambda: memory.health.get("integrity_ok") is False)
        assert await memory.stop() == 0
        assert checkpoint_of(memory) == signed
    spool.close()


async def test_a_snapshot_that_counts_wrong_costs_no_event(tmp_path: Path) -> None:
    """Numbers that it counted and that were never merged are taken in after all, by the next process."""
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    path = snapshot_path(data.snapshots, snapshot_numbers(data.snapshots)[-1])
    snapshot = read_snapshot_file(path)
    assert snapshot.data.history is not None
    snapshot.data.history.cursors["trader"] = 1000
    path.write_bytes(snapshot_bytes(snapshot.model_copy(update={"content_hash": None})))
    for number in range(20, 40):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await until(lambda: memory.exit_code == 1)
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(seqs(data)) == 40)
        assert memory.health["integrity_ok"] is False
        assert "counts other events" in faults(memory)
        assert await memory.stop() == 0
    spool.close()
    assert seqs(data) == list(range(1, 41))
    assert list(data.quarantine.glob("snapshot_*"))

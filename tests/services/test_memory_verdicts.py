"""What memory reports for the three verdicts: kinds of faults, the matching checkpoint, gaps, and who accepted what."""

import shutil
import time
from pathlib import Path

import pytest

from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.history_verdicts import HistoryVerdicts, judge_memory
from cq_tui.ops.verdict import Verdict
from cq_tui.ops.verify import verify_history
from cq_tui.services.memory.service import MemoryService
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import command, damaged, memory_of, remember
from tests.services.processes import data_directory
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    return data_directory(tmp_path / "data")


def judged(health: MemoryHealth) -> HistoryVerdicts:
    history = judge_memory(health, Verdict("memory", "ok"), 60.0, time.time())
    assert history is not None
    return history


async def signed(memory: MemoryService) -> MemoryHealth:
    """Wait until everything is signed."""
    await until(lambda: memory.health(time.time()).anchored_count == memory._history.events)
    return memory.health(time.time())


async def restored_backup(data: DataDir) -> None:
    """Make a signed history, let it grow, and put the earlier one back."""
    await remember(data)
    shutil.copytree(data.root, data.root.with_name("backup"))
    async with memory_of(data) as memory:
        memory.runtime.emit("service_started", {"service": "memory", "pid": 1})
        await until(lambda: memory._history.events > 20)
        memory._sign(time.time())
        await signed(memory)
    shutil.rmtree(data.root)
    shutil.copytree(data.root.with_name("backup"), data.root)


async def test_a_healthy_history(data: DataDir) -> None:
    await remember(data)
    async with memory_of(data) as memory:
        health = await signed(memory)
    assert (health.full_check_progress, health.fault_kinds, health.gap_count) == (None, {}, 0)
    assert (health.lost_count, health.accepted) == (0, None)
    history = judged(health)
    assert (history.integrity.word, history.level) == ("intact", "good")
    assert history.completeness.text == f"complete to {health.events_count}"


async def test_missing_events_are_no_damage_and_their_acceptance_stays(data: DataDir) -> None:
    await restored_backup(data)
    async with memory_of(data) as memory:
        health = memory.health(time.time())
        assert health.fault_kinds == {"missing": 1}
        assert (judged(health).integrity.word, judged(health).completeness.word) == ("intact", "INCOMPLETE by 1")
        # The largest checkpoint that agrees, not the one that was lost.
        assert health.anchored_count == 20
        await memory.execute_command(command("acknowledge_faults", "all"))
        await until(lambda: bool(memory.health(time.time()).accepted))
    async with memory_of(data) as memory:
        await until(lambda: (memory.health(time.time()).accepted or [])[-1].event_index is not None)
        health = await signed(memory)
    assert health.accepted is not None
    (accepted,) = health.accepted
    assert accepted.accepted_by == "cli"
    assert "names 21: 1 are missing" in accepted.fault
    assert judged(health).integrity.word == f"intact since event {accepted.event_index}"
    assert judged(health).integrity.detail.startswith("contradiction accepted by cli, ")


async def test_a_changed_event_is_damage(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        health = memory.health(time.time())
    assert health.fault_kinds is not None
    assert health.fault_kinds["history"] >= 1
    assert judged(health).integrity.word.startswith("DAMAGED")
    # The chain is as it was signed; the number of the changed event proves nothing.
    assert judged(health).completeness.text.startswith("1 number missing, anchored to 20")


async def test_accepted_damage_is_never_intact_again(data: DataDir) -> None:
    await damaged(data)
    async with memory_of(data) as memory:
        await memory.execute_command(command("acknowledge_faults", "all"))
        health = memory.health(time.time())
        assert health.integrity_ok
        assert judged(health).integrity.word == "damage accepted"
    async with memory_of(data) as memory:
        again = memory.health(time.time())
    assert again.integrity_ok
    assert judged(again).integrity == judged(health).integrity
    report = verify_history(data, workers=1)
    assert report.exit_code == 2
    assert report.verdicts.integrity == judged(again).integrity


async def test_lost_numbers_of_a_writer_are_counted(data: DataDir) -> None:
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for number in range(6):
        spool.emit("e", {"number": number})
    spool.close()
    path = data.spool / "trader.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[4:]))
    async with memory_of(data) as memory:
        await until(lambda: memory.health(time.time()).events_count >= 4)
        health = memory.health(time.time())
    assert (health.gap_count, health.fault_kinds) == (2, {"spool": 1})
    assert (judged(health).integrity.word, judged(health).completeness.word) == ("spool fault", "2 numbers missing")

"""More faults than a person can look through: memory goes on, says so, and accepts them without holding its breath."""

import asyncio
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory import integrity
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.spools.last_merged import last_merged_seq
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import command, memory_of
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(integrity, "_SPOOL_FAULTS", 100)
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    for number in range(150):
        (data.spool / f"{number}.ndjson").touch()
    return data


async def test_the_first_spool_faults_stay_open_and_the_rest_are_counted_as_one(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, save = 0, MemoryState.save

    def count(standing: MemoryState, data: DataDir) -> None:
        nonlocal saved
        saved += 1
        save(standing, data)

    monkeypatch.setattr(MemoryState, "save", count)
    async with memory_of(data) as memory:
        assert len(memory.integrity.faults) == 101
        assert "spool: more is wrong than is named" in memory.integrity.faults.values()
        assert saved < 10
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0)
                beats += 1

        heart = asyncio.create_task(beat())
        outcome, message = await memory.execute_command(command("acknowledge_faults", "all"))
        heart.cancel()
        assert outcome == "done"
        assert message.startswith("101 faults accepted, ")
        assert beats >= 100
        # What is still wrong is told in its turn, and can be accepted as well.
        await until(lambda: memory.health(time.time()).fault_count == 50)
        assert await memory.execute_command(command("acknowledge_faults", "all")) == (
            "done",
            "50 faults accepted, 0 left",
        )
        spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
        spool.emit("order_executed", {"number": 1})
        spool.close()
        await until(lambda: last_merged_seq(data.events, "trader") == 1)
        assert memory.health(time.time()).integrity_ok

"""More faults than a person can look through: memory goes on, says so, and accepts them without holding its breath."""

import asyncio
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.folders import prepare
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import command, memory_of
from tests.services.waiting import until


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    data = DataDir(tmp_path / "data")
    prepare(data)
    for number in range(1200):
        (data.spool / f"{number}.ndjson").touch()
    return data


async def test_a_thousand_faults_of_spools_stand_and_the_rest_is_counted_as_one(data: DataDir) -> None:
    saved = 0
    async with memory_of(data) as memory:
        save = memory.trust.save

        def count() -> None:
            nonlocal saved
            saved += 1
            save()

        memory.trust.save = count  # type: ignore[method-assign]  # counts, and does the same
        assert len(memory.trust.faults) == 1001
        assert "spool: more is wrong than is named" in memory.trust.faults.values()
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0)
                beats += 1

        heart = asyncio.create_task(beat())
        outcome, message = await memory.carry_out(command("acknowledge_faults", "all"))
        heart.cancel()
        assert (outcome, message) == ("done", "1001 faults accepted, 0 left")
        assert beats >= 1000
        assert saved < 10
        # What goes on being wrong is told in its turn; events are taken in all the while.
        spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
        spool.emit("order_executed", {"number": 1})
        spool.close()
        await until(lambda: memory._history.cursors.get("trader") == 1)
        assert memory.health(time.time()).fault_count in (0, 200)

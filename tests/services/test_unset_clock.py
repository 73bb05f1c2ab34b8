"""A clock that was never set, and shows a time before 1970: memory works and says how it is all the same."""

import asyncio
import time
from pathlib import Path

import pytest

from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory.service import MemoryService
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_document
from cq_tui.store.history.verification import verify
from cq_tui.store.spools.spool import EventSpool
from tests.services.waiting import until
from tests.store.history.histories import seqs


async def test_memory_merges_events_before_1970(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    monkeypatch.setattr(time, "time", lambda: -5.0)
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for number in range(3):
        spool.emit("signal_generated", {"number": number})
    spool.close()
    frame = ServiceRuntime("memory", data)
    memory = MemoryService(frame)
    work = asyncio.get_running_loop().create_task(memory.run())
    try:
        await until(lambda: memory.health(time.time()).events_count >= 3)
    finally:
        frame.stopping.set()
        await work
        frame.close()
    health = read_document(data.health_of("memory"), MemoryHealth)
    assert (health.status, health.last_update_ts, health.started_ts) == ("ok", 0.0, 0.0)
    assert seqs(data) == [1, 2, 3]
    assert list(data.quarantine.iterdir()) == []
    assert list(data.snapshots.iterdir())
    found = verify(data)
    assert (found.fault_count, found.missing) == (0, 0)

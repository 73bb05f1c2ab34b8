"""One event of a writer, found by its number wherever it is: spool, closed segment, history."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.own_event import occurred_at_of
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import memory_of
from tests.services.processes import data_directory
from tests.services.waiting import until


def spool_events(data: DataDir, times: range) -> None:
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine, segment_bytes=2000)
    for moment in times:
        # A payload that looks like metadata is none.
        spool.emit("e", {"metadata": {"writer": "trader", "seq": 3, "occurred_at": 1.0}}, now=float(moment))
    spool.close()


@pytest.mark.parametrize("merged", [0, 40])
async def test_it_is_found_and_what_never_was_is_not(tmp_path: Path, merged: int) -> None:
    data = data_directory(tmp_path / "data")
    spool_events(data, range(100, 100 + merged))
    if merged:
        async with memory_of(data) as memory:
            await until(lambda: memory.health(0.0).events_count >= merged)
        for file in data.spool.glob("trader*"):
            file.unlink()
    spool_events(data, range(100 + merged, 160))
    assert [occurred_at_of(data, "trader", seq) for seq in (1, 30, 60)] == [100.0, 129.0, 159.0]
    assert occurred_at_of(data, "trader", 61) is None
    assert occurred_at_of(data, "ares", 3) is None

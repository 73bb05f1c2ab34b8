"""Memory on a disk that is really full: events of safety fit, the others wait, and nothing is missing afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.store.reserve import RESERVE_BYTES, Reserve
from cq_tui.store.spools.event_queue import EventQueue
from tests.services.memory_process import ready
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.small_disk import SmallDisk, small_disk
from tests.store.history.histories import assert_consistent, seqs

#: More than the rest of a page that a file has already.
LARGE = {"fill": "x" * 8000}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 48) as found:
        yield found


def disk_lines(data: DataDir) -> list[str]:
    return [line for line in status_lines(read_status(data)) if "disk: " in line]


@pytest.mark.parametrize("ends", ["stops", "is killed"])
async def test_events_of_safety_are_merged_and_nothing_is_missing(disk: SmallDisk, ends: str) -> None:
    data = data_directory(disk.root / "data")
    trader = EventQueue(data, "trader")
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: data.reserve.exists() and data.reserve.stat().st_size == RESERVE_BYTES)
        assert disk_lines(data) == []
        disk.fill()
        trader.add("signal_generated", LARGE, None)
        trader.flush()
        assert "No space left" in (trader.problem or "")
        assert data.reserve.stat().st_size == RESERVE_BYTES, "signals do not protect"
        trader.add("order_executed", LARGE, None)
        trader.flush()
        assert trader.problem is None
        await until(lambda: b'"order_executed"' in data.events.read_bytes())
        assert 0 < data.reserve.stat().st_size < RESERVE_BYTES
        (line,) = disk_lines(data)
        assert f"{data.root}: the disk is full" in line
        assert "Free 16 MiB" in line
        if ends == "stops":
            assert await memory.stop() == 0
        else:
            memory.kill()
    disk.make_room()
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: data.reserve.stat().st_size == RESERVE_BYTES)
        await until(lambda: memory.health["status"] == "ok")
        assert memory.health["integrity_ok"]
        assert await memory.stop() == 0
    assert disk_lines(data) == []
    trader.close()
    assert seqs(data) == [1, 2]
    assert_consistent(data)


def test_a_queue_that_was_written_in_part_goes_on_with_the_reserve(disk: SmallDisk) -> None:
    data = data_directory(disk.root / "data")
    Reserve(data).refill()
    trader = EventQueue(data, "trader")
    trader.flush()
    disk.fill()
    disk.make_room(4096)
    for event_type in ("note", "note", "order_executed", "note"):
        trader.add(event_type, {"fill": "x" * 3000}, None)
    trader.flush()
    assert trader.problem is None
    trader.close()
    assert len((data.spool / "trader.ndjson").read_bytes().splitlines()) == 4


async def test_a_later_event_of_safety_does_not_wait_behind_those_that_do(disk: SmallDisk) -> None:
    data = data_directory(disk.root / "data")
    room, trader = EventQueue(data, "room-1"), EventQueue(data, "trader")
    for queue in (room, trader):
        queue.flush()
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: data.reserve.exists())
        disk.fill()
        disk.make_room(3 * 4096)
        # It has its place in the spool, but not in the history as well.
        room.add("note", LARGE, None)
        room.flush()
        assert room.problem is None
        disk.fill()
        log = data.log_of("memory")
        await until(lambda: b"event_chain.ndjson: write failed" in log.read_bytes() or disk.free == 0)
        trader.add("order_submitted", LARGE, None)
        trader.flush()
        await until(lambda: b'"order_submitted"' in data.events.read_bytes())
        disk.make_room()
        await until(lambda: memory.health["status"] == "ok")
        assert await memory.stop() == 0
    assert b'"note"' in data.events.read_bytes()
    for queue in (room, trader):
        queue.close()
    assert_consistent(data)

"""Memory on a history of versions 1.0 to 1.2: it verifies, continues and signs the lines as they stand."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.run import migrate
from cq_tui.ops.verify import verify_history
from cq_tui.store.data_directory import prepare_data_directory
from tests.ops.migrate.earlier_versions import VERSIONS, earlier
from tests.services.memory_process import faults, flip, ready, spool_of
from tests.services.processes import running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent


def migrated(folder: Path, version: str) -> tuple[DataDir, bytes]:
    """A directory of that version, brought to the current one, and its lines."""
    data = earlier(folder / "data", version)
    lines = data.events.read_bytes()
    migrate(data)
    assert data.events.read_bytes() == lines
    return data, lines


@pytest.mark.parametrize("version", VERSIONS)
async def test_memory_continues_and_signs_it_without_rewriting_a_line(tmp_path: Path, version: str) -> None:
    data, lines = migrated(tmp_path, version)
    count = lines.count(b"\n")
    for start in (1, 2):
        await _run_until_signed(data, count + start)
    content = data.events.read_bytes()
    assert content.startswith(lines), "no line was rewritten"
    assert {"writer", "seq"} <= orjson.loads(content[len(lines) :].split(b"\n")[0])["metadata"].keys()
    assert_consistent(data)
    report = verify_history(data)
    assert (report.faults, report.missing, report.result.gaps) == ([], 0, {})
    assert report.anchor is not None
    assert report.anchor.checkpoint.size > count


async def _run_until_signed(data: DataDir, events: int) -> None:
    """Run memory, with another event of the trader, until so many events are signed."""
    async with running("memory", data) as memory:
        await ready(memory)
        emit(data)
        await until(lambda: memory.health["anchored_count"] >= events)
        assert (faults(memory), memory.health["integrity_ok"]) == ("", True)
        assert await memory.stop() == 0


def emit(data: DataDir) -> None:
    spool = spool_of(data)
    spool.emit("order_submitted", {"symbol": "BTCUSDT"}, durable=True)
    spool.close()


async def test_memory_killed_at_its_first_append_loses_and_repeats_nothing(tmp_path: Path) -> None:
    data, lines = migrated(tmp_path, "1.0")
    prepare_data_directory(data)
    for _ in range(3):
        async with running("memory", data) as memory:
            size = data.events.stat().st_size
            emit(data)
            while data.events.stat().st_size == size and memory.is_alive:
                pass
            memory.kill()
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: _seqs(data, len(lines)) == [1, 2, 3])
        assert faults(memory) == ""
        assert await memory.stop() == 0
    assert data.events.read_bytes().startswith(lines)
    assert_consistent(data)
    assert verify_history(data).faults == []


def _seqs(data: DataDir, begin: int) -> list[int]:
    """The trader's numbers in the lines from an offset on."""
    found = [orjson.loads(line)["metadata"] for line in data.events.read_bytes()[begin:].splitlines()]
    return [metadata["seq"] for metadata in found if metadata["writer"] == "trader"]


async def test_a_flipped_bit_in_an_old_line_is_found(tmp_path: Path) -> None:
    data, _ = migrated(tmp_path, "1.1")
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health["anchored_count"] > 0)
        assert await memory.stop() == 0
    flip(data.events, b"high_latency")
    assert [fault.index for fault in verify_history(data).faults if fault.index] == [3]
    async with running("memory", data) as memory:
        await until(lambda: "at index 3: the event is not the one that was chained" in faults(memory), 30)
        assert memory.health["integrity_ok"] is False

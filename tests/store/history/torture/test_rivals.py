"""A second writer of the same history, a clock that jumps back, and a reader that never rests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, made, seqs
from tests.store.processes import until_more


def test_a_history_that_is_written_cannot_be_opened_a_second_time(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    history = HistoryWriter(data, watermark=data.events.stat().st_size, now=2000.0)
    with pytest.raises(JournalError, match=r"event_chain\.ndjson.*another process"):
        HistoryWriter(data, watermark=0, now=2000.0)
    history.append([event(4)], 3000.0)
    history.close()
    assert seqs(data) == [1, 2, 3, 4]
    assert_consistent(data)


async def _ready(memory: RunningService) -> None:
    await until(lambda: memory.health.get("ready"))


@pytest.mark.stack
@pytest.mark.parametrize("lock", ["held", "deleted"])
async def test_a_second_memory_process_gives_way_and_changes_nothing(tmp_path: Path, lock: str) -> None:
    data = data_directory(tmp_path / "data")
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    async with running("memory", data) as first:
        await _ready(first)
        spool.emit("e", {})
        await until(lambda: seqs(data) == [1])
        if lock == "deleted":
            data.lock_of("memory").unlink()
        async with running("memory", data) as second:
            await until(lambda: second.exit_code is not None)
            assert second.exit_code != 0
        spool.emit("e", {})
        await until(lambda: seqs(data) == [1, 2])
        assert first.health["integrity_ok"]
        assert await first.stop() == 0
    spool.close()
    assert seqs(data) == [1, 2]
    assert_consistent(data)


def test_a_clock_that_jumps_back_an_hour_neither_reorders_nor_repeats_anything(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=90_000.0)
    for turn, now in enumerate([90_000.0, 90_001.5, 86_401.5, 86_402.0, 90_000.7, 90_002.0]):
        history.append([event(2 * turn + 1), event(2 * turn + 2)], now)
        history.flush_chain()
        if turn in (2, 3):
            history.close()
            history = HistoryWriter(data, watermark=data.events.stat().st_size, now=now)
            assert history.faults == []
    history.close()
    assert seqs(data) == list(range(1, 13))
    assert orjson.loads(event_lines(data)[-1])["timestamp"] == 90_002.0
    assert_consistent(data)


@contextmanager
def _polled(path: Path) -> Iterator[list[int]]:
    """Read a chain document all the time, as its readers do: once more when it changed under them."""
    ended = threading.Event()
    # Documents read, not there, and torn at the second look as well.
    counts = [0, 0, 0]

    def is_whole() -> bool:
        try:
            document = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            counts[1] += 1
            return True
        except orjson.JSONDecodeError:
            return False
        return bool(len(document["chain"]) == document["chain_length"])

    def poll() -> None:
        while not ended.is_set():
            counts[2] += not (is_whole() or is_whole())
            counts[0] += 1

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield counts
    finally:
        ended.set()
        reader.join()


def test_a_reader_that_never_rests_finds_whole_documents_also_around_durable_double_flushes(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    with _polled(data.hash_chain) as counts:
        for turn in range(60):
            history.append([event(turn * 3 + number) for number in (1, 2, 3)], 1000.0 + turn)
            if turn % 3:
                history.flush_chain()
            else:
                history.sync_state()
            # As between two flushes of the service: its readers have ended by the next one.
            until_more(counts)
    history.close()
    assert counts[0] > 30
    assert counts[1:] == [0, 0]
    assert_consistent(data)

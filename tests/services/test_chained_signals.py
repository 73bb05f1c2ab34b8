"""Signals through the real memory: covered at once, read once and in order, by readers that look all the time."""

import asyncio
import random
import time
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.reading.chained_lines import ChainedLines
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_process import faults, ready, spool_of
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, event_lines, seqs

_MARK = b'"event_type":"signal_generated"'


class SignalReader:
    """Follows what is covered; knows the signals by their numbers."""

    def __init__(self, data: DataDir, cursor: int | None = 0) -> None:
        self._lines = ChainedLines(data, cursor)
        self.numbers: list[int] = []

    @property
    def cursor(self) -> int:
        return self._lines.offset

    def read(self) -> int:
        """Return how many signals were read so far."""
        found = self._lines.read_new()
        self.numbers += [orjson.loads(each.line)["metadata"]["seq"] for each in found if _MARK in each.line]
        assert self._lines.take_refused() == []
        return len(self.numbers)


class ChainWatcher:
    """Reads tail and blocks again and again, as rooms and commands do, and counts the versions that it meets."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._files = HistoryFiles(data)
        self.seen: list[float] = []
        self._length = 0
        self.torn = 0

    def look(self) -> None:
        try:
            tail = read_chain_tail(self._data.hash_chain)
        except ChainError:
            self.torn += 1
            return
        assert tail.chain_length >= self._length, "the chain never gets shorter"
        if tail.chain_length != self._length:
            self._length = tail.chain_length
            self.seen.append(time.monotonic())
        assert self._files.block_at(tail.chain_length - 1) is not None, "what the tail counts is there"


async def test_1000_signals_are_covered_soon_with_at_most_20_flushes_a_second(tmp_path: Path) -> None:
    data, chance = data_directory(tmp_path / "data"), random.Random(3)
    async with running("memory", data) as memory:
        await ready(memory)
        reader, watcher = SignalReader(data), ChainWatcher(data)
        began = time.monotonic()
        with closing(spool_of(data, "ares")) as spool:
            while spool.seq < 1000:
                for _ in range(chance.randrange(1, 12)):
                    spool.emit("signal_generated", {"symbol": "BTCUSDT"})
                watcher.look()
                reader.read()
                await asyncio.sleep(chance.random() * 0.03)
            emitted = spool.seq

        def all_read() -> bool:
            watcher.look()
            return reader.read() == emitted

        await until(all_read)
        # Once a second memory's own events and a snapshot may add a few.
        assert len(watcher.seen) <= 22 * (time.monotonic() - began + 1)
        assert len(watcher.seen) >= 5
        assert watcher.torn == 0
        assert await memory.stop() == 0
    assert reader.numbers == list(range(1, emitted + 1))
    assert_consistent(data)


async def _seconds_until_covered(data: DataDir, spool: EventSpool, kind: str) -> float:
    length = read_chain_tail(data.hash_chain).chain_length
    spool.emit(kind, {})
    emitted = time.monotonic()
    await until(lambda: read_chain_tail(data.hash_chain).chain_length > length)
    return time.monotonic() - emitted


async def test_a_single_signal_does_not_wait_for_the_interval(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with running("memory", data) as memory:
        await ready(memory)
        waits: dict[str, list[float]] = {"signal_generated": [], "e": []}
        with closing(spool_of(data, "ares")) as spool:
            for _ in range(25):
                for kind, waited in waits.items():
                    waited.append(await _seconds_until_covered(data, spool, kind))
        # The other events come just after a signal's flush, and wait for the interval.
        signals, others = (sorted(each) for each in waits.values())
        assert signals[len(signals) // 2] < 0.15 < 0.4 < others[len(others) // 2]


@pytest.mark.parametrize("times", [1, 3, 0], ids=["one", "several", "without an end"])
@pytest.mark.parametrize("is_busy", [False, True], ids=["at rest", "just before another event"])
async def test_a_signal_written_into_the_events_file_never_gets_a_block(
    tmp_path: Path, times: int, is_busy: bool
) -> None:
    """Memory ends, as its file was changed, and the next one takes in everything but what was written."""
    data = data_directory(tmp_path / "data")
    with closing(spool_of(data, "ares")) as spool:
        async with running("memory", data) as memory:
            await ready(memory)
            spool.emit("signal_generated", {"symbol": "BTCUSDT"})
            reader = SignalReader(data)
            await until(lambda: reader.read() == 1)
            [line] = [line for line in event_lines(data) if _MARK in line]
            forged = line.replace(b'"seq":1,', b'"seq":2,').replace(b'"evt_1', b'"evt_2')
            written = (forged + b"\n") * times or forged
            with data.events.open("ab") as file:
                file.write(written)
            if is_busy:
                spool.emit("signal_generated", {"symbol": "BTCUSDT"})
            await until(lambda: memory.exit_code == 1)
        async with running("memory", data) as memory:
            await ready(memory)
            assert memory.health["integrity_ok"] is False
            assert "event_chain.ndjson: somebody else changed its size" in faults(memory)
            if not is_busy:
                spool.emit("signal_generated", {"symbol": "BTCUSDT"})
            await until(lambda: reader.read() == 2)
            assert await memory.stop() == 0
    assert seqs(data, "ares") == [1, 2]
    assert forged not in event_lines(data)
    assert [path.read_bytes() for path in data.quarantine.glob("event_chain.ndjson.*")] == [written]
    assert_consistent(data, verified=False)


@pytest.mark.stack
async def test_kills_around_the_flush_repeat_and_lose_no_signal(tmp_path: Path) -> None:
    """Memory is killed within milliseconds of a signal: before it is merged, between line and block, after both."""
    data, chance = data_directory(tmp_path / "data"), random.Random(11)
    cursor, numbers = 0, list[int]()
    with closing(spool_of(data, "ares")) as spool:
        for _ in range(12):
            async with running("memory", data) as memory:
                await ready(memory)
                reader = SignalReader(data, cursor)
                for _ in range(chance.randrange(1, 4)):
                    spool.emit("signal_generated", {"symbol": "BTCUSDT"})
                    await asyncio.sleep(chance.random() * 0.012)
                    reader.read()
                memory.kill()
                # The trader is killed, too: it goes on from its cursor.
                reader.read()
                cursor, numbers = reader.cursor, numbers + reader.numbers
        async with running("memory", data) as memory:
            await ready(memory)
            reader = SignalReader(data, cursor)
            await until(lambda: len(numbers) + reader.read() >= spool.seq)
            assert await memory.stop() == 0
        assert numbers + reader.numbers == list(range(1, spool.seq + 1)) == seqs(data, "ares")
    assert_consistent(data)

"""Memory as a real process: killed, cut off from its disk, lied to."""

import os
import resource
import time
from pathlib import Path

import orjson
import pytest

from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_json
from cq_tui.store.journal import JournalReader, last_lines
from tests.services.memory_process import chain_of, deleted, faults, flip, ready, spool_of
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, seqs


async def test_events_become_history_soon_and_the_files_agree_at_the_end(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    async with running("memory", data) as memory:
        await ready(memory)
        reader, waits = JournalReader(data.events), []
        reader.read_new()
        for number in range(30):
            spool.emit("signal_generated", {"number": number})
            emitted = time.monotonic()
            await until(lambda: any(b'"writer":"trader"' in line for line in reader.read_new()))
            waits.append(time.monotonic() - emitted)
        # About a millisecond on an idle machine (the wait itself looks every ten); half a second if nobody told of it.
        assert sorted(waits)[len(waits) // 4] < 0.1
        await until(lambda: memory.health["events_count"] == 31)
        assert await memory.stop() == 0
        health = memory.health
    spool.close()
    assert seqs(data) == list(range(1, 31))
    assert_consistent(data)
    assert health["chain_length"] == health["events_count"] + 1
    assert (health["status"], health["integrity_ok"]) == ("ok", True)
    state = read_json(data.state_of("memory"))
    assert (state["watermark"], state["faults"]) == (data.events.stat().st_size, [])


async def test_a_flipped_bit_is_reported_within_seconds_until_a_person_accepts_it(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(seqs(data)) == 20)
        flip(data.events, b'"number":7')
        looks: set[float] = set()

        def is_found() -> bool:
            looks.add(memory.health["last_integrity_check"])
            return str(memory.health["status"]) == "error"

        await until(is_found)
        assert len(looks) <= 3, "there is a look every second, and the first after the change finds it"
        assert memory.health["integrity_ok"] is False
        assert "event_chain.ndjson: what stands from byte 0 on" in faults(memory)
        await until(lambda: b"integrity_fault" in data.events.read_bytes())
        await until(lambda: chain_of(data).get("integrity_verified") is False)
        # It goes on remembering all the same.
        spool.emit("e", {"number": 20})
        await until(lambda: b'"number":20' in data.events.read_bytes())
        memory.kill()
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"] is False
        await until(lambda: "event_chain.ndjson at index 8: " in faults(memory))
        asked = issue_command(data, "acknowledge_faults", "memory", issued_by="room", target="all")
        answer = await wait_for_answer(data, asked)
        assert answer.outcome == "done"
        await until(lambda: memory.health["integrity_ok"])
    spool.close()


@pytest.mark.parametrize("act", ["replace", "append", "delete"])
async def test_a_history_changed_by_others_is_reported_and_nothing_is_lost(tmp_path: Path, act: str) -> None:
    """A process whose file was taken from under it ends; the next one takes in again what is missing."""
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(5):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(seqs(data)) == 5)
        if act == "replace":
            (data.root / "copy").write_bytes(data.events.read_bytes())
            (data.root / "copy").replace(data.events)
        elif act == "append":
            with data.events.open("ab") as file:
                file.write(b"rubbish\n")
        else:
            data.events.unlink()
        await until(lambda: memory.exit_code == 1)
    spool.emit("e", {"number": 5})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: seqs(data) == [1, 2, 3, 4, 5, 6])
        assert memory.health["integrity_ok"] is False
        assert "event_chain.ndjson" in faults(memory)
        assert await memory.stop() == 0
    spool.close()
    crashed = [orjson.loads(line) for line in last_lines(data.log_of("memory"), 50)]
    assert any("HistoryReplaced" in line.get("exception", "") for line in crashed)
    assert_consistent(data, verified=False)


@pytest.mark.parametrize("name", ["hash_chain.json", ".hash_chain.json.hidden"])
async def test_a_deleted_chain_document_is_restored(tmp_path: Path, name: str) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    async with running("memory", data) as memory:
        await ready(memory)
        spool.emit("e", {})
        await until(lambda: len(seqs(data)) == 1)
        await until(lambda: chain_of(data).get("chain_length", 0) >= 3)
        await until(lambda: deleted(data.memory / name))
        if not name.startswith("."):
            await until(lambda: "hash_chain.json: was deleted" in faults(memory))
        spool.emit("e", {})
        await until(lambda: chain_of(data).get("chain_length", 0) >= 4)
        assert await memory.stop() == 0
    spool.close()
    assert_consistent(data, verified=name.startswith("."))


async def test_a_full_disk_degrades_it_and_with_room_again_nothing_is_missing(tmp_path: Path) -> None:
    if not hasattr(resource, "prlimit"):
        pytest.skip("this system cannot limit another process")
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    async with running("memory", data) as memory:
        await ready(memory)
        for number in range(50):
            spool.emit("e", {"number": number, "fill": "x" * 400})
        # Chained as well: what is tried again and refused after that is nothing but new events.
        await until(lambda: chain_of(data).get("chain_length") == 52)
        limits = resource.prlimit(memory.pid, resource.RLIMIT_FSIZE)
        # Room for the small health file, not for the history.
        resource.prlimit(memory.pid, resource.RLIMIT_FSIZE, (20_000, limits[1]))
        for number in range(50, 60):
            spool.emit("e", {"number": number, "fill": "x" * 400})
        await until(lambda: memory.health["status"] == "degraded" and memory.health["backlog"] >= 10)
        assert "event_chain.ndjson: write failed" in memory.health["reason"]
        assert memory.health["integrity_ok"]
        assert seqs(data) == list(range(1, 51))
        resource.prlimit(memory.pid, resource.RLIMIT_FSIZE, limits)
        await until(lambda: memory.health["status"] == "ok")
        await until(lambda: len(seqs(data)) == 60)
        assert await memory.stop() == 0
    spool.close()
    assert seqs(data) == list(range(1, 61))
    assert_consistent(data)


async def test_rubbish_all_over_the_data_directory_stops_nothing(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data", MEMORY_SNAPSHOT_INTERVAL=1)
    for path in (data.tickers, data.account, data.state_of("memory"), data.snapshots / "snapshot_1.json"):
        path.write_bytes(b"\x00\xff{")
    (data.spool / "ares.ndjson").write_bytes(b"rubbish\n" * 1000)
    (data.spool / "we ird.ndjson").write_bytes(b"x\n")
    os.mkfifo(data.spool / "feeder.ndjson")
    with (data.spool / "room-1.ndjson").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    spool = spool_of(data)
    spool.emit("e", {})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: seqs(data) == [1])
        await until(lambda: memory.health["snapshots_count"] >= 2)
        await until(lambda: memory.health["status"] == "error")

        def named(name: str) -> bool:
            faults: list[str] = read_json(data.state_of("memory"))["faults"]
            return any(name in fault for fault in faults)

        await until(lambda: all(map(named, ("ares", "feeder", "room-1", "we ird"))))
        assert await memory.stop() == 0
    spool.close()
    assert (data.spool / "ares.ndjson").read_bytes() == b"rubbish\n" * 1000


async def test_a_long_backlog_is_merged_before_memory_is_ready(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(12_000):
        spool.emit("e", {"number": number, "fill": "x" * 800})
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["events_count"] >= 12_000
        assert await memory.stop() == 0
    assert seqs(data) == list(range(1, 12_001))
    spool.close()


async def test_a_second_memory_is_refused_also_without_the_lock_file(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with running("memory", data) as memory:
        await ready(memory)
        data.lock_of("memory").unlink()
        async with running("memory", data) as second:
            await until(lambda: second.exit_code is not None)
            assert second.exit_code not in (0, None)
        await until(lambda: memory.health["integrity_ok"])
        assert await memory.stop() == 0
    assert_consistent(data)

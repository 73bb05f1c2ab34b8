"""Memory as a real process: killed, cut off from its disk, lied to."""

import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.checkpoint import Checkpoint, read_unverified
from cq_tui.store.control import issue, wait_for_answer
from cq_tui.store.document import read_json, write_document
from cq_tui.store.history.verification import verify
from cq_tui.store.journal import JournalReader, last_lines
from cq_tui.store.snapshots.snapshot_file import read_snapshot_file, snapshot_bytes, snapshot_numbers, snapshot_path
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until
from tests.store.history.histories import assert_consistent, seqs


def spool_of(data: DataDir, writer: str = "trader") -> EventSpool:
    return EventSpool(data.spool, writer, quarantine=data.quarantine)


async def ready(service: RunningService) -> None:
    await until(lambda: service.health.get("ready"))


def faults(service: RunningService) -> str:
    return " ".join(service.health.get("faults") or [])


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
        # About a millisecond on an idle machine; the wait itself looks every ten.
        assert sorted(waits)[15] < 0.1
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


def flip(path: Path, marker: bytes) -> None:
    """Flip a bit of the first byte of a marker, in place and without a trace in name or size."""
    before = path.stat()
    with path.open("r+b") as file:
        place = file.read().index(marker)
        file.seek(place)
        file.write(bytes([marker[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_flipped_bit_shows_within_seconds_and_until_a_person_has_looked(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(seqs(data)) == 20)
        flip(data.events, b'"number":7')
        flipped = time.monotonic()
        await until(lambda: memory.health["status"] == "error")
        assert time.monotonic() - flipped < 5.0
        assert memory.health["integrity_ok"] is False
        assert "event_chain.ndjson: what stands from byte 0 on" in faults(memory)
        await until(lambda: b"integrity_fault" in data.events.read_bytes())
        await until(lambda: read_json(data.hash_chain)["integrity_verified"] is False)
        # It goes on remembering all the same.
        spool.emit("e", {"number": 20})
        await until(lambda: b'"number":20' in data.events.read_bytes())
        memory.kill()
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"] is False
        await until(lambda: "event_chain.ndjson at index 8: " in faults(memory))
        asked = issue(data, "acknowledge_faults", "memory", issued_by="room", target="all")
        answer = await wait_for_answer(data, asked)
        assert answer.outcome == "done"
        await until(lambda: memory.health["integrity_ok"])
    spool.close()


@pytest.mark.parametrize("act", ["replace", "append", "delete"])
async def test_a_history_that_others_touch_is_named_and_nothing_is_lost(tmp_path: Path, act: str) -> None:
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
    assert any("HistoryLost" in line.get("exception", "") for line in crashed)
    assert_consistent(data, verified=False)


@pytest.mark.parametrize("name", ["hash_chain.json", ".hash_chain.json.hidden"])
async def test_a_chain_document_that_is_deleted_comes_back(tmp_path: Path, name: str) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    async with running("memory", data) as memory:
        await ready(memory)
        spool.emit("e", {})
        await until(lambda: len(seqs(data)) == 1)
        await until(lambda: read_json(data.hash_chain)["chain_length"] >= 3)
        (data.memory / name).unlink()
        if not name.startswith("."):
            await until(lambda: "hash_chain.json: was deleted" in faults(memory))
        spool.emit("e", {})
        await until(lambda: data.hash_chain.exists() and read_json(data.hash_chain)["chain_length"] >= 4)
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
        await until(lambda: len(seqs(data)) == 50)
        limits = resource.prlimit(memory.pid, resource.RLIMIT_FSIZE)
        # Room for the small health file, not for the history.
        resource.prlimit(memory.pid, resource.RLIMIT_FSIZE, (20_000, limits[1]))
        for number in range(50, 60):
            spool.emit("e", {"number": number, "fill": "x" * 400})
        await until(lambda: memory.health["status"] == "degraded")
        assert "event_chain.ndjson: write failed" in memory.health["reason"]
        assert memory.health["backlog"] >= 10
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
        everything: Any = read_json(data.state_of("memory"))["faults"]
        for name in ("ares", "feeder", "room-1", "we ird"):
            assert any(name in fault for fault in everything)
        assert await memory.stop() == 0
    spool.close()
    assert (data.spool / "ares.ndjson").read_bytes() == b"rubbish\n" * 1000


async def test_a_long_backlog_is_taken_in_before_it_says_that_it_is_ready(tmp_path: Path) -> None:
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


async def test_snapshots_say_where_the_history_stood(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    write_document(data.settings, {"MEMORY_SNAPSHOT_INTERVAL": 1, "MEMORY_SNAPSHOTS_KEPT": 2})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(list(data.snapshots.glob("*.json"))) == 2)
        newest = max(data.snapshots.glob("*.json"))
        await until(lambda: newest not in data.snapshots.glob("*.json"))
        newest = max(data.snapshots.glob("*.json"))
        snapshot = read_json(newest)
        assert snapshot["data"]["system_state"]["active_services"] == ["memory"]
        assert snapshot["data"]["history"]["events_count"] == 1
        assert snapshot["data"]["history"]["merkle_root"] == memory.health["merkle_root"]
        assert len(list(data.snapshots.glob("*.json"))) <= 3


def checkpoint_of(memory: RunningService) -> Checkpoint:
    return read_unverified(memory.health["checkpoint"])


async def test_checkpoints_are_signed_and_a_restart_goes_on_from_the_snapshot(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health.get("anchored_count"))
        first = checkpoint_of(memory)
        assert memory.health["anchor_problem"] is None if "anchor_problem" in memory.health else True
        spool.emit("e", {"number": 50})
        await until(lambda: len(seqs(data)) == 51)
        assert await memory.stop() == 0
        last = checkpoint_of(memory)
        assert last.origin == first.origin
        assert last.size == memory.health["events_count"] >= 51
        assert last.root.hex() == memory.health["merkle_root"]
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"]
        # The beginning, which the snapshot let it skip, is verified in the background.
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        assert memory.health["missing_count"] == 0
        assert await memory.stop() == 0
    spool.close()
    found = verify(data, [first.size, last.size])
    assert (found.faults, found.roots) == ([], {first.size: first.root, last.size: last.root})
    assert_consistent(data)


async def test_damage_before_the_snapshot_is_found_in_the_background_and_named(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    flip(data.events, b'"number":7')
    async with running("memory", data) as memory:
        await until(lambda: memory.health.get("integrity_ok") is False)
        await until(lambda: "event_chain.ndjson at index 8: " in faults(memory))
        size = checkpoint_of(memory).size
        asked = issue(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "refused"
        assert checkpoint_of(memory).size == size, "nothing is signed while something is wrong"
        for _ in range(2):
            await accept_all(data)
        await until(lambda: memory.health["integrity_ok"])
        await until(lambda: b"integrity_acknowledged" in data.events.read_bytes())
        asked = issue(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "done"
        assert await memory.stop() == 0
    # What was accepted is not told again; a full check tells it all the same.
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: memory.health["last_full_check"] > memory.health["started_ts"])
        assert memory.health["integrity_ok"]
    spool.close()
    assert [fault.index for fault in verify(data).faults] == [8]


async def accept_all(data: DataDir) -> None:
    asked = issue(data, "acknowledge_faults", "memory", issued_by="cli", target="all", arguments={"comment": "seen"})
    answer = await wait_for_answer(data, asked)
    assert answer.outcome == "done", answer.message


async def test_an_old_copy_that_was_put_back_is_told_by_the_anchor_outside(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    shutil.copytree(data.root, tmp_path / "backup")
    for number in range(20, 40):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
        size = checkpoint_of(memory).size
    spool.close()
    shutil.rmtree(data.root)
    shutil.copytree(tmp_path / "backup", data.root)
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"] is False
        assert "are missing, or an old copy was put back" in faults(memory)
        assert memory.health["missing_count"] > 0
        await accept_all(data)
        await until(lambda: memory.health["integrity_ok"])
        asked = issue(data, "sign_checkpoint", "memory", issued_by="cli")
        assert (await wait_for_answer(data, asked)).outcome == "done"
        assert await memory.stop() == 0
        assert checkpoint_of(memory).size < size
    async with running("memory", data) as memory:
        await ready(memory)
        assert memory.health["integrity_ok"]


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


async def test_nothing_is_signed_before_everything_is_verified(tmp_path: Path) -> None:
    """A history that was rewritten while memory was away, its snapshot with it, never gets a signature."""
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(50):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
        signed = checkpoint_of(memory)
    content = data.events.read_bytes()
    changed = content.replace(b'"number":7}', b'"number":8}')
    assert changed != content
    data.events.write_bytes(changed)
    async with running("memory", data) as memory:
        await until(lambda: memory.health.get("integrity_ok") is False)
        assert await memory.stop() == 0
        assert checkpoint_of(memory) == signed
    spool.close()


async def test_a_snapshot_that_counts_wrong_costs_no_event(tmp_path: Path) -> None:
    """Numbers that it counted and that were never merged are taken in after all, by the next process."""
    data = data_directory(tmp_path / "data")
    spool = spool_of(data)
    for number in range(20):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await ready(memory)
        assert await memory.stop() == 0
    path = snapshot_path(data.snapshots, snapshot_numbers(data.snapshots)[-1])
    snapshot = read_snapshot_file(path)
    assert snapshot.data.history is not None
    snapshot.data.history.cursors["trader"] = 1000
    path.write_bytes(snapshot_bytes(snapshot.model_copy(update={"content_hash": None})))
    for number in range(20, 40):
        spool.emit("e", {"number": number})
    async with running("memory", data) as memory:
        await until(lambda: memory.exit_code == 1)
    async with running("memory", data) as memory:
        await ready(memory)
        await until(lambda: len(seqs(data)) == 40)
        assert memory.health["integrity_ok"] is False
        assert "counts other events" in faults(memory)
        assert await memory.stop() == 0
    spool.close()
    assert seqs(data) == list(range(1, 41))
    assert list(data.quarantine.glob("snapshot_*"))

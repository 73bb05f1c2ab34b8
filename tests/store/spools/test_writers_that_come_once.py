"""Spools of writers that come once: taken in, then deleted, and nothing lost on the way."""

import os
from pathlib import Path

import orjson

from tests.store.processes import program, word
from tests.store.spools.following import LATER, Memory, emit, kept, names, rewritten, spool_of


def test_the_spool_of_a_writer_that_is_gone_vanishes(folder: Path) -> None:
    memory = Memory(folder)
    with spool_of(folder, "cli-1a") as spool:
        emit(spool, 20)
        assert memory.take() == list(range(1, 21))
        assert names(folder) == ["cli-1a.ndjson"], "its writer lives"
        emit(spool, 1)
    memory.merge.trim(LATER)
    assert names(folder) == ["cli-1a.ndjson"], "not read yet"
    assert memory.collect() == [21]
    memory.merge.trim(LATER)
    assert names(folder) == ["cli-1a.ndjson"], "not durable yet"
    memory.settle()
    memory.merge.trim(LATER)
    assert names(folder) == []
    assert memory.take() == []
    assert memory.complaints == []


def test_a_new_memory_deletes_what_the_old_one_merged(folder: Path) -> None:
    for number in range(30):
        with spool_of(folder, f"cli-{number}") as spool:
            emit(spool, 2)
    memory = Memory(folder, {f"cli-{number}": 2 for number in range(30)})
    assert memory.take() == []
    assert names(folder) == []
    assert kept(folder) == b""


def test_half_a_line_of_a_writer_that_is_gone_is_kept(folder: Path) -> None:
    with spool_of(folder, "cli-1a") as spool:
        emit(spool, 2)
    with (folder / "cli-1a.ndjson").open("ab") as file:
        file.write(b'{"seq":3,"half')
    assert Memory(folder).take() == [1, 2]
    assert (names(folder), kept(folder)) == ([], b'{"seq":3,"half')


def test_an_empty_file_is_left_to_the_writer_that_may_be_about_to_lock_it(folder: Path) -> None:
    path = folder / "cli-1a.ndjson"
    path.touch()
    memory = Memory(folder)
    memory.collect()
    memory.merge.trim(path.stat().st_mtime + 59)
    assert names(folder) == [path.name]
    memory.merge.trim(path.stat().st_mtime + 61)
    assert names(folder) == []


ONCE = """
import sys
from pathlib import Path
from cq_tui.store.spools.spool import EventSpool, SpoolHeld
folder, count = Path(sys.argv[1]), int(sys.argv[2])
print("begins", flush=True)
for number in range(count):
    while True:
        try:
            spool = EventSpool(folder, f"cli-{number}", quarantine=folder.parent / "quarantine")
            break
        except SpoolHeld:
            continue
    spool.emit("e", {"n": number})
    spool.close()
"""


def test_no_event_is_lost_to_memory_that_deletes_while_a_writer_opens(folder: Path) -> None:
    """Memory takes even the youngest empty file for given up: the writer notices that its file has no name."""
    memory = Memory(folder)
    with program(ONCE, folder, 300) as process:
        assert word(process) == b"begins"
        while process.poll() is None:
            memory.take()
        assert process.returncode == 0
    memory.take()
    assert {event.writer for event in memory.events} == {f"cli-{number}" for number in range(300)}
    assert len(memory.events) == 300
    assert (names(folder), memory.complaints) == ([], [])


def test_a_lonely_number_is_taken_at_once(folder: Path) -> None:
    with spool_of(folder, "cli-1a") as spool:
        emit(spool, 1)
        path = folder / "cli-1a.ndjson"
        path.write_bytes(rewritten(path.read_bytes(), b'{"seq":1,', b'{"seq":9,'))
        memory = Memory(folder)
        assert memory.take() == [9]
    assert memory.take() == []
    assert names(folder) == []
    assert memory.complaints == ["spool/cli-1a.ndjson: events 1 to 8 are missing"]


def test_a_spool_that_was_missing_is_not_merged_twice(folder: Path) -> None:
    with spool_of(folder, "cli-1a") as spool:
        emit(spool, 2)
    memory = Memory(folder)
    assert memory.collect() == [1, 2]
    (folder / "cli-1a.ndjson").rename(folder.parent / "away")
    assert memory.collect() == []
    (folder.parent / "away").rename(folder / "cli-1a.ndjson")
    assert memory.collect() == []
    memory.settle()
    memory.merge.trim(LATER)
    assert names(folder) == []


def test_many_writers_cost_no_listing_each(folder: Path) -> None:
    """A thousand one-off spools of an older version are taken in and deleted at once."""
    line = {"seq": 1, "occurred_at": 1.0, "event_type": "e", "source": "cli", "data": {}, "metadata": {}}
    for number in range(1000):
        (folder / f"cli-{number:x}.ndjson").write_bytes(orjson.dumps(line) + b"\n")
    memory = Memory(folder)
    assert memory.take() == [1] * 1000
    assert (names(folder), os.listdir(folder.parent / "quarantine")) == ([], [])

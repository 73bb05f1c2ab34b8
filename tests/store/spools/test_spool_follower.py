"""Following spools that are closed, cut, deleted and given up while they are read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from cq_tui.store.history.writer import History, NewEvent
from cq_tui.store.spools import spool_follower
from cq_tui.store.spools.merge import SpoolMerge
from cq_tui.store.spools.spool import EventSpool
from cq_tui.store.spools.spool_files import closed_segments
from tests.store.history.histories import data_dir
from tests.store.processes import program, word

#: About three events of ours a segment.
SMALL = 400
#: Seconds by which every file is old.
LATER = 1e12


class Memory:
    """Merges into a list that is durable at once, unless it is told to wait."""

    def __init__(self, folder: Path, cursors: dict[str, int] | None = None) -> None:
        self.cursors = dict(cursors or {})
        self.merge = SpoolMerge(folder, folder.parent / "quarantine", self.cursors)
        self.complaints: list[str] = []
        self.events: list[NewEvent] = []

    def collect(self) -> list[int]:
        events, more = [], True
        while more:
            collected = self.merge.collect()
            events += collected.events
            self.complaints += collected.complaints
            more = collected.more
        self.events += events
        return [event.seq for event in events]

    def settle(self) -> None:
        for event in self.events:
            self.cursors[event.writer] = event.seq

    def take(self) -> list[int]:
        seqs = self.collect()
        self.settle()
        self.merge.trim(LATER)
        return seqs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir()
    (tmp_path / "quarantine").mkdir()
    return tmp_path / "spool"


@contextmanager
def spool_of(folder: Path, writer: str = "trader", segment_bytes: int = SMALL) -> Iterator[EventSpool]:
    spool = EventSpool(folder, writer, quarantine=folder.parent / "quarantine", segment_bytes=segment_bytes)
    try:
        yield spool
    finally:
        spool.close()


def emit(spool: EventSpool, count: int) -> None:
    for _ in range(count):
        spool.emit("e", {"fill": "x" * 30})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder.parent / "quarantine").iterdir()))


def test_what_is_durable_is_deleted_but_for_the_newest_segment(folder: Path) -> None:
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 20)
        before = names(folder)
        assert len(before) > 5
        assert memory.collect() == list(range(1, 21))
        memory.merge.trim(LATER)
        assert names(folder) == before, "taken, but not durable yet"
        memory.settle()
        memory.merge.trim(LATER)
        assert names(folder) == before[-2:]
        assert before[-1] == "trader.ndjson"
        emit(spool, 20)
        assert memory.take() == list(range(21, 41))
        assert len(names(folder)) == 2
    with spool_of(folder) as spool:
        emit(spool, 1)
    assert memory.take() == [41]
    assert memory.complaints == []


def test_a_new_memory_goes_on_where_the_history_ends(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 20)
        first, second, *_ = closed_segments(folder, "trader")
        # It has been merged and is not read again: what is in it now does not matter.
        first.path.write_bytes(b"rubbish\n")
        assert second.last_seq is not None
        memory = Memory(folder, {"trader": second.last_seq - 1})
        assert memory.take() == list(range(second.last_seq, 21))
        assert memory.complaints == []
        assert len(names(folder)) == 2
        assert Memory(folder, memory.cursors).take() == []


def test_segments_without_a_file_that_is_filled_are_merged(folder: Path) -> None:
    """Their writer died between closing one file and beginning the next."""
    with spool_of(folder) as spool:
        emit(spool, 3)
    (folder / "trader.ndjson").rename(folder / "trader.0000000000000003.ndjson")
    assert Memory(folder).take() == [1, 2, 3]


def test_the_backlog_is_counted(folder: Path) -> None:
    memory = Memory(folder)
    assert memory.merge.backlog() == (0, 0)
    with spool_of(folder) as spool, spool_of(folder, "ares", 10**6) as other:
        emit(spool, 20)
        emit(other, 5)
        size = sum(path.stat().st_size for path in folder.iterdir())
        for _ in range(2):
            assert memory.merge.backlog() == (25, size)
        memory.collect()
        assert memory.merge.backlog() == (0, 0)
        emit(spool, 1)
        emit(spool, 7)
        emit(other, 2)
        assert memory.merge.backlog()[0] == 10
        memory.take()
        assert memory.merge.backlog() == (0, 0)
        with (folder / "ares.ndjson").open("ab") as file:
            file.write(b'{"seq":8,"half')
        assert memory.merge.backlog() == (0, 0)


@pytest.mark.parametrize("number", range(1, 14))
@pytest.mark.parametrize("where", ["_inode", "closed_segments"])
def test_a_file_that_is_closed_while_memory_looks_is_no_gap(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, number: int
) -> None:
    """The writer goes through several files just before the n-th look at the folder."""
    with spool_of(folder) as spool:
        emit(spool, 2)
        memory = Memory(folder)
        calls = 0

        def before(look: Callable[..., object]) -> Callable[..., object]:
            def looking(*arguments: object) -> object:
                nonlocal calls
                calls += 1
                if calls == number:
                    emit(spool, 8)
                return look(*arguments)

            return looking

        monkeypatch.setattr(spool_follower, where, before(getattr(spool_follower, where)))
        for _ in range(6):
            memory.take()
            emit(spool, 3)
        memory.take()
    assert [event.seq for event in memory.events] == list(range(1, spool.seq + 1))
    assert memory.complaints == []
    assert len(names(folder)) == 2


# Writers that come once


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


def test_a_lonely_number_of_a_writer_that_is_gone_is_taken(folder: Path) -> None:
    with spool_of(folder, "cli-1a") as spool:
        emit(spool, 1)
        path = folder / "cli-1a.ndjson"
        path.write_bytes(path.read_bytes().replace(b'{"seq":1,', b'{"seq":9,'))
        memory = Memory(folder)
        assert memory.take() == [], "what comes next would tell"
        assert memory.merge.backlog()[0] == 1
    assert memory.take() == [9]
    assert names(folder) == []
    assert memory.complaints == ["spool/cli-1a.ndjson: events 1 to 8 are missing"]


# What people and disks do


def test_segments_that_somebody_deletes_are_a_gap_and_no_more(folder: Path) -> None:
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 5)
        memory.take()
        emit(spool, 12)
        first, second, *_ = [file for file in closed_segments(folder, "trader") if (file.last_seq or 0) > 5]
        second.path.unlink()
        lost = range((first.last_seq or 0) + 1, (second.last_seq or 0) + 1)
        memory.take()
        emit(spool, 3)
        memory.take()
    assert [event.seq for event in memory.events] == [seq for seq in range(1, 21) if seq not in lost]
    assert len(memory.complaints) == 1
    assert f"events {lost[0]} to {lost[-1]} are missing" in memory.complaints[0]


@pytest.mark.parametrize("left", [1, 0])
def test_a_spool_that_a_power_loss_cut_goes_on_from_the_history(tmp_path: Path, left: int) -> None:
    """The history is synced before the spools: their last lines may be gone, but are merged."""
    data = data_dir(tmp_path / "data")
    history = History(data, now=1.0)
    with spool_of(data.spool, segment_bytes=10**6) as spool:
        emit(spool, 10)
    memory = Memory(data.spool)
    memory.take()
    history.append(memory.events, 1.0)
    history.close()
    path = data.spool / "trader.ndjson"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: 4 * left]))
    with spool_of(data.spool, segment_bytes=10**6) as spool:
        assert spool.emit("e", {}) == 11
        assert memory.take() == [11]
        for cursor in (10, 11):
            restarted = Memory(data.spool, {"trader": cursor})
            assert restarted.take() == list(range(cursor + 1, 12))
            assert restarted.complaints == []
    assert memory.complaints == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_whole_folder_that_somebody_empties_costs_what_memory_had_not_read(folder: Path, when: str) -> None:
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 10)
        if when == "after":
            memory.take()
        for path in folder.iterdir():
            path.unlink()
        memory.take()
        emit(spool, 1)
        emit(spool, 1)
    memory.take()
    seqs = [event.seq for event in memory.events]
    # What stood in the file that is filled is written again by its writer.
    assert seqs == (list(range(1, 13)) if when == "after" else list(range(seqs[0], 13)))
    assert len(memory.complaints) == (when == "before")
    with spool_of(folder) as spool:
        emit(spool, 1)
    assert memory.take() == [13]


def test_a_spool_that_was_away_is_not_taken_twice(folder: Path) -> None:
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


def test_a_torn_tail_is_never_taken_and_its_number_is_used_again(folder: Path) -> None:
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 5)
    path = folder / "trader.ndjson"
    torn = b'{"seq":6,"occurred_at":1.0,"event_type":"e","source":"trader","data":{},"metadata":{}}'
    with path.open("ab") as file:
        file.write(torn)
    assert memory.take() == [1, 2, 3, 4, 5]
    with spool_of(folder) as spool:
        assert kept(folder) == torn
        emit(spool, 5)
    assert memory.take() == [6, 7, 8, 9, 10]
    assert memory.complaints == []


def test_the_end_of_a_closed_segment_that_is_no_line_is_kept(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 10)
        with closed_segments(folder, "trader")[0].path.open("ab") as file:
            file.write(b"half")
        memory = Memory(folder)
        assert memory.take() == list(range(1, 11))
    assert (len(names(folder)), kept(folder)) == (2, b"half")
    assert "last 4 bytes are no line" in memory.complaints[0]


def test_damaged_lines_stay_in_their_segment_until_quarantine_takes_them(folder: Path) -> None:
    quarantine = folder.parent / "quarantine"
    with spool_of(folder) as spool:
        emit(spool, 20)
        first = closed_segments(folder, "trader")[0].path
        bad = first.read_bytes().splitlines(keepends=True)[1].replace(b'"seq":2,', b'"seq":2222222,')
        first.write_bytes(first.read_bytes().replace(b'"seq":2,', b'"seq":2222222,'))
        quarantine.rmdir()
        quarantine.write_bytes(b"")
        memory = Memory(folder)
        assert memory.take() == [1, *range(3, 21)]
        assert any("quarantine refused them" in complaint for complaint in memory.complaints)
        memory.take()
        assert first.exists()
        quarantine.unlink()
        quarantine.mkdir()
        assert memory.take() == []
        assert (len(names(folder)), kept(folder)) == (2, bad)
    assert "kept in quarantine" in memory.complaints[-1]


def test_a_damaged_end_of_a_segment_does_not_keep_the_next_event_waiting(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 3)
        path = folder / "trader.ndjson"
        assert path.stat().st_size >= SMALL
        path.write_bytes(path.read_bytes().replace(b'{"seq":3,', b'{"SEQ":3,'))
        emit(spool, 1)
        memory = Memory(folder)
        assert memory.take() == [1, 2, 4]


def test_a_file_that_somebody_wrote_anew_in_place_is_read_from_its_start(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 3)
    path = folder / "trader.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    memory = Memory(folder)
    path.write_bytes(b"".join(lines[:2]))
    assert memory.take() == [1, 2]
    path.write_bytes(lines[0].replace(b"xx", b""))
    assert memory.take() == []
    path.write_bytes(b"".join(lines))
    assert memory.take() == [3]
    assert memory.complaints == []


def test_a_name_that_lies_about_its_last_number_stops_nothing(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 8)
        first, *_ = closed_segments(folder, "trader")
        first.path.rename(folder / "trader.0000000000000000.ndjson")
        (folder / "trader.9999999999999999.ndjson").write_bytes(b"")
        memory = Memory(folder, {"trader": 0})
        memory.take()
    assert "is no spool of ours" in memory.complaints[0]
    assert [event.seq for event in memory.events][-1] == 8


def test_a_spool_from_before_there_were_segments_is_merged_in_parts_and_given_up(folder: Path) -> None:
    with spool_of(folder, segment_bytes=10**9) as spool:
        for _ in range(8):
            spool.emit("e", {"fill": "x" * 900_000})
    memory = Memory(folder)
    first = memory.merge.collect()
    assert (len(first.events), first.more) == (4, True)
    with spool_of(folder) as spool:
        emit(spool, 5)
    memory.events += first.events
    assert memory.take() == list(range(5, 14))
    with spool_of(folder) as spool:
        emit(spool, 5)
    memory.take()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2000


def test_many_writers_cost_no_listing_each(folder: Path) -> None:
    """A thousand one-off spools of an older version are taken in and deleted at once."""
    line = {"seq": 1, "occurred_at": 1.0, "event_type": "e", "source": "cli", "data": {}, "metadata": {}}
    for number in range(1000):
        (folder / f"cli-{number:x}.ndjson").write_bytes(orjson.dumps(line) + b"\n")
    memory = Memory(folder)
    assert memory.take() == [1] * 1000
    assert (names(folder), os.listdir(folder.parent / "quarantine")) == ([], [])

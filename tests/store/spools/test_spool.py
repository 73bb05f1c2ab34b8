"""Spools: the numbering goes on, whatever ended the last writer."""

import fcntl
import math
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.events import SymbolReleased
from cq_tui.store.history.event_line import EventHeader, NewEvent, build_line
from cq_tui.store.journal import MAX_LINE_BYTES, JournalError
from cq_tui.store.spools.spool import EventSpool, SpoolHeld, UnspoolableEvent
from cq_tui.store.spools.spool_files import closed_segments, last_spooled_events
from tests.store.processes import finished, program, word


def spool_of(folder: Path, writer: str = "trader", **sizes: int) -> EventSpool:
    return EventSpool(folder, writer, quarantine=folder, **sizes)


def lines_of(folder: Path, writer: str = "trader") -> list[NewEvent]:
    """All that is there, closed segments first."""
    return last_spooled_events(folder, writer, 1_000_000)


def seqs_of(folder: Path, writer: str = "trader") -> list[int]:
    return [event.seq for event in lines_of(folder, writer)]


def emit(spool: EventSpool, count: int) -> None:
    for _ in range(count):
        spool.emit("e", {"fill": "x" * 100})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 250)), max_size=5))
def test_seq_has_no_gap_and_no_double_over_restarts_and_torn_tails(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    path = folder / "trader.ndjson"
    for count, cut in rounds:
        spool = spool_of(folder, segment_bytes=200)
        last = spool.seq
        assert [spool.emit("e", {"n": n}) for n in range(count)] == list(range(last + 1, last + count + 1))
        spool.close()
        content = path.read_bytes()
        # A crash tears at most the last line.
        start = content[:-1].rfind(b"\n") + 1
        path.write_bytes(content[: max(start, len(content) - cut)])
    spool_of(folder).close()
    assert [event.seq for event in lines_of(folder)] == list(range(1, len(lines_of(folder)) + 1))


def test_the_spooled_event_is_the_emitted_one(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, "room-1a2b")
    spool.emit("symbol_released", SymbolReleased(symbol="[red]\x1b", reason=None), metadata={"k": 1}, now=5.5)
    spool.emit("x", {"nan": math.nan}, durable=True)
    spool.close()
    first, second = lines_of(tmp_path, "room-1a2b")
    assert (first.seq, first.occurred_at, first.source, first.metadata) == (1, 5.5, "room", {"k": 1})
    assert first.data == {"symbol": "[red]\x1b"}
    assert second.data == {"nan": None}
    assert second.occurred_at > 1e9


@pytest.mark.parametrize("writer", ["", "Trader", "../x", "a b", "trader-", "trader-1-2", "tra\nder", "trader\n"])
def test_writers_have_plain_names(tmp_path: Path, writer: str) -> None:
    with pytest.raises(ValueError, match="spool writer"):
        spool_of(tmp_path, writer)


@pytest.mark.parametrize("data", [{"n": 2**70}, {"text": "\ud800"}, {"big": "x" * MAX_LINE_BYTES}, {"o": object()}])
def test_an_event_that_no_line_can_hold_is_refused_by_itself(tmp_path: Path, data: dict[str, object]) -> None:
    spool = spool_of(tmp_path)
    with pytest.raises(UnspoolableEvent, match="order_executed"):
        spool.emit("order_executed", data)
    assert spool.emit("order_executed", {}) == 1
    spool.close()
    assert len(lines_of(tmp_path)) == 1


def test_a_damaged_last_line_costs_its_own_number_only(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    for _ in range(3):
        spool.emit("e", {})
    spool.close()
    path = tmp_path / "trader.ndjson"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1], b"\x00" + lines[2][1:], b""]))
    spool = spool_of(tmp_path)
    assert spool.emit("e", {}) == 4
    spool.close()


def test_a_file_that_is_no_spool_at_all_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "trader.ndjson").write_bytes(b"not\nours\n")
    with pytest.raises(JournalError, match=r"trader.ndjson: .*Move the file"):
        spool_of(tmp_path)
    assert (tmp_path / "trader.ndjson").read_bytes() == b"not\nours\n"


def test_a_spool_that_was_moved_away_is_continued_from_the_history(tmp_path: Path) -> None:
    """Otherwise its new events would have the numbers of old ones and be dropped as doubles."""
    folder = tmp_path / "spool"
    folder.mkdir()
    head = EventHeader("evt_5_001", "5.000000", "e")
    nested = {"metadata": {"writer": "trader", "seq": 99}}
    lines = [build_line(head, "trader", nested, "trader", seq, 5.0, {}) for seq in (1, 2, 3)]
    lines += [build_line(head, "ares", {}, "ares", 70, 5.0, {}), b"\xff{", b""]
    (tmp_path / "event_chain.ndjson").write_bytes(b"\n".join(lines))
    for writer, seq in (("trader", 4), ("ares", 71), ("feeder", 1), ("room-1", 1)):
        spool = spool_of(folder, writer)
        assert spool.emit("e", {}) == seq
        spool.close()


def test_a_full_file_is_closed_and_named_by_its_last_event(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, segment_bytes=1000)
    emit(spool, 20)
    spool.close()
    closed = closed_segments(tmp_path, "trader")
    assert [file.path.name for file in closed] == [f"trader.{file.last_seq:016}.ndjson" for file in closed]
    for file in closed:
        lines = file.path.read_bytes().splitlines()
        assert orjson.loads(lines[-1])["seq"] == file.last_seq
        assert 1000 <= file.path.stat().st_size < 1300
    assert seqs_of(tmp_path) == list(range(1, 21))
    assert [event.seq for event in last_spooled_events(tmp_path, "trader", 7)] == list(range(14, 21))
    spool = spool_of(tmp_path, segment_bytes=1000)
    assert spool.emit("e", {}) == 21
    spool.close()


def test_the_number_continues_after_a_kill_between_two_files(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    emit(spool, 3)
    spool.close()
    (tmp_path / "trader.ndjson").rename(tmp_path / "trader.0000000000000003.ndjson")
    spool = spool_of(tmp_path)
    assert spool.emit("e", {}) == 4
    spool.close()


def test_a_writer_that_comes_once_keeps_to_one_file(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, "cli-1a", segment_bytes=1000)
    emit(spool, 50)
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["cli-1a.ndjson"]


HOLD = """
import sys, time
from pathlib import Path
from cq_tui.store.spools.spool import EventSpool
spool = EventSpool(Path(sys.argv[1]), "trader", quarantine=Path(sys.argv[1]), segment_bytes=1000)
for _ in range(20): spool.emit("e", {"fill": "x" * 100})
print("holds", flush=True)
time.sleep(60)
"""


def test_two_processes_cannot_be_the_same_writer(tmp_path: Path) -> None:
    with program(HOLD, tmp_path) as process:
        assert word(process) == b"holds"
        with pytest.raises(SpoolHeld, match=r"trader.ndjson: another process writes as 'trader'. Stop it"):
            spool_of(tmp_path)
        process.kill()
        process.wait()
    spool = spool_of(tmp_path)
    with pytest.raises(SpoolHeld):
        spool_of(tmp_path)
    assert spool.emit("e", {}) == 21
    spool.close()


def test_a_spool_that_could_not_be_opened_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "trader.ndjson"
    path.write_bytes(b"rubbish\n")
    for _ in range(2):
        with pytest.raises(JournalError, match="no spooled events"):
            spool_of(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(JournalError, match=r"trader.ndjson: cannot be opened for writing \(is no regular file. Move"):
        spool_of(tmp_path)
    path.rmdir()
    spool = spool_of(tmp_path)
    assert spool.emit("e", {}) == 1
    spool.close()


def test_what_memory_does_not_take_in_is_bounded(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, segment_bytes=1000, limit_bytes=5000)
    with pytest.raises(JournalError, match=r"events wait for memory, which does not merge them. Start it"):
        emit(spool, 50)
    last = spool.seq
    assert seqs_of(tmp_path) == list(range(1, last + 1))
    assert 4500 < sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000
    with pytest.raises(JournalError, match="Start it"):
        emit(spool, 1)
    spool.close()
    spool = spool_of(tmp_path, segment_bytes=1000, limit_bytes=5000)
    with pytest.raises(JournalError, match="Start it"):
        emit(spool, 1)
    closed_segments(tmp_path, "trader")[0].path.unlink()
    assert spool.emit("e", {"fill": "x" * 100}) == last + 1
    spool.close()


def test_a_failed_rename_stops_nothing(tmp_path: Path) -> None:
    """The name of a closed segment is longer; here the file system takes only the shorter one."""
    writer = "t" * 240
    spool = spool_of(tmp_path, writer, segment_bytes=1000, limit_bytes=20_000)
    with pytest.raises(JournalError, match="wait for memory"):
        emit(spool, 200)
    spool.close()
    lines = (tmp_path / f"{writer}.ndjson").read_bytes().splitlines()
    assert [orjson.loads(line)["seq"] for line in lines] == list(range(1, spool.seq + 1))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_has_the_name_of_a_segment_is_left_alone(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, segment_bytes=400)
    emit(spool, 2)
    taken = tmp_path / "trader.0000000000000002.ndjson"
    taken.write_bytes(b"mine\n")
    emit(spool, 6)
    spool.close()
    assert taken.read_bytes() == b"mine\n"
    assert len(closed_segments(tmp_path, "trader")) > 1


def test_a_file_that_is_deleted_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cli-1a.ndjson"
    lock, times = fcntl.flock, iter(range(3))

    def late(descriptor: int, operation: int) -> None:
        if next(times, None) is not None:
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    spool = spool_of(tmp_path, "cli-1a")
    assert spool.emit("e", {}) == 1
    spool.close()
    assert seqs_of(tmp_path, "cli-1a") == [1]


OUT_OF_FILES = """
import os, resource, sys
from pathlib import Path
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool import EventSpool
folder = Path(sys.argv[1])
spool = EventSpool(folder, "trader", quarantine=folder, segment_bytes=1000)
while (folder / "trader.ndjson").stat().st_size < 1000: spool.emit("e", {"fill": "x" * 100})
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
for _ in range(3):
    try: spool.emit("e", {})
    except JournalError as error: print(error)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(spool.emit("e", {}))
"""


def test_a_file_that_cannot_be_begun_is_begun_with_a_later_event(tmp_path: Path) -> None:
    *errors, last = finished(OUT_OF_FILES, tmp_path).splitlines()
    assert len(errors) == 3
    assert all("Too many open files" in error for error in errors)
    assert seqs_of(tmp_path) == list(range(1, int(last) + 1))
    assert len(closed_segments(tmp_path, "trader")) == 1


@pytest.mark.parametrize("act", ["delete", "move", "replace"])
def test_a_file_that_is_taken_from_under_its_writer_costs_nothing(tmp_path: Path, act: str) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    path = folder / "trader.ndjson"
    spool = spool_of(folder)
    emit(spool, 5)
    if act == "delete":
        path.unlink()
    else:
        path.rename(tmp_path / "moved")
    if act == "replace":
        path.write_bytes(b"".join((tmp_path / "moved").read_bytes().splitlines(keepends=True)[:3]))
    emit(spool, 2)
    spool.close()
    assert seqs_of(folder) == [1, 2, 3, 4, 5, 6, 7]
    spool = spool_of(folder)
    assert spool.emit("e", {}) == 8
    spool.close()


def test_a_missing_folder_is_reported_and_loses_nothing_once_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    spool = spool_of(folder)
    emit(spool, 1)
    folder.rename(tmp_path / "moved")
    with pytest.raises(JournalError, match="cannot be opened"):
        emit(spool, 500_000)
    folder.mkdir()
    emit(spool, 1)
    spool.close()
    assert seqs_of(folder) == list(range(1, spool.seq + 1))


def test_a_damaged_last_number_is_not_counted_on(tmp_path: Path) -> None:
    spool = spool_of(tmp_path)
    emit(spool, 4)
    spool.close()
    path = tmp_path / "trader.ndjson"
    path.write_bytes(path.read_bytes().replace(b'{"seq":4,', b'{"seq":4000000,'))
    spool = spool_of(tmp_path)
    assert spool.emit("e", {}) == 5
    spool.close()


def test_the_last_events_are_those_that_are_sound(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, segment_bytes=400)
    emit(spool, 9)
    spool.close()
    path = closed_segments(tmp_path, "trader")[-1].path
    path.write_bytes(path.read_bytes().replace(b'"fill":"xx', b'"fill":"xy', 1))
    seqs = seqs_of(tmp_path)
    assert len(seqs) == 8
    assert (seqs[0], seqs[-1]) == (1, 9)
    assert [event.seq for event in last_spooled_events(tmp_path, "trader", 1)] == [9]
    (tmp_path / "trader.ndjson").unlink()
    (tmp_path / "trader.ndjson").mkdir()
    assert last_spooled_events(tmp_path, "trader", 9) == []

"""Spools that people and disks cut, empty or damage while they are followed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.spool_files import closed_segments
from cq_tui.store.spools.spooled_line import build_spooled_line
from tests.store.history.histories import data_dir
from tests.store.spools.following import SMALL, Memory, emit, kept, names, rewritten, spool_of


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
def test_a_spool_truncated_by_a_power_loss_continues_from_the_history(tmp_path: Path, left: int) -> None:
    """The history is synced before the spools: their last lines may be gone, but are merged."""
    data = data_dir(tmp_path / "data")
    history = HistoryWriter(data, now=1.0)
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


def test_a_torn_tail_is_never_merged_and_its_number_is_reused(folder: Path) -> None:
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


def test_a_file_rewritten_in_place_is_read_from_its_start(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 3)
    path = folder / "trader.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    memory = Memory(folder)
    path.write_bytes(b"".join(lines[:2]))
    assert memory.take() == [1, 2]
    path.write_bytes(rewritten(lines[0], b"xx", b""))
    assert memory.take() == []
    path.write_bytes(b"".join(lines))
    assert memory.take() == [3]
    assert memory.complaints == []


def test_a_segment_name_with_a_wrong_last_number_stops_nothing(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 8)
        first, *_ = closed_segments(folder, "trader")
        first.path.rename(folder / "trader.0000000000000000.ndjson")
        (folder / "trader.9999999999999999.ndjson").write_bytes(b"")
        memory = Memory(folder, {"trader": 0})
        memory.take()
    assert "is no spool of ours" in memory.complaints[0]
    assert [event.seq for event in memory.events][-1] == 8


LINES = [
    build_spooled_line(seq, 1.0, "e", "trader", {"n": seq, "fill": "x" * (seq * 7 % 40)}, {}) for seq in range(1, 13)
]
SIZE = sum(map(len, LINES)) + len(LINES)


@given(st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, 300), st.binary(max_size=40)), min_size=1, max_size=4))
def test_whatever_happens_to_its_bytes_each_line_that_is_whole_is_merged_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, wounds: list[tuple[int, int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("data") / "spool"
    folder.mkdir()
    (folder.parent / "quarantine").mkdir()
    content = b"\n".join((*LINES, b""))
    for place, removed, added in wounds:
        content = content[:place] + added + content[place + removed :]
    (folder / "trader.ndjson").write_bytes(content)
    left = content.split(b"\n")[:-1]
    memory = Memory(folder)
    assert memory.take() == [seq for seq, line in enumerate(LINES, 1) if line in left]
    assert all(event.data["n"] == event.seq for event in memory.events)
    with spool_of(folder, segment_bytes=10**6) as spool:
        emit(spool, 1)
        assert memory.take() == [spool.seq]

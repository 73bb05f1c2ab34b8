"""Following spools that are closed and given up while they are read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.store.spools import spool_follower
from cq_tui.store.spools.spool_files import closed_segments
from tests.store.spools.following import LATER, Memory, emit, names, spool_of


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


def test_a_new_memory_process_continues_at_the_end_of_the_history(folder: Path) -> None:
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

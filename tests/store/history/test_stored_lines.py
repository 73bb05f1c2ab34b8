"""Lines of any length: however long one is, only so much of it is held, and no other is lost."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.store.history.hash_chain import DOCUMENT_START
from cq_tui.store.history.stored_lines import BlockLines, EventLines
from cq_tui.store.history.verification import verify
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG
from cq_tui.store.spools.last_merged import last_merged_seq
from tests.store.history.histories import data_dir, event, event_lines, made

MIB = 1024 * 1024
LONG = 40 * MIB


def most_held(act: Callable[[], object]) -> int:
    """The most bytes that were held at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lines_and_bytes(path: Path, count: int) -> tuple[list[bytes], bytes]:
    lines, found, passed = EventLines(path), list[bytes](), b""
    try:
        while (peeked := lines.peek(count))[1]:
            assert lines.peek(count) == peeked
            found += peeked[1]
            for part in lines.consume(peeked[0]):
                passed += part
            assert lines.offset == len(passed)
        return found, passed
    finally:
        lines.close()


@pytest.mark.parametrize("count", [1, 3, 256])
@pytest.mark.parametrize("end", [b"", b"rest", b"r" * (3 * MIB)])
def test_a_line_that_is_too_long_comes_alone_and_is_passed_byte_for_byte(
    tmp_path: Path, count: int, end: bytes
) -> None:
    path = tmp_path / "events"
    whole = [b"a", b"", b"b" * (MAX_LINE_BYTES + 200), b"c" * (9 * MIB), b"d", b"\xff", b"e" * (5 * MIB), b"f"]
    content = b"".join(line + b"\n" for line in whole)
    path.write_bytes(content + end)
    found, passed = lines_and_bytes(path, count)
    assert found == [line if len(line) < 2 * MIB else OVERLONG for line in whole]
    assert passed == content


def test_blocks_that_are_too_long_count_as_one(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    path.write_bytes(DOCUMENT_START + b"a,\n" + b"b" * (9 * MIB) + b",\nc,\n" + b"d" * (3 * MIB))
    blocks, found = BlockLines.from_start(path, has_tail=False), list[bytes]()
    while (line := blocks.next_line) is not None:
        found.append(line[:1])
        assert len(line) < 3 * MIB
        blocks.advance()
    blocks.close()
    assert found == [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize("name", ["events", "hash_chain"])
def test_a_file_without_line_feeds_is_not_buffered(tmp_path: Path, name: str) -> None:
    data = made(tmp_path, 300)
    path: Path = getattr(data, name)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size + LONG)
    found = []
    assert most_held(lambda: found.append(verify(data))) < LONG / 2
    assert (found[0].events, found[0].torn_bytes) == (300, LONG if name == "events" else 0)
    assert (found[0].fault_count == 0) == (name == "events")
    assert most_held(lambda: last_merged_seq(data.events, "nobody")) < LONG / 2


def test_an_event_that_was_written_over_with_too_much_is_one_fault(tmp_path: Path) -> None:
    data = made(tmp_path, 30)
    lines = event_lines(data)
    lines[9] = bytes(LONG)
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    assert most_held(lambda: HistoryWriter(data, now=2000.0).close()) < LONG / 2
    history = HistoryWriter(data, now=2000.0)
    assert history.events == 30
    assert [fault.index for fault in history.faults] == [10]
    assert history.scrub() is None
    history.append([event(31)], 2001.0)
    history.close()
    assert len(event_lines(data)) == 31
    assert list(data.quarantine.iterdir()) == []


def test_what_is_no_event_and_too_long_is_moved_away(tmp_path: Path) -> None:
    data = made(tmp_path, 30)
    before = data.events.read_bytes()
    torn = bytes(LONG) + b"\n" + b"not an event\n"
    data.events.write_bytes(before + torn)
    history = HistoryWriter(data, now=2000.0)
    history.append([event(31)], 2001.0)
    history.close()
    assert data.events.read_bytes().startswith(before)
    assert len(event_lines(data)) == 31
    assert [path.stat().st_size for path in data.quarantine.iterdir()] == [len(torn)]


def test_many_lines_of_the_greatest_length_are_not_held_together(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    for seq in range(1, 41):
        history.append([event(seq, fill="x" * (MIB - 2000))], 1000.0)
    history.close()
    assert most_held(lambda: verify(data)) < 24 * MIB
    assert verify(data).faults == []
    damaged = data.events.read_bytes().replace(b'"n":30,', b'"n":31,')
    data.events.write_bytes(damaged)
    assert [fault.index for fault in verify(data).faults] == [30]

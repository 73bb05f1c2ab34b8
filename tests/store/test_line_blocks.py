"""Lines in blocks: every line once, in order, with its place, however the blocks fall."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG
from cq_tui.store.line_blocks import LineBlock, blocks, blocks_backwards, count_line_feeds, lines_with

LINES = st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"~")), max_size=12)


def places(found: list[LineBlock]) -> list[tuple[int, bytes]]:
    listed = []
    for offset, lines in found:
        for line in lines:
            listed.append((offset, line))
            offset += len(line) + 1
    return listed


@given(before=LINES, lines=LINES, after=st.binary(max_size=9), size=st.integers(1, 40))
def test_every_line_comes_once_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], lines: list[bytes], after: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "file"
    first = b"".join(line + b"\n" for line in before)
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(first + content + after)
    start, end = len(first), len(first + content)
    expected, offset = [], start
    for line in lines:
        expected.append((offset, line))
        offset += len(line) + 1
    with path.open("rb") as file:
        assert places([*blocks(file, start, end, size)]) == expected
        assert places([*blocks_backwards(file, start, end, size)][::-1]) == expected
        assert count_line_feeds(file, start, end) == len(lines)
        for mark in (b"\x00", b"~"):
            assert [*lines_with(file, start, end, mark, size)] == [line for line in lines if mark in line]


def test_an_overlong_line_is_not_buffered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\n" + b"x" * (MAX_LINE_BYTES * 3) + b"\nb\nc\n")
    behind = 2 + MAX_LINE_BYTES * 3 + 1
    with path.open("rb") as file:
        end = path.stat().st_size
        forwards = [*blocks(file, 0, end)]
        backwards = [*blocks_backwards(file, 0, end)][::-1]
        marked = [*lines_with(file, 0, end, b"b"), *lines_with(file, 0, end, b"x")]
        counts = [count_line_feeds(file, 0, stop) for stop in (1, 2, behind, end, 10**9)]
    assert marked == [b"b"]
    assert counts == [0, 1, 2, 4, 4]
    # What follows an overlong line is in a block of its own, since places are counted by length.
    for found in (forwards, backwards):
        first, overlong = places(found[:-1])
        assert first == (0, b"a")
        assert overlong[0] == 2
        assert overlong[1].endswith(OVERLONG)
        assert len(overlong[1]) < 2 * MAX_LINE_BYTES
        assert places(found[-1:]) == [(behind, b"b"), (behind + 2, b"c")]


def test_a_file_that_was_cut_meanwhile_has_no_more_lines(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\n")
    with path.open("rb") as file:
        assert places([*blocks(file, 0, 100)]) == [(0, b"a"), (2, b"b")]
        assert [*blocks_backwards(file, 0, 100)] == []

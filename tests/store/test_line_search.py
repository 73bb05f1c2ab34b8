"""Searching sorted lines by bytes, with and without damage among them."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.journal import MAX_LINE_BYTES
from cq_tui.store.line_search import Key, PositionedLine, find_first, lines_from


def key_of(line: bytes) -> Key | None:
    """The number a line begins with; a damaged line has none."""
    number = line.split(b" ")[0]
    return (int(number),) if number.isdigit() else None


def search(lines: Sequence[bytes], wanted: int) -> PositionedLine | None:
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        return find_first(file, key_of, (wanted,))


#: Sorted numbers with text of very different length after them, and lines that are none of ours between.
NUMBERS = st.lists(st.integers(0, 200), max_size=60).map(sorted)
TEXTS = st.lists(st.sampled_from([b"", b"x" * 40, b"y" * 900, b"z" * 9000]), min_size=60, max_size=60)
DAMAGED = st.dictionaries(st.integers(0, 60), st.sampled_from([b"", b"?" * 5000, b"-3 nonsense", b"\x00" * 30000]))


@given(NUMBERS, TEXTS, DAMAGED, st.integers(-1, 201))
def test_the_first_line_that_is_not_below_is_found(
    numbers: list[int], texts: list[bytes], damaged: dict[int, bytes], wanted: int
) -> None:
    lines: list[bytes] = []
    for place, (number, text) in enumerate(zip(numbers, texts, strict=False)):
        lines += [damaged[place]] if place in damaged else []
        lines.append(b"%d %b" % (number, text))
    lines += [damaged[60]] if 60 in damaged else []
    expected = next((line for line in lines if (key := key_of(line)) is not None and key >= (wanted,)), None)
    found = search(lines, wanted)
    assert (found.line if found else None) == expected
    if found:
        content = b"".join(line + b"\n" for line in lines)
        assert content[found.offset :].startswith(found.line + b"\n")
        assert found.offset == sum(len(line) + 1 for line in lines[: lines.index(found.line)])


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 9))
def test_lines_out_of_order_never_make_it_loop(numbers: list[int], wanted: int) -> None:
    found = search([b"%d %b" % (number, b"x" * 700) for number in numbers], wanted)
    assert found is None or (key_of(found.line) or ()) >= (wanted,)


def test_a_million_lines_are_hardly_read(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%d some words\n" % number for number in range(0, 400_000, 2)))
    asked = 0

    def counted(line: bytes) -> Key | None:
        nonlocal asked
        asked += 1
        return key_of(line)

    with path.open("rb") as file:
        for wanted in (0, 1, 31_416, 399_998):
            assert find_first(file, counted, (wanted,)) == next(
                place for place in lines_from(file, 0) if (key_of(place.line) or ()) >= (wanted,)
            )
        assert find_first(file, counted, (400_000,)) is None
    assert asked < 5 * 500


def test_a_torn_last_line_is_no_line() -> None:
    assert list(lines_from(io.BytesIO(b"1\n2\n3"), 0)) == [PositionedLine(0, b"1"), PositionedLine(2, b"2")]
    assert list(lines_from(io.BytesIO(b"11\n2\n3\n"), 1, is_start=False)) == [
        PositionedLine(3, b"2"),
        PositionedLine(5, b"3"),
    ]
    assert list(lines_from(io.BytesIO(b"1\n2\n3\n"), 0, 2)) == [PositionedLine(0, b"1")]
    assert list(lines_from(io.BytesIO(b""), 0)) == []


@pytest.mark.parametrize("surplus", [1, 2, 3 * MAX_LINE_BYTES])
def test_an_endless_line_is_left_out(surplus: int) -> None:
    endless = b"5 " + b"x" * (MAX_LINE_BYTES - 2 + surplus)
    lines = lines_from(io.BytesIO(b"1\n" + endless + b"\n2\n"), 0)
    assert list(lines) == [PositionedLine(0, b"1"), PositionedLine(len(endless) + 3, b"2")]

"""Following what the chain covers: every such line once, no other, whatever stands between them."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalError
from cq_tui.store.reading.chained_lines import ChainedLines, RefusedLines
from tests.store.history.histories import data_dir, event, event_lines, made


def read(lines: ChainedLines) -> list[bytes]:
    """Read to the end."""
    found = lines.read_new()
    while lines.has_more:
        found += lines.read_new()
    return [each.line for each in found]


class Growing:
    """A history that grows: lines first, blocks when they are flushed."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self.writer = HistoryWriter(data, now=50.0)
        self._seq = self.writer.cursors.get("trader", 0)

    def append(self, count: int = 1) -> list[bytes]:
        batch = [event(self._seq + number) for number in range(1, count + 1)]
        self._seq += count
        return self.writer.append(batch, 1000.0 + self._seq)

    def write(self, content: bytes) -> None:
        """Write into the events file as somebody else would."""
        with self.data.events.open("ab") as file:
            file.write(content)


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Growing]:
    growing = Growing(data_dir(tmp_path))
    yield growing
    growing.writer.close()


def test_a_line_is_returned_once_it_has_its_block(growing: Growing) -> None:
    lines = ChainedLines(growing.data, 0)
    assert read(lines) == []
    first = growing.append(3)
    assert read(lines) == []
    assert lines.waiting_bytes() == growing.data.events.stat().st_size
    growing.writer.flush_chain()
    second = growing.append(2)
    assert read(lines) == first
    assert read(lines) == []
    growing.writer.flush_chain()
    assert read(lines) == second
    assert (lines.waiting_bytes(), lines.take_refused()) == (0, [])


def forged(seq: int) -> bytes:
    """A line that nothing but its missing block tells from memory's."""
    return (
        b'{"event_id":"evt_1009_%03d","timestamp":1009.000000,"event_type":"signal_generated","source":"ares",'
        b'"data":{},"metadata":{"writer":"ares","seq":%d,"occurred_at":1.0}}\n' % (seq, seq)
    )


FORGERIES: dict[str, Callable[[Growing], bytes]] = {
    "an event": lambda growing: forged(1),
    "several events": lambda growing: forged(1) + forged(2) + forged(3),
    "of the future": lambda growing: forged(1).replace(b"1009", b"9009"),
    "a copy": lambda growing: growing.data.events.read_bytes().split(b"\n")[0] + b"\n",
    "rubbish": lambda growing: b"\x00\xff rubbish\n\n\n",
    "very long": lambda growing: b"x" * (5 * 1024 * 1024) + b"\n",
    "many": lambda growing: forged(1) * 50_000,
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_was_written_between_is_refused_once_and_shifts_nothing(growing: Growing, kind: str) -> None:
    lines = ChainedLines(growing.data, 0)
    before = growing.append(2)
    growing.writer.flush_chain()
    assert read(lines) == before
    place, content = growing.data.events.stat().st_size, FORGERIES[kind](growing)
    growing.write(content)
    assert read(lines) == []
    after = growing.append(2)
    assert read(lines) == []
    growing.writer.flush_chain()
    last = growing.append()
    growing.writer.flush_chain()
    assert read(lines) == after + last
    assert lines.take_refused() == [RefusedLines(place, content.count(b"\n"))]
    assert lines.take_refused() == []
    restarted = ChainedLines(growing.data, None)
    assert (read(restarted), restarted.offset) == ([], growing.data.events.stat().st_size)


def test_a_changed_line_is_refused_and_those_around_it_are_not(tmp_path: Path) -> None:
    data = made(tmp_path, 9)
    content = event_lines(data)
    changed = [*content]
    changed[4] = changed[4].replace(b'"n":5', b'"n":6')
    data.events.write_bytes(b"\n".join([*changed, b""]))
    lines = ChainedLines(data, 0)
    assert read(lines) == content[:4] + content[5:]
    assert [each.lines for each in lines.take_refused()] == [1]


def test_changed_last_lines_are_not_returned_and_later_ones_are(growing: Growing) -> None:
    first = growing.append(4)
    growing.writer.flush_chain()
    content = growing.data.events.read_bytes()
    with growing.data.events.open("r+b") as file:
        file.write(content.replace(b'"n":3', b'"n":5').replace(b'"n":4', b'"n":5'))
    lines = ChainedLines(growing.data, 0)
    assert read(lines) == first[:2]
    later = growing.append(2)
    growing.writer.flush_chain()
    assert read(lines) == later
    assert [each.lines for each in lines.take_refused()] == [2]


def test_every_line_comes_once_whenever_it_is_restarted(tmp_path: Path) -> None:
    chance = random.Random(7)
    growing, seen, wanted = Growing(data_dir(tmp_path)), list[bytes](), list[bytes]()
    lines = ChainedLines(growing.data, 0)
    for _ in range(200):
        if chance.random() < 0.3:
            growing.write(forged(chance.randrange(1, 999)))
        wanted += growing.append(chance.randrange(4))
        if chance.random() < 0.5:
            growing.writer.flush_chain()
        if chance.random() < 0.7:
            seen += read(lines)
        if chance.random() < 0.3:
            lines = ChainedLines(growing.data, lines.offset)
    wanted += growing.append()
    growing.writer.flush_chain()
    seen += read(lines)
    assert seen == wanted
    growing.writer.close()


def test_a_cursor_beyond_what_is_covered_loses_and_repeats_nothing(growing: Growing) -> None:
    """A version that did not wait for the chain stored such cursors."""
    growing.append(3)
    growing.writer.flush_chain()
    growing.append(2)
    lines = ChainedLines(growing.data, growing.data.events.stat().st_size)
    growing.writer.flush_chain()
    assert read(lines) == []
    last = growing.append()
    growing.writer.flush_chain()
    assert read(lines) == last


def test_none_starts_after_what_is_covered(growing: Growing) -> None:
    growing.append(2)
    growing.writer.flush_chain()
    new = growing.append(2)
    lines = ChainedLines(growing.data, None)
    assert read(lines) == []
    growing.writer.flush_chain()
    assert read(lines) == new


def test_without_a_chain_nothing_is_returned_until_there_is_one(tmp_path: Path) -> None:
    data = made(tmp_path, 6)
    content = event_lines(data)
    data.hash_chain.rename(tmp_path / "aside")
    lines = ChainedLines(data, 0)
    late = ChainedLines(data, None)
    assert (read(lines), read(late)) == ([], [])
    growing = Growing(data)
    new = growing.append()
    growing.writer.flush_chain()
    assert read(lines) == content + new
    assert read(late) == new
    growing.writer.close()


def test_a_replaced_file_continues_after_the_last_line(growing: Growing) -> None:
    lines = ChainedLines(growing.data, 0)
    first = growing.append(3)
    growing.writer.flush_chain()
    assert read(lines) == first
    copy = growing.data.root / "copy"
    copy.write_bytes(growing.data.events.read_bytes())
    copy.replace(growing.data.events)
    growing.writer.close()
    again = Growing(growing.data)
    new = again.append(2)
    again.writer.flush_chain()
    assert read(lines) == new
    assert lines.replacements == 1
    again.writer.close()


def test_a_tail_cut_off_again_hides_nothing(growing: Growing) -> None:
    """As memory does at its start with what was never synced."""
    lines = ChainedLines(growing.data, 0)
    first = growing.append()
    growing.writer.flush_chain()
    size = growing.data.events.stat().st_size
    growing.write(b"torn")
    assert read(lines) == first
    growing.writer.close()
    again = Growing(growing.data)
    assert growing.data.events.stat().st_size == size
    new = again.append()
    again.writer.flush_chain()
    assert read(lines) == new
    again.writer.close()


def test_a_missing_file_is_an_error_and_no_block_is_passed_over(growing: Growing) -> None:
    lines = ChainedLines(growing.data, 0)
    first = growing.append(2)
    growing.writer.flush_chain()
    aside = growing.data.root / "aside"
    growing.data.events.rename(aside)
    with pytest.raises(JournalError, match=r"event_chain\.ndjson: is missing"):
        lines.read_new()
    assert not lines.has_more
    aside.rename(growing.data.events)
    assert read(lines) == first


@pytest.mark.parametrize("start", [0, None])
def test_a_file_that_cannot_be_read_at_first_is_read_later(tmp_path: Path, start: int | None) -> None:
    data = made(tmp_path, 3)
    data.events.rename(tmp_path / "aside")
    data.events.symlink_to(tmp_path / "aside")
    lines = ChainedLines(data, start)
    assert lines.offset == 0
    with pytest.raises(OSError, match="symbolic link"):
        lines.read_new()
    data.events.unlink()
    (tmp_path / "aside").rename(data.events)
    assert read(lines) == (event_lines(data) if start == 0 else [])


def test_what_stands_before_an_endless_line_is_read(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    content, whole = event_lines(data), data.events.read_bytes()
    endless = content[0] + b"\n" + b"x" * (5 * 1024 * 1024)
    with data.events.open("r+b") as file:
        file.write(endless)
    lines = ChainedLines(data, 0)
    assert [each.line for each in lines.read_new()] == content[:1]
    for _ in range(2):
        with pytest.raises(JournalError, match="does not end"):
            lines.read_new()
        assert (lines.has_more, lines.offset) == (False, len(content[0]) + 1)
    with data.events.open("r+b") as file:
        file.truncate(file.write(whole))
    assert read(lines) == content[1:]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["line", "forged", "changed", "dropped", "unblocked"]), st.integers(0, 99)),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_what_is_returned_is_what_both_files_have_in_order(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, int]], start: int
) -> None:
    data = made(tmp_path_factory.mktemp("split"), 31)
    content, blocks = event_lines(data), data.hash_chain.read_bytes().split(b"\n")
    lines, dropped = list[bytes](), set[int]()
    wanted = []
    for place, line in enumerate(content):
        kind, number = parts[place] if place < len(parts) else ("line", 0)
        if kind == "forged":
            lines.append(forged(number)[:-1])
        if kind == "unblocked":
            dropped.add(place + 2)
        if kind == "changed":
            lines.append(line.replace(b'"trader"', b'"tracer"'))
        elif kind != "dropped":
            lines.append(line)
            wanted += [line] * (kind != "unblocked")
    kept = [block for place, block in enumerate(blocks) if place not in dropped]
    kept[-3] = kept[-3].removesuffix(b",")
    data.hash_chain.write_bytes(b"\n".join(kept))
    data.events.write_bytes(b"\n".join([*lines, b""]))
    assert read(ChainedLines(data, 0)) == wanted
    offset = sum(len(line) + 1 for line in lines[:start])
    assert read(ChainedLines(data, offset)) == [line for line in lines[start:] if line in wanted]

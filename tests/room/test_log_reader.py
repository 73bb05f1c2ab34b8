"""Logs of every kind: long lines, rotated, truncated, deleted, and files that are none any more."""

import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.room.log_reader import KEPT_BYTES, READ_BYTES, FileLine, LineAssembler, LogReader
from cq_tui.room.log_tail import LogTail, parse_log_line

MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feeder.log"


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def read_all(reader: LogReader) -> list[FileLine]:
    lines = reader.read_new()
    while reader.is_behind:
        lines += reader.read_new()
    return lines


def contents(lines: list[FileLine]) -> list[bytes]:
    return [line.content for line in lines if not line.note]


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"\n", b"x" * (KEPT_BYTES + 7), b"a\nb\n"]), max_size=12))
def test_blocks_make_the_lines_that_are_in_them(blocks: list[bytes]) -> None:
    assembler = LineAssembler()
    lines = [line for block in blocks for line in assembler.feed(block)]
    *ended, rest = b"".join(blocks).split(b"\n")
    assert lines == [FileLine(line[:KEPT_BYTES], len(line)) for line in ended]
    assert assembler.unfinished == len(rest)


FEW_BLOCKS = st.lists(st.binary(max_size=20), max_size=6)


@given(FEW_BLOCKS, st.integers(0, GIGABYTE), FEW_BLOCKS)
def test_after_a_skip_lines_begin_at_the_next_line_feed(before: list[bytes], count: int, after: list[bytes]) -> None:
    assembler = LineAssembler()
    for block in before:
        assembler.feed(block)
    held = assembler.unfinished
    assembler.skip(count)
    lines = [line for block in [*after, b"\n"] for line in assembler.feed(block)]
    dropped, *ended = b"".join(after).split(b"\n")
    assert lines[0].note
    assert lines[0].size == held + count + len(dropped)
    assert [line.content for line in lines[1:]] == ended


def test_a_line_of_four_megabytes_is_cut_and_the_next_ones_are_shown(path: Path) -> None:
    append(path, b"before\n")
    reader = LogReader(path)
    assert contents(read_all(reader)) == [b"before"]
    append(path, b"x" * (4 * MEGABYTE + 300_000) + b"\nafter\n")
    long, after = read_all(reader)
    assert (len(long.content), long.size) == (KEPT_BYTES, 4 * MEGABYTE + 300_000)
    assert after.content == b"after"
    assert reader.problem is None
    assert parse_log_line(long).text.startswith("… 4.3 MB cut · xxx")
    assert [line.size for line in read_all(LogReader(path))] == [6, 4_300_000, 5], "and when the log is opened later"


def test_a_line_without_an_end_is_a_problem_until_it_ends(path: Path) -> None:
    append(path, b"first\n")
    reader = LogReader(path)
    read_all(reader)
    append(path, b"y" * MEGABYTE)
    assert read_all(reader) == []
    assert reader.problem == "unfinished line of 1.0 MB"
    append(path, b"\nnext\n")
    assert [line.size for line in read_all(reader)] == [MEGABYTE, 4]
    assert reader.problem is None


@pytest.mark.parametrize("opened", ["before", "after"])
def test_a_gigabyte_without_a_line_feed_costs_neither_memory_nor_time(path: Path, opened: str) -> None:
    append(path, b"first\n")
    reader = LogReader(path)
    if opened == "before":
        read_all(reader)
    os.truncate(path, GIGABYTE)
    tracemalloc.start()
    try:
        began = os.times().user + os.times().system
        assert contents(read_all(reader)) == []
        assert reader.problem == "unfinished line of 1.0 GB"
        append(path, b"\nnormal again\n")
        skipped, normal = read_all(reader)
        assert os.times().user + os.times().system - began < 2
        assert tracemalloc.get_traced_memory()[1] < 6 * READ_BYTES
    finally:
        tracemalloc.stop()
    assert skipped.note == "1.0 GB not shown"
    assert normal.content == b"normal again"
    assert reader.problem is None


def test_one_call_reads_a_bounded_part(path: Path) -> None:
    append(path, b"0\n")
    reader = LogReader(path)
    read_all(reader)
    append(path, b"12345678\n" * 100_000)
    assert len(reader.read_new()) <= READ_BYTES // 9 + 1
    assert reader.is_behind
    assert len(read_all(reader)) > 80_000


def test_only_the_end_of_a_large_log_is_read_at_first(path: Path) -> None:
    append(path, b"".join(b"%099d\n" % number for number in range(200_000)))
    reader = LogReader(path)
    note, *lines = read_all(reader)
    assert note.note == f"{(200_000 - len(lines)) / 10_000:.1f} MB not shown"
    assert 1000 <= len(lines) < 10_000
    assert contents(lines)[-1] == b"%099d" % 199_999


def test_lines_written_around_a_rotation_are_shown_once(path: Path) -> None:
    append(path, b"1\n2\n")
    reader = LogReader(path)
    seen = contents(read_all(reader))
    append(path, b"3\n")
    path.rename(f"{path}.1")
    append(path, b"4\n")
    seen += contents(read_all(reader))
    append(path, b"5\n")
    seen += contents(read_all(reader))
    assert seen == [b"1", b"2", b"3", b"4", b"5"]
    assert reader.problem is None


def test_a_truncated_log_goes_on_from_its_new_beginning(path: Path) -> None:
    append(path, b"old line\n" * 20)
    reader = LogReader(path)
    read_all(reader)
    os.truncate(path, 0)
    append(path, b"new\n")
    note, new = read_all(reader)
    assert (note.note, new.content) == ("the file was truncated or rewritten", b"new")


def test_a_log_written_anew_and_longer_is_noticed(path: Path) -> None:
    append(path, b"old line\n" * 20)
    reader = LogReader(path)
    read_all(reader)
    path.write_bytes(b"other line\n" * 30)
    assert contents(read_all(reader)) == [b"other line"] * 30


def become_a_folder(path: Path) -> None:
    path.mkdir()


def become_a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            # The whole path may be too long for a socket's address.
            server.bind(f"/proc/self/fd/{folder}/{path.name}" if os.path.exists("/proc/self/fd") else str(path))
        finally:
            os.close(folder)


def become_a_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def remove(path: Path) -> None:
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.mark.parametrize("was_read", [True, False])
@pytest.mark.parametrize(
    ("become", "problem"),
    [
        (become_a_folder, "is a folder. Move it away"),
        (os.mkfifo, "is a pipe. Move it away"),
        (become_a_socket, "is a socket. Move it away"),
        (become_a_link, "is a symbolic link. Move it away"),
    ],
)
def test_what_is_no_file_is_named_until_it_is_one_again(
    path: Path, become: Callable[[Path], None], problem: str, was_read: bool
) -> None:
    reader = LogReader(path)
    if was_read:
        append(path, b"before\n")
        assert contents(read_all(reader)) == [b"before"]
        path.unlink()
    become(path)
    assert read_all(reader) == []
    assert reader.problem == problem
    remove(path)
    append(path, b"after\n")
    assert contents(read_all(reader)) == [b"after"]
    assert reader.problem is None


def test_a_log_that_was_moved_away_and_back_is_not_shown_twice(path: Path) -> None:
    append(path, b"one\n")
    reader = LogReader(path)
    read_all(reader)
    path.rename(path.with_name("aside"))
    assert read_all(reader) == []
    assert reader.problem == "is gone"
    path.with_name("aside").rename(path)
    append(path, b"two\n")
    assert contents(read_all(reader)) == [b"two"]
    assert reader.problem is None


def test_a_log_that_does_not_exist_yet_is_no_problem(path: Path) -> None:
    reader = LogReader(path)
    assert read_all(reader) == []
    assert reader.problem is None
    append(path, b"first\n")
    assert contents(read_all(reader)) == [b"first"]


def test_a_log_that_may_not_be_read_is_named_until_it_may(path: Path) -> None:
    append(path, b"before\n")
    reader = LogReader(path)
    read_all(reader)
    append(path, b"after\n")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        # Root reads everything; somebody else does not even get into the folder.
        os.seteuid(65534)
    try:
        assert read_all(reader) == []
        assert reader.problem == "Permission denied"
    finally:
        os.seteuid(user)
        path.chmod(0o600)
    assert contents(read_all(reader)) == [b"after"]
    assert reader.problem is None


def test_whatever_is_in_a_line_is_shown_harmlessly(path: Path) -> None:
    append(
        path, b"\0\0\0\0plain\n\x1b]52;c;eHg=\x07\xff\xfe caf\xe9\n" + b'{"event":"\\u001b[2J","n":1e999}\n[1,2]\n\n'
    )
    tail = LogTail(path)
    texts = [line.text for line in tail.read_new()]
    assert texts[0] == "plain"
    assert "".join(texts).isprintable()
    assert len(texts) == 5

"""Journals: whole lines or none, whoever is killed and whatever the disk refuses."""

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.store.journal import (
    MAX_LINE_BYTES,
    JournalBroken,
    JournalError,
    JournalReader,
    JournalWriter,
    last_lines,
    read_lines,
)
from tests.store.processes import finished

LINES = st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"~")), max_size=6)


def quarantined(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.torn"), key=lambda path: path.stat().st_mtime_ns)]


@given(st.lists(st.tuples(LINES, st.integers(0, 60)), max_size=6))
def test_cut_anywhere_and_opened_again_whole_lines_stay_and_the_torn_tail_is_kept(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[list[bytes], int]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    path, model = folder / "j.ndjson", b""
    for lines, cut in rounds:
        kept_before = len(quarantined(folder))
        writer = JournalWriter(path)
        whole = model[: model.rfind(b"\n") + 1]
        torn, model = model[len(whole) :], whole
        assert quarantined(folder)[kept_before:] == ([torn] if torn else [])
        assert writer.append(lines) == len(model)
        model += b"".join(line + b"\n" for line in lines)
        assert writer.size == len(model)
        writer.close()
        assert path.read_bytes() == model
        model = model[: max(0, len(model) - cut)]
        os.truncate(path, len(model))
    assert list(read_lines(path)) == model.split(b"\n")[:-1] or not path.exists()


@given(LINES, st.integers(-1, 9), st.binary(max_size=9).map(lambda raw: raw.replace(b"\n", b"")))
def test_last_lines_are_the_last_of_all_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], count: int, torn: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "last.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines) + torn)
    assert last_lines(path, count) == (lines[-count:] if count > 0 else [])


@settings(max_examples=25)
@given(st.lists(st.integers(0, 40_000), max_size=12), st.integers(1, 12))
def test_last_lines_across_the_blocks_they_are_read_in(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], count: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks.ndjson"
    lines = [(b"%d:" % number).ljust(size, b"x") for number, size in enumerate(sizes)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert last_lines(path, count) == lines[-count:]


def test_last_lines_of_a_large_file_read_its_end_only(tmp_path: Path) -> None:
    path = tmp_path / "large.ndjson"
    with path.open("wb") as file:
        file.truncate(4 * 1024**3)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b'{"n":%d}\n' % number for number in range(1000)))
    started = time.process_time()
    assert last_lines(path, 2) == [b'{"n":998}', b'{"n":999}']
    # Gigabytes take a hundred times as long.
    assert time.process_time() - started < 0.2


def test_a_reader_never_sees_half_a_line_of_a_writer_that_never_rests(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    writer = JournalWriter(path)
    expected = [b"%07d" % number + b"y" * (number * 37 % 3000) for number in range(3000)]

    def write() -> None:
        for start in range(0, len(expected), 25):
            writer.append(expected[start : start + 25])

    thread = threading.Thread(target=write)
    thread.start()
    reader = JournalReader(path)
    seen: list[bytes] = []
    end = time.monotonic() + 30
    while len(seen) < len(expected) and time.monotonic() < end:
        seen += reader.read_new()
    thread.join()
    writer.close()
    assert seen == expected
    assert reader.read_new() == []


def test_a_line_that_comes_in_pieces_is_seen_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    reader = JournalReader(path)
    assert reader.read_new() == []
    path.write_bytes(b"")
    for piece in (b"a", b"b", b"c\nd"):
        assert reader.read_new() == []
        with path.open("ab") as file:
            file.write(piece)
    assert reader.read_new() == [b"abc"]
    assert reader.read_new() == []


def test_what_is_more_than_one_read_arrives_in_several(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    lines = [b"short", *(b"%d" % number + b"x" * (MAX_LINE_BYTES - 1) for number in range(6)), b"end"]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    reader = JournalReader(path)
    first = reader.read_new()
    assert first == lines[: len(first)] != lines
    assert first + reader.read_new() == lines


def test_an_endless_line_is_an_error_that_names_file_and_place(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(b"good\n" + b"x" * (MAX_LINE_BYTES + 1))
    reader = JournalReader(path)
    assert reader.read_new() == [b"good"]
    for _ in range(2):
        with pytest.raises(JournalError, match=r"j.ndjson: a line at offset 5 does not end"):
            reader.read_new()
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(JournalError, match="does not end"):
        JournalReader(path).read_new()
    assert last_lines(path, 5) == []


def test_a_replaced_journal_is_read_from_its_start(tmp_path: Path) -> None:
    path, other = tmp_path / "j.ndjson", tmp_path / "other"
    path.write_bytes(b"one\ntwo\n")
    reader = JournalReader(path)
    assert reader.read_new() == [b"one", b"two"]
    other.write_bytes(b"uno\ndue\ntre\n")
    os.replace(other, path)
    assert reader.read_new() == [b"uno", b"due", b"tre"]


def test_a_recreated_journal_is_read_from_its_start_even_with_the_same_inode(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(b"one\ntwo\n")
    reader = JournalReader(path)
    reader.read_new()
    # The same inode with other content is what a file system that reuses inodes at once shows.
    path.write_bytes(b"uno\ndue\ntre\n")
    assert reader.read_new() == [b"uno", b"due", b"tre"]


def test_a_journal_cut_back_and_grown_past_the_reader_is_not_read_from_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(b"first\nsecond\n")
    reader = JournalReader(path)
    reader.read_new()
    os.truncate(path, len(b"first\n"))
    with path.open("ab") as file:
        file.write(b"a much longer second line\n")
    assert reader.read_new() == [b"first", b"a much longer second line"]


def test_a_truncated_journal_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(b"first\nsecond\n")
    reader = JournalReader(path)
    reader.read_new()
    os.truncate(path, 0)
    assert reader.read_new() == []
    path.write_bytes(b"new\n")
    assert reader.read_new() == [b"new"]


def test_skip_to_end_skips_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    reader = JournalReader(path)
    reader.skip_to_end()
    path.write_bytes(b"old\nhalf")
    reader.skip_to_end()
    with path.open("ab") as file:
        file.write(b" more\nnew\n")
    assert reader.read_new() == [b"half more", b"new"]


@pytest.mark.parametrize("kind", ["folder", "fifo", "below a file"])
def test_what_is_no_journal_is_an_error_of_ours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "j.ndjson"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("")
        path = path / "below"
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(JournalError, match=r"j\.ndjson"):
        JournalWriter(path)
    with pytest.raises(JournalError, match=r"j\.ndjson"):
        JournalReader(path).read_new()
    with pytest.raises(JournalError, match=r"j\.ndjson"):
        JournalReader(path).skip_to_end()
    with pytest.raises(JournalError, match=r"j\.ndjson"):
        last_lines(path, 1)
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_a_journal_of_a_folder_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened for writing"):
        JournalWriter(tmp_path / "gone" / "j.ndjson")


def test_an_empty_batch_writes_nothing_and_a_closed_writer_refuses(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j.ndjson")
    assert writer.append([]) == 0
    assert writer.append([b""]) == 0
    writer.close()
    writer.close()
    assert (tmp_path / "j.ndjson").read_bytes() == b"\n"
    with pytest.raises(JournalError, match="closed"):
        writer.append([b"late"])


FULL = """
import os, resource, sys
from pathlib import Path
from cq_tui.store.journal import JournalBroken, JournalError, JournalWriter
writer = JournalWriter(Path(sys.argv[1]))
writer.append([b"x" * 99] * 9, durable=True)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for lines in ([b"y" * 300], [b"z" * 60, b"w" * 60]):
    try:
        writer.append(lines, durable=True)
    except JournalBroken:
        print("broken")
    except JournalError as error:
        print("refused", writer.size, os.path.getsize(sys.argv[1]))
writer.append([b"s" * 99])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
writer.append([b"t"])
"""


def test_a_full_disk_stores_no_part_of_a_batch_and_writing_resumes(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    # 900 bytes stand; each batch begins to fit (a short write) and must be cut back.
    assert finished(FULL, path).split("\n")[:-1] == ["refused 900 900"] * 2
    assert path.read_bytes() == (b"x" * 99 + b"\n") * 9 + b"s" * 99 + b"\nt\n"


def test_a_sync_that_fails_is_never_tried_again(tmp_path: Path) -> None:
    if not os.path.exists("/dev/null"):
        pytest.skip("there is no device that cannot be synced")
    path = tmp_path / "j.ndjson"
    writer = JournalWriter(path)
    writer.append([b"a"])
    # A pipe under the same descriptor takes writes and cannot be synced (EINVAL), like a disk that lost its cache.
    reading, writing = os.pipe()
    saved = os.dup(writer._descriptor)
    os.dup2(writing, writer._descriptor)
    with pytest.raises(JournalBroken, match="sync failed"):
        writer.append([b"b"], durable=True)
    os.dup2(saved, writer._descriptor)
    with pytest.raises(JournalBroken, match="restart"):
        writer.append([b"c"])
    with pytest.raises(JournalBroken):
        writer.sync()
    writer.close()
    for descriptor in (reading, writing, saved):
        os.close(descriptor)
    assert path.read_bytes() == b"a\n"


def test_a_torn_tail_that_cannot_be_kept_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    path.write_bytes(b"whole\ntorn")
    with pytest.raises(JournalError):
        JournalWriter(path, quarantine=tmp_path / "gone")
    assert path.read_bytes() == b"whole\ntorn"


def test_a_rival_of_a_locked_writer_cuts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.ndjson"
    first = JournalWriter(path, locked=True)
    with path.open("ab") as half_written:
        half_written.write(b"on its w")
    with pytest.raises(JournalError, match="another process is writing it"):
        JournalWriter(path, locked=True)
    assert path.read_bytes() == b"on its w"
    first.close()
    second = JournalWriter(path, locked=True)
    assert second.torn is not None
    assert (second.torn[0].read_bytes(), second.torn[1]) == (b"on its w", 8)
    second.close()

"""The reserve: really allocated, let go slice by slice to what protects, and made again when there is room."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.journal import JournalError, JournalWriter
from cq_tui.store.reserve import RESERVE_BYTES, Reserve, describe_error, is_disk_full
from tests.small_disk import SmallDisk, small_disk

FULL = OSError(errno.ENOSPC, "No space left on device")


class Event(NamedTuple):
    event_type: str


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 24) as found:
        yield found


@pytest.fixture
def data(disk: SmallDisk) -> DataDir:
    data = DataDir(disk.root / "data")
    prepare_data_directory(data)
    return data


def problem(data: DataDir) -> str:
    return Reserve(data).problem or ""


def test_it_is_made_when_there_is_ample_room_and_occupies_it(disk: SmallDisk, data: DataDir) -> None:
    reserve = Reserve(data)
    disk.fill()
    disk.make_room(15 * 2**20)
    reserve.refill()
    assert not data.reserve.exists(), "15 MiB are not ample"
    assert problem(data) == ""
    disk.make_room()
    free = disk.free
    reserve.refill()
    status = data.reserve.stat()
    assert (status.st_size, status.st_mode & 0o777) == (RESERVE_BYTES, 0o600)
    assert free - disk.free == RESERVE_BYTES == status.st_blocks * 512
    reserve.refill()
    assert free - disk.free == RESERVE_BYTES


def test_what_protects_is_written_on_a_full_disk_until_nothing_is_left(disk: SmallDisk, data: DataDir) -> None:
    reserve, path, refused = Reserve(data), data.state_of("trader"), data.root / "refused"
    reserve.refill()
    assert problem(data) == ""
    disk.fill()
    assert Reserve(data).is_full
    with pytest.raises(OSError, match="No space left"):
        write_document(refused, {"a": "x" * 100_000})
    reserve.spend(lambda: write_document(path, {"a": "x" * 100_000}))
    assert read_json(path)["a"] == "x" * 100_000
    left = data.reserve.stat().st_size
    assert RESERVE_BYTES - 200_000 < left < RESERVE_BYTES, "no more is let go than needed"
    with pytest.raises(OSError, match="No space left") as caught:
        reserve.spend(lambda: write_document(refused, {"a": "x" * 5 * 2**20}))
    assert data.reserve.stat().st_size == 0
    assert not refused.exists()
    assert "refused: No space left on device. Free some space" in describe_error(caught.value)
    assert problem(data).startswith(f"{data.root}: the disk is full (")
    # Room again, but not enough: nothing opens risk before it is whole.
    disk.make_room(10 * 2**20)
    reserve.refill()
    assert not Reserve(data).is_full
    assert "Free 16 MiB; nothing is bought until then" in problem(data)
    disk.make_room()
    reserve.refill()
    assert problem(data) == ""


def test_a_journal_on_a_full_disk_loses_nothing_and_gets_what_it_needs(disk: SmallDisk, data: DataDir) -> None:
    reserve, path = Reserve(data), data.memory / "journal"
    reserve.refill()
    journal = JournalWriter(path)
    disk.fill()
    lines = [b"x" * 1000] * 300
    with pytest.raises(JournalError, match="nothing was written"):
        reserve.spend_on_events(lambda: journal.append(lines), [Event("signal_generated")])
    assert path.stat().st_size == 0
    reserve.spend_on_events(lambda: journal.append(lines), [Event("signal_generated"), Event("order_executed")])
    assert path.read_bytes().splitlines() == lines
    journal.close()


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "Input/output error"), OSError(errno.EFBIG, "File too large"), JournalError("no"), KeyError()],
)
def test_another_error_lets_nothing_go(tmp_path: Path, error: Exception) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    data.reserve.write_bytes(bytes(RESERVE_BYTES))

    def act() -> None:
        raise error

    with pytest.raises(type(error)):
        Reserve(data).spend(act)
    assert not is_disk_full(error)
    assert data.reserve.stat().st_size == RESERVE_BYTES


@pytest.mark.parametrize("kind", ["missing", "folder", "link", "pipe"])
def test_a_reserve_that_is_no_file_of_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    other = tmp_path / "other"
    other.write_bytes(bytes(RESERVE_BYTES))
    if kind == "folder":
        data.reserve.mkdir()
    elif kind == "link":
        data.reserve.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(data.reserve)

    def act() -> None:
        raise FULL

    with pytest.raises(OSError, match="No space left"):
        Reserve(data).spend(act)
    assert other.stat().st_size == RESERVE_BYTES


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs posix_fallocate")
def test_while_it_is_made_nobody_takes_the_disk_for_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDir(tmp_path)
    data.run.mkdir()
    reserve, allocate, seen = Reserve(data), os.posix_fallocate, []

    def look(descriptor: int, offset: int, size: int) -> None:
        seen.append(reserve.problem)
        allocate(descriptor, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", look)
    reserve.refill()
    assert seen == [None]
    assert reserve.problem is None

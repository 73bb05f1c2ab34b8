"""What people and other programs leave in the folder of spools: named, and it stops no other spool."""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.store.history.faults import HistoryFault, fault_kind
from tests.store.spools.following import Memory, emit, kept, names, spool_of


def make_link(path: Path) -> None:
    (path.parent.parent / "elsewhere").write_bytes(b'{"seq":1}\n')
    path.symlink_to(path.parent.parent / "elsewhere")


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "trader.ndjson").write_bytes(b'{"seq":1}\n')


KINDS: dict[str, Callable[[Path], None]] = {
    "folder": make_folder,
    "link": make_link,
    "broken link": lambda path: path.symlink_to("nowhere"),
    "endless link": lambda path: path.symlink_to(path),
    "pipe": os.mkfifo,
    "socket": lambda path: os.mknod(path, 0o600 | stat.S_IFSOCK),
}
STRAYS = ["notes.txt", "trader.ndjson.swp", "a\nb", "[red]\x1b", "cli-1a.0000000000000001.ndjson", "x" * 255]
SEGMENTS = ["trader.0000000000000003.ndjson", "feeder.0000000000000001.ndjson"]
CASES = [
    *((name, kind) for name in STRAYS for kind in (*KINDS, "file")),
    *((name, kind) for name in SEGMENTS for kind in KINDS),
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_stray_entry_is_named_and_stops_nothing(folder: Path, name: str, kind: str) -> None:
    with spool_of(folder) as spool, spool_of(folder, "ares") as other:
        KINDS.get(kind, lambda path: path.write_bytes(b'{"seq":1}\n'))(folder / name)
        emit(spool, 7)
        emit(other, 2)
        memory = Memory(folder)
        assert sorted(memory.take()) == [1, 1, 2, 2, 3, 4, 5, 6, 7]
        emit(spool, 7)
        assert memory.take() == list(range(8, 15))
    with spool_of(folder) as spool:
        assert spool.seq == 14
    (complaint,) = set(memory.complaints)
    if name in STRAYS:
        assert complaint == f"spool/{name!r}: is no spool of ours; move it away"
    else:
        assert complaint.startswith(f"{folder / name}: cannot be read (is ")
        assert "Move it away" in complaint
    assert fault_kind(str(HistoryFault("spool", complaint))) == "spool"
    assert os.path.lexists(folder / name)
    assert memory.merge.backlog() == (0, 0)
    memory.merge.trim(time.time())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["feeder.ndjson", "cli-1a.ndjson"])
def test_what_stands_in_the_place_of_a_spool_is_named_and_stops_no_other(folder: Path, kind: str, name: str) -> None:
    KINDS[kind](folder / name)
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 7)
    assert memory.take() == list(range(1, 8))
    assert len(memory.complaints) == 1
    assert memory.complaints[0].startswith(str(folder / name))
    assert "Move it away" in memory.complaints[0]
    assert name in names(folder)
    assert kept(folder) == b""
    memory.merge.backlog()


def test_hidden_files_are_left_alone(folder: Path) -> None:
    (folder / ".nfs0001").write_bytes(b"x")
    memory = Memory(folder)
    assert memory.take() == []
    assert memory.complaints == []


def test_ten_thousand_strays_cost_one_listing_each_time(folder: Path) -> None:
    for number in range(10_000):
        (folder / f"{number}.ndjson").touch()
    memory = Memory(folder)
    with spool_of(folder) as spool:
        emit(spool, 1)
        assert memory.take() == [1]
        assert len(memory.complaints) == 10_000
        began = time.process_time()
        for _ in range(3):
            emit(spool, 1)
            memory.take()
        assert time.process_time() - began < 3.0

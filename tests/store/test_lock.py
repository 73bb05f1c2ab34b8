"""Locks: one holder, freed by death, told apart from a reused pid."""

import os
import signal
from pathlib import Path

import orjson
import psutil
import pytest

from cq_tui.store.lock import LockHeld, ProcessLock, is_alive, read_holder
from tests.store.processes import program, until, word

HOLDER = """
import sys, time
from pathlib import Path
from cq_tui.store.lock import LockHeld, ProcessLock
lock = ProcessLock(Path(sys.argv[1]), "memory", "headless")
try:
    lock.acquire()
except LockHeld as error:
    print("held by", error.holder.pid, flush=True)
    raise SystemExit
print("mine", flush=True)
sys.stdin.read() if len(sys.argv) > 2 else time.sleep(60)
"""


def test_one_of_two_processes_holds_it_and_its_death_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "memory.lock"
    with program(HOLDER, path) as first:
        assert word(first) == b"mine"
        holder = read_holder(path)
        assert holder is not None
        assert (holder.pid, holder.name, holder.kind) == (first.pid, "memory", "headless")
        with program(HOLDER, path) as second:
            assert word(second) == b"held by %d" % first.pid
        with pytest.raises(LockHeld, match=f"memory is already running here \\(process {first.pid}\\)"):
            ProcessLock(path, "memory").acquire()
        inode = path.stat().st_ino
        first.send_signal(signal.SIGKILL)
        # Unreaped it is a zombie: it holds nothing any more.
        until(lambda: psutil.Process(first.pid).status() == psutil.STATUS_ZOMBIE)
        assert read_holder(path) is None
    with program(HOLDER, path) as third:
        assert word(third) == b"mine"
        assert path.stat().st_ino == inode, "the file is never made anew"


def test_release_leaves_an_empty_file_and_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = ProcessLock(path, "x")
    for _ in range(2):
        lock.acquire()
        assert lock.held
        found = read_holder(path)
        assert found is not None
        assert found.pid == os.getpid()
        lock.release()
        lock.release()
        assert path.read_bytes() == b""
        assert read_holder(path) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_lock_object_in_the_same_process_is_refused(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "x.lock", "x")
    lock.acquire()
    with pytest.raises(LockHeld):
        ProcessLock(tmp_path / "x.lock", "x").acquire()
    lock.release()


def test_a_reused_pid_is_not_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    started = psutil.Process().create_time()
    for age, alive in ((0.0, True), (-3600.0, False), (5.0, False)):
        path.write_bytes(orjson.dumps({"pid": os.getpid(), "process_started": started + age, "name": "x"}))
        assert (read_holder(path) is not None) == alive
    assert not is_alive(2**22 + 1, started)


PIDS = ("-5", "0", "99999999999999999999", "9223372036854775807", '"x"')
RUBBISH = [
    b"",
    b"{",
    b"[]",
    b"\x00" * 50,
    *(b'{"pid":%s,"process_started":1,"name":"x"}' % pid.encode() for pid in PIDS),
]


@pytest.mark.parametrize("content", RUBBISH)
def test_a_lock_file_with_anything_else_in_it_has_no_holder_and_can_be_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(content)
    assert read_holder(path) is None
    lock = ProcessLock(path, "x")
    lock.acquire()
    found = read_holder(path)
    assert found is not None
    assert found.pid == os.getpid()
    lock.release()


def test_a_folder_in_its_place_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "x.lock").mkdir()
    with pytest.raises(IsADirectoryError):
        ProcessLock(tmp_path / "x.lock", "x").acquire()
    assert read_holder(tmp_path / "x.lock") is None

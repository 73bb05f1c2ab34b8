"""Locks that were deleted or replaced while the stack runs: it is still seen, stopped, and not started twice."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.lock import ProcessLock, find_holder, read_holder
from cq_tui.supervisor.process import find_process
from tests.cli.conftest import CommandResult
from tests.cli.test_processes import FEW, SMALL, keep_few, left_over, until

Cq = Callable[..., CommandResult]
Start = Callable[..., subprocess.Popen[str]]


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_a_living_holder(path: Path) -> None:
    """A link must not lead to another stack's process."""
    other = path.parents[2] / "other.lock"
    if not other.exists():
        ProcessLock(other, "other", "headless").acquire()
    path.unlink()
    path.symlink_to(other)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00garbage")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def nothing(path: Path) -> None:
    path.unlink()


by_system = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not list its locks")
REPLACED = [folder, pipe, link_to_a_living_holder]
LOST = [garbage, emptied, nothing]


def start_only(start: Start, data: DataDir, services: tuple[str, ...]) -> subprocess.Popen[str]:
    """Start a stack of these services, and wait until they run."""
    keep_few(data, services)
    process = start("up", **SMALL)
    until(lambda: all(find_process(data, name) for name in services))
    return process


@by_system
@pytest.mark.parametrize(("lose", "services"), [(folder, SERVICES), *((lose, FEW) for lose in (*REPLACED[1:], *LOST))])
def test_a_running_stack_is_seen_and_stopped_without_its_locks(
    start: Start, cq: Cq, data: DataDir, lose: Callable[[Path], None], services: tuple[str, ...]
) -> None:
    process = start_only(start, data, services)
    found = find_process(data, "memory")
    assert found is not None
    for name in (*services, "supervisor"):
        lose(data.lock_of(name))
    status = orjson.loads(cq("status", "--json").out)
    assert (status["supervisor"] or {}).get("pid") == process.pid
    assert status["services"]["memory"]["pid"] == found.pid
    for words, lock in (["up"], "supervisor"), (["service", "memory"], "memory"):
        if lose in LOST:
            assert "is already running here" in cq(*words, code=ExitCode.ALREADY_RUNNING).err
        else:
            told = cq(*words, code=ExitCode.UNUSABLE).err
            assert f"{data.lock_of(lock)}: is " in told
            assert "Move it away" in told
    assert set(cq("down", code=0).out.removeprefix("stopped: ").strip().split(", ")) == set(services)
    assert process.wait(60) == 0
    assert left_over(data) == []
    assert cq("down", code=0).out == "nothing was running\n"


@pytest.mark.parametrize("lose", REPLACED)
def test_services_without_a_supervisor_are_stopped_when_its_lock_cannot_be_held(
    start: Start, cq: Cq, data: DataDir, lose: Callable[[Path], None]
) -> None:
    process = start("service", "memory")
    until(lambda: find_process(data, "memory"))
    data.lock_of("supervisor").touch()
    lose(data.lock_of("supervisor"))
    assert cq("down", code=0).out == "stopped: memory\n"
    assert process.wait(60) == 0


def is_removed(path: Path) -> bool:
    """Remove a folder, in which a service may write a file meanwhile."""
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


@by_system
@pytest.mark.parametrize("gone", ["run", "control", "."])
def test_a_stack_is_stopped_when_its_folders_are_gone(start: Start, cq: Cq, data: DataDir, gone: str) -> None:
    process = start_only(start, data, FEW)
    until(lambda: is_removed(data.root / gone))
    assert cq("down", code=0).out.startswith("stopped: ")
    assert process.wait(60) == 0
    assert left_over(data) == []


@by_system
def test_the_holder_of_a_garbled_lock_is_read_from_the_system(tmp_path: Path) -> None:
    path = tmp_path / "memory.lock"
    lock = ProcessLock(path, "memory", "headless")
    lock.acquire()
    path.write_bytes(b"garbage")
    holder = read_holder(path)
    assert holder is not None
    assert (holder.pid, holder.name, holder.kind) == (os.getpid(), "memory", None)
    path.write_bytes(b"")
    assert find_holder(path) == holder
    assert read_holder(path) is None, "often read, and empty is free"
    assert find_holder(tmp_path / "trader.lock") is None
    lock.release()
    assert find_holder(path) is None

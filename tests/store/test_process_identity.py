"""The clock is set while processes run: they stay who they are."""

import os
from pathlib import Path

import psutil
import pytest

from cq_tui.store.lock import ProcessLock, is_alive, read_holder

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="elsewhere the system notes a start once, by its clock then")


@pytest.fixture
def clock_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock was set forward by a minute: what Linux tells of its start, and of each process's, moves with it."""
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 60.0)


def test_a_holder_is_found_after_the_clock_was_set(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    lock = ProcessLock(tmp_path / "x.lock", "x")
    lock.acquire()
    before = read_holder(tmp_path / "x.lock")
    request.getfixturevalue("clock_set")
    assert psutil.Process().create_time() > before.process_started + 59.0 if before else False
    assert read_holder(tmp_path / "x.lock") == before
    lock.release()


def test_start_ticks_distinguish_a_reused_pid(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "x.lock", "x")
    lock.acquire()
    holder = read_holder(tmp_path / "x.lock")
    assert holder is not None
    assert holder.start_ticks is not None
    assert is_alive(os.getpid(), 0.0, holder.start_ticks)
    assert not is_alive(os.getpid(), holder.process_started, holder.start_ticks + 1)
    lock.release()

"""Signals reach the process that was meant, and nobody else."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from cq_tui.store import process_signal
from cq_tui.store.lock import start_ticks
from cq_tui.store.process_signal import send_signal

Process = subprocess.Popen[bytes]


@pytest.fixture
def process() -> Iterator[Process]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def send(process: Process, number: signal.Signals = signal.SIGTERM, *, started: float = 0.0, ticks: int = 0) -> None:
    """Send a signal to the process that started then."""
    began = psutil.Process(process.pid).create_time()
    send_signal(process.pid, began + started, (start_ticks(process.pid) or 0) + ticks, number)


def test_it_reaches_its_process(process: Process) -> None:
    send(process)
    assert process.wait(30) == -signal.SIGTERM


def test_another_process_with_the_same_pid_gets_none(process: Process) -> None:
    send(process, signal.SIGKILL, started=-100.0, ticks=-1)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.2)


def test_one_that_has_ended_gets_none(process: Process) -> None:
    began, ticks = psutil.Process(process.pid).create_time(), start_ticks(process.pid)
    process.kill()
    process.wait(30)
    send_signal(process.pid, began, ticks, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has process descriptors")
def test_one_that_ends_after_it_was_recognized_leaves_its_pid_alone(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its pid may be another's: it is not named again."""
    kill = os.kill

    def recognize_and_end(*_: object) -> bool:
        kill(process.pid, signal.SIGKILL)
        process.wait(30)
        return True

    named: list[tuple[object, ...]] = []
    monkeypatch.setattr(process_signal, "is_alive", recognize_and_end)
    monkeypatch.setattr(os, "kill", lambda *given: named.append(given))
    send_signal(process.pid, 0.0, 0, signal.SIGKILL)
    monkeypatch.undo()
    assert named == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is always so")
def test_without_process_descriptors_it_is_named_by_its_pid(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    send(process, signal.SIGKILL, started=-100.0, ticks=-1)
    assert process.poll() is None
    send(process)
    assert process.wait(30) == -signal.SIGTERM

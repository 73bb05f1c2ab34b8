"""Supervision goes on whatever happens to a room: real rooms in pseudo-terminals over a real stack."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.store.control import issue_command
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.desired_state import read_desired_state
from tests.stack.running import Stack, until
from tests.terminal.pseudo_terminal import PseudoTerminal

pytestmark = [pytest.mark.terminal, pytest.mark.stack, pytest.mark.timeout(400)]

#: A small market opens soon.
MARKET = {"SYMBOLS": "BTCUSDT,ETHUSDT"}
ENVIRONMENT = MARKET | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
#: Seconds after which a killed process is back, on a machine that has nothing else to do.
BACK = 3.0
#: Seconds for which a terminal is not read.
UNREAD = 60.0 if os.environ.get("CQ_HEAVY_TESTS") else 3.0
#: Opens the room with a handler that raises an error.
BROKEN_ROOM = """
from cq_tui.room.screens.room import RoomScreen
def fail(self): raise RuntimeError("a defect")
RoomScreen.action_zoom = fail
from cq_tui.__main__ import main
main()
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data", **MARKET)
    try:
        yield stack
    finally:
        stack.end()


def room(data: DataDir, *program: str) -> PseudoTerminal:
    return PseudoTerminal([sys.executable, *(program or ("-m", "cq_tui")), "--data-dir", str(data.root)], ENVIRONMENT)


def pid_of(data: DataDir, name: str) -> int | None:
    holder = read_holder(data.lock_of(name))
    return None if holder is None else holder.pid


def is_back_in_time(data: DataDir, name: str) -> None:
    """Kill a process; another one has to hold its lock soon."""
    before = pid_of(data, name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    killed, patience = time.monotonic(), BACK * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    while pid_of(data, name) in (None, before):
        assert time.monotonic() - killed < patience, f"{name} is not back after {patience:.0f} s"
        time.sleep(0.02)
    print(f"{name} back after {time.monotonic() - killed:.1f} s")


def all_run(data: DataDir) -> bool:
    names = ("supervisor", "exchange", "memory", "feeder", "ares", "trader")
    return all(pid_of(data, name) is not None for name in names)


def supervisors(stack: Stack) -> list[int]:
    return [process.pid for process in stack.processes() if "up" in process.cmdline()]


def test_supervision_goes_on_whatever_happens_to_a_room(stack: Stack) -> None:
    """One stack, started once: it takes most of the time."""
    data = stack.data
    a_terminal_that_is_not_read(data)
    a_suspended_room_and_a_killed_one(data)
    an_error_in_a_handler(data)
    a_killed_supervisor_while_two_rooms_are_open(stack)
    assert [process.pid for process in stack.processes()] == []


def a_terminal_that_is_not_read(data: DataDir) -> None:
    with room(data) as terminal:
        terminal.wait_until(lambda: all_run(data), "whole stack")
        terminal.stop_reading()
        started = time.monotonic()
        time.sleep(UNREAD / 2)
        is_back_in_time(data, "feeder")
        time.sleep(max(0.0, started + UNREAD - time.monotonic()))
        is_back_in_time(data, "feeder")


def a_suspended_room_and_a_killed_one(data: DataDir) -> None:
    with room(data) as terminal:
        terminal.wait_for("SIMULATION")
        terminal.process.send_signal(signal.SIGTSTP)
        suspended = psutil.Process(terminal.process.pid)
        until(lambda: suspended.status() == psutil.STATUS_STOPPED, 30, "the room suspended")
        is_back_in_time(data, "ares")
        terminal.process.send_signal(signal.SIGCONT)
        terminal.process.kill()
        is_back_in_time(data, "ares")


def an_error_in_a_handler(data: DataDir) -> None:
    with room(data, "-c", BROKEN_ROOM) as terminal:
        terminal.wait_for("intact")
        terminal.send(b"z")
        assert terminal.wait_for_end() == ExitCode.DEFECT
        is_back_in_time(data, "trader")


def a_killed_supervisor_while_two_rooms_are_open(stack: Stack) -> None:
    data = stack.data
    issue_command(data, "stop_service", "supervisor", issued_by="room", target="ares")
    until(lambda: pid_of(data, "ares") is None, 30, "ares stopped")
    with room(data) as one, room(data) as other:
        one.wait_for("intact")
        other.wait_for("intact")
        is_back_in_time(data, "supervisor")
        is_back_in_time(data, "feeder")
        assert pid_of(data, "ares") is None
        assert read_desired_state(data, "ares") == "stopped"
        until(lambda: supervisors(stack) == [pid_of(data, "supervisor")], 30, "one supervisor alone")

        command = [sys.executable, "-m", "cq_tui", "down", "--data-dir", str(data.root)]
        down = subprocess.run(command, check=True, capture_output=True)
        assert down.stdout == b"stopped: exchange, memory, feeder, trader\n"
        # Both rooms see its end within a second; neither starts another one.
        for _ in range(30):
            assert {process.pid for process in stack.processes()} == {one.process.pid, other.process.pid}
            time.sleep(0.1)

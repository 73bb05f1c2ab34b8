"""Stopping the stack: through the supervisor if there is one, else directly."""

import asyncio
import contextlib
import signal
import time

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.lock import LockHeld, ProcessLock, find_holder, is_alive
from cq_tui.store.process_signal import send_signal
from cq_tui.store.reserve import Reserve
from cq_tui.supervisor.desired_state import end_was_requested, write_desired_state
from cq_tui.supervisor.health_report import KIND
from cq_tui.supervisor.process import ServiceProcess, find_process, find_processes_by_command_line

#: Five services with seven seconds each before SIGKILL, plus a margin.
_TIMEOUT = 60.0


class DownError(Exception):
    """Something is still running; the message names it."""


async def stop_stack(data: DataDir, timeout: float = _TIMEOUT, *, issued_by: str = "cli") -> list[str]:
    """Stop all services, the supervisor last, and return what was stopped. Nobody starts them again by itself.

    Raises DownError or OSError.
    """
    running = _list_running(data)
    deadline = time.monotonic() + timeout
    while True:
        if (supervisor := find_holder(data.lock_of("supervisor"))) is not None:
            await _stop_through_supervisor(data, supervisor, timeout, issued_by)
        if _is_at_rest(data):
            break
        try:
            await _stop_remaining(data, issued_by)
        except LockHeld as error:
            # The supervisor died before it could stop anything, and another one has followed it.
            if time.monotonic() > deadline:
                raise DownError(f"another supervisor has started: {error}") from None
            await asyncio.sleep(0.05)
        else:
            break
    if left := _list_running(data):
        raise DownError(f"still running: {', '.join(left)}")
    return running


def is_running(data: DataDir) -> bool:
    """Whether the supervisor or a service runs, even if the data directory was deleted."""
    return find_holder(data.lock_of("supervisor")) is not None or bool(_find_all(data))


def _is_at_rest(data: DataDir) -> bool:
    """Whether nothing runs or is starting, and no room would start a supervisor again."""
    was_supervised = data.desired_state_of("supervisor").exists()
    return not _find_all(data) and (end_was_requested(data) or not was_supervised)


def _list_running(data: DataDir) -> list[str]:
    found = _find_all(data)
    return [name for name in SERVICES if name in found]


def _find_all(data: DataDir) -> set[str]:
    """Return what runs, found by lock, or by command line before it holds one; a supervisor only while it starts."""
    starting = {name for name, _ in find_processes_by_command_line(data)}
    return starting | {name for name in SERVICES if find_process(data, name) is not None}


async def _stop_through_supervisor(data: DataDir, supervisor: LockHolder, timeout: float, issued_by: str) -> None:
    """Let the supervisor stop everything and wait until it exits. A room of version 0.1.0 goes on without its lock."""
    pid = supervisor.pid
    try:
        async with asyncio.timeout(timeout):
            try:
                await _request_shut_down(data, pid, timeout, issued_by)
            except OSError:
                if supervisor.kind != "headless":
                    raise
                # A full disk must not keep anything from being stopped.
                send_signal(pid, supervisor.process_started, supervisor.start_ticks, signal.SIGTERM)
            while supervisor.kind == "headless" and is_alive(pid, supervisor.process_started, supervisor.start_ticks):
                await asyncio.sleep(0.05)
            await _wait_until_released(data, pid)
    except TimeoutError:
        message = f"the supervisor (process {pid}) does not respond. Kill it with `kill -9 {pid}` and try again"
        raise DownError(message) from None


async def _request_shut_down(data: DataDir, pid: int, timeout: float, issued_by: str) -> None:
    """Send the command and wait for its answer or the supervisor's exit. Raises OSError if it cannot be written."""
    command = issue_command(data, "shut_down", "supervisor", issued_by=issued_by, expiry=timeout)
    answered = asyncio.create_task(wait_for_answer(data, command))
    released = asyncio.create_task(_wait_until_released(data, pid))
    try:
        await asyncio.wait([answered, released], return_when=asyncio.FIRST_COMPLETED)
        if answered.done():
            _check_outcome(answered.result(), pid)
    finally:
        (data.control / f"{command.command_id}.json").unlink(missing_ok=True)
        for task in (answered, released):
            task.cancel()
        await asyncio.gather(answered, released, return_exceptions=True)


def _check_outcome(answer: CommandOutcome, pid: int) -> None:
    if answer.outcome not in ("done", "interrupted"):
        raise DownError(f"the supervisor (process {pid}) did not stop: {answer.message}")


async def _wait_until_released(data: DataDir, pid: int) -> None:
    while (holder := find_holder(data.lock_of("supervisor"))) is not None and holder.pid == pid:
        await asyncio.sleep(0.05)


async def _stop_remaining(data: DataDir, stopped_by: str) -> None:
    """Stop what runs without a supervisor in reverse start order, holding the supervisor's lock meanwhile.

    A lock that cannot be held, such as a folder of that name, keeps no service running. Raises LockHeld.
    """
    lock = ProcessLock(data.lock_of("supervisor"), "supervisor", KIND)
    with contextlib.suppress(OSError):
        Reserve(data).spend(lock.acquire)
    try:
        for name in ("supervisor", *SERVICES):
            with contextlib.suppress(OSError):
                # A full disk must not keep anything from being stopped.
                write_desired_state(data, name, "stopped", stopped_by)
        for name in ("supervisor", *reversed(SERVICES)):
            for process in _find_processes(data, name):
                await process.terminate()
    finally:
        lock.release()


def _find_processes(data: DataDir, name: str) -> list[ServiceProcess]:
    """Return the processes of this name: starting, or holding its lock; of supervisors only those that start."""
    found = [process for each, process in find_processes_by_command_line(data) if each == name]
    holder = None if name == "supervisor" else find_process(data, name)
    if holder is not None and holder.pid not in [process.pid for process in found]:
        found.append(holder)
    return found

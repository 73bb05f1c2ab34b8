"""Stopping the stack: through the supervisor if there is one, else directly."""

import asyncio
import contextlib
import os
import signal

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.lock import LockHeld, ProcessLock, find_holder, is_alive
from cq_tui.store.reserve import Reserve
from cq_tui.supervisor.desired_state import write_desired_state
from cq_tui.supervisor.process import find_process, find_processes_by_command_line

#: Five services with seven seconds each before SIGKILL, plus a margin.
_TIMEOUT = 60.0


class DownError(Exception):
    """Something is still running; the message names it."""


async def stop_stack(data: DataDir, timeout: float = _TIMEOUT) -> list[str]:
    """Stop all services, the supervisor last, and return what was stopped.

    Raises DownError or OSError.
    """
    running = _list_running(data)
    if (supervisor := find_holder(data.lock_of("supervisor"))) is not None:
        await _stop_through_supervisor(data, supervisor, timeout)
    if _list_running(data):
        await _stop_remaining(data)
    if left := _list_running(data):
        raise DownError(f"still running: {', '.join(left)}")
    return running


def is_running(data: DataDir) -> bool:
    """Whether the supervisor or a service runs, even if the data directory was deleted."""
    return find_holder(data.lock_of("supervisor")) is not None or bool(_list_running(data))


def _list_running(data: DataDir) -> list[str]:
    """Return the running services, found by lock, or by command line before they hold it."""
    starting = {name for name, _ in find_processes_by_command_line(data)}
    return [name for name in SERVICES if name in starting or find_process(data, name) is not None]


async def _stop_through_supervisor(data: DataDir, supervisor: LockHolder, timeout: float) -> None:
    """Let the supervisor stop everything and wait: a headless one exits, a room keeps watching."""
    pid = supervisor.pid
    try:
        async with asyncio.timeout(timeout):
            try:
                await _request_shut_down(data, pid, timeout)
            except OSError:
                if supervisor.kind != "headless":
                    raise
                # A full disk must not keep anything from being stopped.
                os.kill(pid, signal.SIGTERM)
            while supervisor.kind == "headless" and is_alive(pid, supervisor.process_started, supervisor.start_ticks):
                await asyncio.sleep(0.05)
            await _wait_until_released(data, pid)
    except TimeoutError:
        message = f"the supervisor (process {pid}) does not respond. Kill it with `kill -9 {pid}` and try again"
        raise DownError(message) from None


async def _request_shut_down(data: DataDir, pid: int, timeout: float) -> None:
    """Send the command and wait for its answer or the supervisor's exit. Raises OSError if it cannot be written."""
    command = issue_command(data, "shut_down", "supervisor", issued_by="cli", expiry=timeout)
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
    if answer.outcome != "done":
        raise DownError(f"the supervisor (process {pid}) did not stop: {answer.message}")


async def _wait_until_released(data: DataDir, pid: int) -> None:
    while (holder := find_holder(data.lock_of("supervisor"))) is not None and holder.pid == pid:
        await asyncio.sleep(0.05)


async def _stop_remaining(data: DataDir) -> None:
    """Stop services without a supervisor in reverse start order, holding the supervisor's lock meanwhile.

    A lock that cannot be held, such as a folder of that name, keeps no service running.
    """
    lock = ProcessLock(data.lock_of("supervisor"), "supervisor", "headless")
    try:
        with contextlib.suppress(OSError):
            Reserve(data).spend(lock.acquire)
    except LockHeld as error:
        raise DownError(f"another supervisor has started: {error}") from None
    try:
        for name in reversed(SERVICES):
            with contextlib.suppress(OSError):
                # A full disk must not keep anything from being stopped.
                write_desired_state(data, name, "stopped", "cli")
            found = [process for service, process in find_processes_by_command_line(data) if service == name]
            holder = find_process(data, name)
            if holder is not None and holder.pid not in [process.pid for process in found]:
                found.append(holder)
            for process in found:
                await process.terminate()
    finally:
        lock.release()

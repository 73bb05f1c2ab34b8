"""Starting a supervisor in the background, and waiting until it holds the lock."""

import asyncio
import time
from collections.abc import Mapping

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.store.lock import read_holder
from cq_tui.store.reserve import Reserve
from cq_tui.supervisor.process import SUPERVISOR_COMMANDS, ServiceProcess, last_output_line, spawn

#: Seconds that a supervisor has to take the lock, on a slow machine.
_START_TIMEOUT = 30.0
_POLL_INTERVAL = 0.02


class StartupFailed(Exception):
    """The supervisor did not start; the message is its last line of output."""


def start_detached(data: DataDir, timeout: float = _START_TIMEOUT) -> int:
    """Start a supervisor in the background and return its pid once it runs. Raises StartupFailed or OSError."""
    process = spawn_supervisor(data)
    deadline = time.monotonic() + timeout
    while not is_supervising(data, process):
        if time.monotonic() > deadline:
            raise _too_slow(process, timeout)
        time.sleep(_POLL_INTERVAL)
    return process.pid


async def wait_until_supervising(data: DataDir, process: ServiceProcess, timeout: float = _START_TIMEOUT) -> None:
    """Wait until a process that was started, or another one, supervises, or it had nothing to do.

    Raises StartupFailed.
    """
    deadline = time.monotonic() + timeout
    while read_holder(data.lock_of("supervisor")) is None:
        if process.exit_code in (ExitCode.OK, ExitCode.ALREADY_RUNNING) or is_supervising(data, process):
            return
        if time.monotonic() > deadline:
            raise _too_slow(process, timeout)
        await asyncio.sleep(_POLL_INTERVAL)


def spawn_supervisor(
    data: DataDir, follow: bool = False, environment: Mapping[str, str] | None = None
) -> ServiceProcess:
    """Start a supervisor's process, with ``follow`` as one that continues after another. Raises OSError."""
    return spawn(data, "supervisor", SUPERVISOR_COMMANDS[follow], environment)


def is_supervising(data: DataDir, process: ServiceProcess) -> bool:
    """Whether a process that was started supervises by now. Raises StartupFailed if it has ended instead."""
    holder = read_holder(data.lock_of("supervisor"))
    if holder is not None and holder.pid == process.pid:
        return True
    if not process.is_running():
        # A full disk takes no output either.
        line = Reserve(data).problem or last_output_line(data, "supervisor").removeprefix("cq-tui: ")
        raise StartupFailed(line or process.describe_exit())
    return False


def _too_slow(process: ServiceProcess, timeout: float) -> StartupFailed:
    return StartupFailed(f"process {process.pid} is not ready after {timeout:.0f} s; check `cq-tui status`")

"""Service processes: started in their own session, found by lock, stopped by signal."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import DIRECT
from cq_tui.store.lock import find_holder, is_alive, start_ticks
from cq_tui.store.process_signal import send_signal
from cq_tui.store.regular_file import open_regular

#: Seconds between SIGTERM and SIGKILL: the services' own grace period plus interpreter shutdown.
TERM_TIMEOUT = 7.0
#: An obstacle: uninterruptible, so not even SIGKILL is handled before the disk has answered.
WAITS_FOR_DISK = "waits for the disk"
_MAX_OUTPUT_BYTES = 1024 * 1024
#: How a supervisor is started in the background: on its own, or to continue what one began that died.
SUPERVISOR_COMMANDS = (("up",), ("up", "--take-over"))
#: By default glibc gives almost every thread a heap of its own (mallopt(3), M_ARENA_MAX): megabytes that stay unused.
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
#: Nothing is imported from the folder in which somebody happens to be, such as a ``signal.py`` of his (``python -P``).
_SAFE_PATH = {"PYTHONSAFEPATH": "1"}


@dataclass(slots=True)
class ServiceProcess:
    """One running process: our child, or one that we adopted."""

    pid: int
    process_started: float
    #: None for an adopted process, whose exit code only its parent gets.
    child: subprocess.Popen[bytes] | None = None
    #: Start time of an adopted process in clock ticks, where the system has it: immune to clock changes.
    start_ticks: int | None = None
    #: A command that acts in the service's place for a while: its end is no crash.
    is_stand_in: bool = False
    #: We sent SIGTERM, so its exit is no crash.
    termination_requested: bool = False
    #: Why we sent SIGKILL.
    kill_reason: str | None = None
    _usage: psutil.Process | None = field(default=None, repr=False)

    def is_running(self) -> bool:
        """Whether it is still running; reaps our own child."""
        if self.child is not None:
            return self.child.poll() is None
        return is_alive(self.pid, self.process_started, self.start_ticks)

    @property
    def exit_code(self) -> int | None:
        """Exit code of our own child (negative: signal number); None when unknown."""
        return None if self.child is None else self.child.poll()

    def describe_exit(self) -> str:
        """Describe how it ended."""
        if self.kill_reason is not None:
            return self.kill_reason
        code = self.exit_code
        if code is None:
            return "exit code unknown: started by another supervisor"
        return f"killed by signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def measure_usage(self) -> tuple[float, float]:
        """Return CPU use since the last call in percent of a core, and resident memory in MiB."""
        try:
            if self._usage is None:
                self._usage = psutil.Process(self.pid)
            return self._usage.cpu_percent(None), self._usage.memory_info().rss / 2**20
        except psutil.Error:
            return 0.0, 0.0

    def describe_obstacle(self) -> str | None:
        """Describe what keeps it from running, as far as the system says: a slow disk, a signal."""
        try:
            status = psutil.Process(self.pid).status()
        except psutil.Error:
            return None
        return {psutil.STATUS_DISK_SLEEP: WAITS_FOR_DISK, psutil.STATUS_STOPPED: "suspended by a signal"}.get(status)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal unless it has exited."""
        if self.child is None:
            send_signal(self.pid, self.process_started, self.start_ticks, number)
        else:
            self.child.send_signal(number)

    async def wait_until_exited(self, poll: float = 0.05) -> None:
        """Wait until it has exited."""
        while self.is_running():
            await asyncio.sleep(poll)

    async def terminate(self, timeout: float = TERM_TIMEOUT) -> None:
        """Send SIGTERM, then SIGKILL if it has not exited after ``timeout`` seconds."""
        self.termination_requested = True
        self.send_signal(signal.SIGTERM)
        # A suspended process handles no signal until it continues.
        self.send_signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(timeout):
                await self.wait_until_exited()
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
            await self.wait_until_exited()


class ExitWatch:
    """Calls back once when the process exits, through a pidfd (Linux).

    Elsewhere ``is_supported`` is False and the caller has to poll.
    """

    def __init__(self, process: ServiceProcess, callback: Callable[[], object]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._descriptor = _open_pidfd(process.pid)
        if self.is_supported:
            self._loop.add_reader(self._descriptor, self._on_exit)

    @property
    def is_supported(self) -> bool:
        """Whether the system notifies us of the exit."""
        return self._descriptor >= 0

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._callback()

    def close(self) -> None:
        """Stop watching."""
        if self.is_supported:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def _open_pidfd(pid: int) -> int:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return -1


def output_path(data: DataDir, service: str) -> Path:
    """Return the file of a process's standard output and error, used before its log is open."""
    return data.logs / f"{service}.out"


def build_command_line(data: DataDir, *words: str) -> list[str]:
    """Return the command that runs cq-tui again; its arguments tell the processes apart in ``ps``."""
    return [sys.executable, "-m", "cq_tui", *words, "--data-dir", str(data.root)]


def safe_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment, or a given one, in which no module of the working directory is imported."""
    return {**(os.environ if environment is None else environment), **_SAFE_PATH}


def spawn(
    data: DataDir, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None
) -> ServiceProcess:
    """Start a process in its own session, so that it outlives its parent and its terminal. Raises OSError.

    Without an environment it has this process's.
    """
    path = output_path(data, name)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if _is_large(path) else os.O_APPEND)
    output = open_regular(path, flags)
    try:
        child = subprocess.Popen(
            build_command_line(data, *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**_FEW_ARENAS, **safe_environment(environment)},
        )
    finally:
        os.close(output)
    return ServiceProcess(child.pid, psutil.Process(child.pid).create_time(), child)


def spawn_service(data: DataDir, service: str, environment: Mapping[str, str] | None = None) -> ServiceProcess:
    """Start a service's process. Raises OSError."""
    return spawn(data, service, ["service", service], environment)


def find_process(data: DataDir, service: str) -> ServiceProcess | None:
    """Return the process that holds a service's lock, no matter who started it."""
    holder = find_holder(data.lock_of(service))
    if holder is None:
        return None
    ticks, is_stand_in = holder.start_ticks, holder.kind == DIRECT
    return ServiceProcess(holder.pid, holder.process_started, start_ticks=ticks, is_stand_in=is_stand_in)


def find_processes_by_command_line(data: DataDir) -> Iterator[tuple[str, ServiceProcess]]:
    """Yield the processes of this data directory with their names, including those that do not hold their lock yet."""
    expected = {tuple(build_command_line(data, "service", name)[1:]): name for name in SERVICES}
    expected |= {tuple(build_command_line(data, *words)[1:]): "supervisor" for words in SUPERVISOR_COMMANDS}
    for process in psutil.process_iter(["cmdline", "create_time"]):
        name = expected.get(tuple((process.info["cmdline"] or [])[1:]))
        if name is not None and is_alive(process.pid, process.info["create_time"]):
            ticks = start_ticks(process.pid)
            yield name, ServiceProcess(process.pid, process.info["create_time"], start_ticks=ticks)


def last_output_line(data: DataDir, service: str) -> str:
    """Return the last line that a process printed, which usually says why it ended."""
    try:
        with output_path(data, service).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size > _MAX_OUTPUT_BYTES
    except OSError:
        return False

"""A program in a pseudo-terminal of a given size, read until it has painted what is waited for."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

import psutil

from benchmarks.report import cpu_seconds


class Terminal:
    """One program under a pty. Use as a context manager: it is ended by its pid."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 160,
        rows: int = 45,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.started = time.perf_counter()
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})})
            os.execvp(command[0], list(command))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._seen = b""

    def wait_for(self, text: bytes, timeout: float = 30.0) -> float:
        """Return the moment (perf_counter) at which ``text`` was painted. Raises TimeoutError."""
        deadline = time.perf_counter() + timeout
        while (left := deadline - time.perf_counter()) > 0:
            if text in self._seen:
                self._seen = b""
                return time.perf_counter()
            if select.select([self._master], [], [], left)[0]:
                self._seen = (self._seen + os.read(self._master, 65536))[-200_000:]
        raise TimeoutError(f"{text!r} was not painted within {timeout} s")

    def drain(self, seconds: float) -> None:
        """Read and forget for a while, as a terminal does."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                os.read(self._master, 65536)
        self._seen = b""

    def cpu_percent(self, seconds: float) -> float:
        """Per cent of a core over a while."""
        process = psutil.Process(self.pid)
        before = cpu_seconds(process)
        self.drain(seconds)
        return (cpu_seconds(process) - before) / seconds * 100

    def memory_mb(self) -> float:
        """Resident MiB."""
        return psutil.Process(self.pid).memory_info().rss / 2**20

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._master)


def room_command(folder: str, *words: str) -> list[str]:
    """Return the command that opens the room over a data directory."""
    return [sys.executable, "-m", "cq_tui", "--data-dir", folder, *words]

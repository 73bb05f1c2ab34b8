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
from typing import NamedTuple

import psutil

from benchmarks.report import cpu_seconds


class Load(NamedTuple):
    """What a program used over a while: per cent of a core, and kB per second to its terminal."""

    cpu: float
    output: float


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
        self._received = 0

    def wait_for(self, text: bytes, timeout: float = 30.0) -> float:
        """Return the moment (perf_counter) at which ``text`` was painted. Raises TimeoutError."""
        deadline = time.perf_counter() + timeout
        while (left := deadline - time.perf_counter()) > 0:
            if text in self._seen:
                self._seen = b""
                return time.perf_counter()
            if select.select([self._master], [], [], left)[0]:
                self._seen = (self._seen + self._read())[-200_000:]
        raise TimeoutError(f"{text!r} was not painted within {timeout} s")

    def drain(self, seconds: float) -> None:
        """Read and forget for a while, as a terminal does."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                self._read()
        self._seen = b""

    def load(self, seconds: float) -> Load:
        """Return what the program uses over a while."""
        process = psutil.Process(self.pid)
        cpu, received = cpu_seconds(process), self._received
        self.drain(seconds)
        return Load(
            (cpu_seconds(process) - cpu) / seconds * 100,
            (self._received - received) / seconds / 1000,
        )

    def _read(self) -> bytes:
        data = os.read(self._master, 65536)
        self._received += len(data)
        return data

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

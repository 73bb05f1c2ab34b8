"""Standard streams that are closed, full or gone: a word where one can be said, never a data file in their place."""

import io
import os
import sys
from typing import TextIO

from cq_tui.contracts.exit_code import ExitCode


class OutputFailed(OSError):
    """Standard output could not be written."""


def reopen_closed() -> None:
    """Open /dev/null in the place of each standard stream that is closed: the next file would take its number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - open as long as the process
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def guard_output() -> None:
    """Have standard output raise OutputFailed, once, and standard error drop what it cannot take."""
    sys.stdout = _on_top(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _on_top(_Errors(2, "w", closefd=False), sys.stderr)


def _on_top(raw: io.FileIO, stream: TextIO) -> io.TextIOWrapper:
    lines = getattr(stream, "line_buffering", False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=lines)


def flush_output() -> int | None:
    """Write what is left; return the exit code if that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return report_failed_output(error)
    return None


def report_failed_output(error: OSError) -> ExitCode:
    """Name the error of standard output, unless its reader is gone: nobody reads the word then."""
    _silence(1)
    if isinstance(error, BrokenPipeError):
        return ExitCode.FAILED
    print_error(f"cannot write to standard output: {error.strerror}")
    return ExitCode.UNUSABLE


def print_error(message: object) -> None:
    """Print a line on standard error, if it takes one."""
    print_line(sys.stderr, f"cq-tui: {message}")


def print_line(stream: TextIO, line: str) -> bool:
    """Print a line on a standard stream; return whether it was taken."""
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError:
        # The disk of its file may be full, the reader of its pipe gone.
        _silence(stream.fileno())
        return False
    return True


def _silence(descriptor: int) -> None:
    """Throw away what is still written to a standard stream: it must not fail again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


class _Output(io.FileIO):
    _has_failed = False

    def write(self, data: "bytes | memoryview", /) -> int:  # type: ignore[override]
        if self._has_failed:
            return len(data)
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise
        except OSError as error:
            self._has_failed = True
            raise OutputFailed(error.errno, error.strerror, "standard output") from None


class _Errors(io.FileIO):
    def write(self, data: "bytes | memoryview", /) -> int:  # type: ignore[override]
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)

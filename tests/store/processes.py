"""Real processes for tests: small programs that are killed, limited or waited for by their pid."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def program(source: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program; kill it at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def killed_at_a_call(source: str, *names: str) -> str:
    """Return a program that is killed just before the n-th call of these functions of ``os``; n is its second argument.

    It ends with 0 if there are fewer. The imports of
    ``source`` come first, up to an empty line, and are not counted.
    """
    imports, _, work = source.strip().partition("\n\n")
    deadly = f"""
import os, signal, sys
left = int(sys.argv[2])
def deadly(call):
    def called(*args, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **more)
    return called
for name in {names!r}:
    setattr(os, name, deadly(getattr(os, name)))
"""
    return f"{imports}\n{deadly}{work}\n"


def finished(source: str, *arguments: object) -> str:
    """Run a program to its good end and return what it printed."""
    with program(source, *arguments) as process:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
        return out.decode()


def until(holds: Callable[[], object], seconds: float = 20.0, step: float = 0.005) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(step)


def until_more(counts: list[int]) -> None:
    """Wait until another thread has counted on, in the first of its counts."""
    before = counts[0]
    until(lambda: counts[0] > before, step=0.001)


def word(process: subprocess.Popen[bytes]) -> bytes:
    """Return the next line that a program prints."""
    assert process.stdout is not None
    line: bytes = process.stdout.readline().strip()
    if not line:
        _, said = process.communicate(timeout=60)
        raise AssertionError(f"the program ended without a word: {said.decode()}")
    return line

"""A process that prints one figure, and the most memory that it and each of its children took."""

import subprocess
import sys
import time
from typing import NamedTuple

import psutil

#: Seconds; looking costs the processor that is being measured a few milliseconds.
_LOOK_EVERY = 0.25


class Watched(NamedTuple):
    """What the process printed, and the largest resident size of any single process of it (MiB)."""

    figure: float
    peak_mib: float


def run_timed(module: str, *words: str) -> float:
    """Run a module of ours, which prints a figure. Nothing looks at it: even that would slow it down."""
    return float(subprocess.run([sys.executable, "-m", module, *words], stdout=subprocess.PIPE, check=True).stdout)


def run_watched(module: str, *words: str) -> Watched:
    """Run a module of ours until it ends."""
    peak = 0
    with subprocess.Popen([sys.executable, "-m", module, *words], stdout=subprocess.PIPE, text=True) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, _largest(process))
            time.sleep(_LOOK_EVERY)
        assert child.stdout is not None
        printed = child.stdout.read()
    if child.returncode:
        raise RuntimeError(f"{module} ended with {child.returncode}")
    return Watched(float(printed), peak / 2**20)


def _largest(process: psutil.Process) -> int:
    try:
        return max(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.Error:
        # One of them has just ended; it was looked at before.
        return 0

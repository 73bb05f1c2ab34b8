"""What the real memory service takes at rest, over a long history that it checks all the time."""

import subprocess
import sys
import time

import psutil

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, cpu_seconds
from cq_tui.contracts.health import MemoryHealth
from cq_tui.store.document import DocumentError, read_document, write_document

_BAR_PERCENT = 0.6
_BAR_MIB = 80.0
_PATIENCE = 180.0
#: A service that takes less than this (per cent of a core) over two seconds is done with what it does at its start.
_CALM_PERCENT = 4.0


def measure(history: LargeHistory, seconds: float) -> Row:
    """Run the service until its start is over, then watch it."""
    data = history.data
    write_document(data.state_of("memory"), {"watermark": history.watermark, "faults": []})
    command = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "service", "memory"]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process = psutil.Process(service.pid)
        _wait_until_calm(history, process)
        percent = _cpu_percent(process, seconds)
        memory = process.memory_info().rss / 2**20
        health = read_document(data.health_of("memory"), MemoryHealth)
        if not health.integrity_ok:
            raise ValueError(f"a sound history was refused: {health.reason}")
    finally:
        service.terminate()
        service.wait()
    return Row(
        f"memory service at rest, checking {history.size}",
        f"{percent:.2f} % of a core, {memory:.0f} MiB",
        "-",
        "-",
        f"<= {_BAR_PERCENT} %, <= {_BAR_MIB:.0f} MiB",
        percent <= _BAR_PERCENT and memory <= _BAR_MIB,
    )


def _wait_until_calm(history: LargeHistory, process: psutil.Process) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        try:
            health = read_document(history.data.health_of("memory"), MemoryHealth)
        except DocumentError:
            is_done = False
        else:
            # Ready comes at once; then the beginning is verified in the background.
            is_done = bool(health.ready) and (health.last_full_check or 0.0) > (health.started_ts or 0.0)
        if is_done and _cpu_percent(process, 2.0) < _CALM_PERCENT:
            return
        time.sleep(0.2)
    raise TimeoutError("the memory service did not come to rest")


def _cpu_percent(process: psutil.Process, seconds: float) -> float:
    before = cpu_seconds(process)
    time.sleep(seconds)
    return (cpu_seconds(process) - before) / seconds * 100

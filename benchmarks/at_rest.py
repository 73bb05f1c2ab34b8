"""The whole stack in simulation with the room: CPU of its start, then CPU and memory at rest.

Its peers are as many Python processes that only import the same libraries, or only wait, and a bare Textual app.
"""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.first_paint import BARE_APP
from benchmarks.report import Row, cpu_seconds
from benchmarks.terminal import Terminal, room_command
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.down import stop_stack
from cq_tui.ops.status import read_status
from cq_tui.store.lock import read_holder

_IMPORT = "import asyncio, httpx, numpy, pydantic.main, websockets.asyncio.client, textual.app"
_IDLE = "import asyncio, json, logging; asyncio.run(asyncio.sleep(3600))"
_START_PATIENCE = 60.0
#: The supervisor beside the services; the room makes one more.
_PROCESSES = (*SERVICES, "supervisor")
_READY_BAR_SECONDS = 6.0
_REST_BAR_PERCENT = 10.0
_ROOM_BAR_PERCENT = 7.0
_ROOM_OUTPUT_BAR = 12.0
_MEMORY_BAR_MB = 300.0
#: Seven tenths of what a start took while each service loaded all libraries and took klines one by one (2.35).
_START_BAR_IMPORTS = 1.65


def measure(seconds: float) -> list[Row]:
    """Run the stack with 14 symbols until it is ready and quiet, then watch it."""
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(Path(folder) / "data")
        try:
            # What was compiled is kept, as a user's is, and the first start compiles.
            environment = {"PYTHONDONTWRITEBYTECODE": ""}
            with Terminal(room_command(str(data.root)), environment=environment) as terminal:
                _wait_until_ready(data, terminal)
            asyncio.run(stop_stack(data))
            data = DataDir(Path(folder) / "again")
            with Terminal(room_command(str(data.root)), environment=environment) as terminal:
                painted = terminal.wait_for(b"services")
                ready = _wait_until_ready(data, terminal) - painted
                processes = [*_processes(data), psutil.Process(terminal.pid)]
                started = sum(map(cpu_seconds, processes))
                imported = _imports_cpu_seconds(len(processes))
                terminal.drain(5.0)
                cpu, output = _watch(processes, terminal, seconds)
                memory = _memory_mb(processes)
                room_memory = _memory_mb(processes[-1:])
        finally:
            asyncio.run(stop_stack(data))
    idle_cpu, idle_memory = _idle(len(_PROCESSES), seconds)
    total, count = sum(cpu), len(processes)
    return [
        _below("first paint -> all services ready", ready, _READY_BAR_SECONDS, "s", "-", "-"),
        Row(
            "CPU of a start until all is ready",
            f"{started:.1f} s in {count} processes",
            f"{count} processes that import the libraries {imported:.1f} s",
            f"{started / imported:.2f}x",
            f"<= {_START_BAR_IMPORTS}x",
            started <= _START_BAR_IMPORTS * imported,
        ),
        _below("room with 14 live symbols, CPU of a core", cpu[-1], _ROOM_BAR_PERCENT, "%", "-", "-"),
        _below("room with 14 live symbols, output", output, _ROOM_OUTPUT_BAR, "kB/s", "-", "-"),
        _below(
            "whole stack at rest, CPU of a core", total, _REST_BAR_PERCENT, "%",
            f"{len(_PROCESSES)} idle processes + bare app {idle_cpu:.1f} %",
            f"room {cpu[-1]:.1f}, rest {total - cpu[-1]:.1f} %",
        ),
        _below(
            "whole stack at rest, memory (PSS)", memory, _MEMORY_BAR_MB, "MiB",
            f"{len(_PROCESSES)} idle processes + bare app {idle_memory:.0f} MiB",
            f"room {room_memory:.0f}, rest {memory - room_memory:.0f} MiB",
        ),
    ]  # fmt: skip


def _below(what: str, value: float, bar: float, unit: str, peer: str, relation: str) -> Row:
    return Row(what, f"{value:.1f} {unit}", peer, relation, f"<= {bar:.0f} {unit}", value <= bar)


def _processes(data: DataDir) -> list[psutil.Process]:
    holders = [read_holder(data.lock_of(name)) for name in _PROCESSES]
    return [psutil.Process(holder.pid) for holder in holders if holder]


def _wait_until_ready(data: DataDir, terminal: Terminal) -> float:
    deadline = time.perf_counter() + _START_PATIENCE
    while time.perf_counter() < deadline:
        health = read_status(data).health
        if len(health) == len(SERVICES) and all(entry.ready for entry in health.values()):
            return time.perf_counter()
        terminal.drain(0.1)
    raise TimeoutError("the stack did not become ready")


def _watch(processes: Sequence[psutil.Process], terminal: Terminal, seconds: float) -> tuple[list[float], float]:
    """Return what each process uses of a core over a while, in percent, and the terminal's kB/s."""
    before = [cpu_seconds(process) for process in processes]
    output = terminal.load(seconds).output
    used = [cpu_seconds(process) - start for process, start in zip(processes, before, strict=True)]
    return [cpu / seconds * 100 for cpu in used], output


def _memory_mb(processes: Sequence[psutil.Process]) -> float:
    """Return their memory in MiB, what several share counted once (Linux); elsewhere the resident memory."""
    infos = [process.memory_full_info() for process in processes]
    return float(sum(getattr(info, "pss", info.rss) for info in infos)) / 2**20


def _imports_cpu_seconds(count: int) -> float:
    """Return the CPU seconds of as many processes, started like ours but one after the other."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(count):
        subprocess.run([sys.executable, "-c", _IMPORT], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _idle(count: int, seconds: float) -> tuple[float, float]:
    """Return CPU in percent of a core, and MiB, of as many idle processes and a bare app."""
    children = [subprocess.Popen([sys.executable, "-c", _IDLE]) for _ in range(count)]
    try:
        with Terminal([sys.executable, "-c", BARE_APP]) as terminal:
            terminal.wait_for(b"painted")
            terminal.drain(1.0)
            processes = [psutil.Process(pid) for pid in (terminal.pid, *(child.pid for child in children))]
            return sum(_watch(processes, terminal, seconds)[0]), _memory_mb(processes)
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
            child.wait()

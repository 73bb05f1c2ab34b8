"""The whole stack with the room at rest, against as many bare asyncio processes and a bare Textual app."""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.first_paint import BARE_APP
from benchmarks.report import Row, cpu_seconds
from benchmarks.terminal import Terminal, room_command
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.down import stop_stack
from cq_tui.ops.status import read_status
from cq_tui.store.lock import read_holder

_IDLE = "import asyncio, json, logging; asyncio.run(asyncio.sleep(3600))"
_START_PATIENCE = 60.0
_ROOM_CPU_BAR = 7.0
_ROOM_OUTPUT_BAR = 12.0


def measure(seconds: float) -> list[Row]:
    """Run the stack in simulation with 14 symbols, wait until it is ready, then watch it."""
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(Path(folder) / "data")
        try:
            with Terminal(room_command(str(data.root))) as terminal:
                painted = terminal.wait_for(b"services")
                ready = _wait_until_ready(data, terminal) - painted
                terminal.drain(5.0)
                pids = [holder.pid for name in SERVICES if (holder := read_holder(data.lock_of(name)))]
                services = [psutil.Process(pid) for pid in pids]
                before = [cpu_seconds(process) for process in services]
                room, output = terminal.load(seconds)
                cpu = sum(cpu_seconds(process) - start for process, start in zip(services, before, strict=True))
                memory = sum(process.memory_info().rss for process in services) / 2**20
                room_memory = terminal.memory_mb()
        finally:
            asyncio.run(stop_stack(data))
    bare_cpu, bare_memory = _bare(len(SERVICES), seconds)
    total = cpu / seconds * 100 + room
    return [
        Row("first paint -> all services ready", f"{ready:.1f} s", "-", "-", "<= 10 s", ready <= 10),
        Row(
            "room with 14 live symbols, CPU",
            f"{room:.1f} % of a core",
            "-",
            "-",
            f"<= {_ROOM_CPU_BAR:.0f} %",
            room <= _ROOM_CPU_BAR,
        ),
        Row(
            "room with 14 live symbols, output",
            f"{output:.1f} kB/s",
            "-",
            "-",
            f"<= {_ROOM_OUTPUT_BAR:.0f} kB/s",
            output <= _ROOM_OUTPUT_BAR,
        ),
        Row(
            "whole stack at rest, CPU",
            f"{total:.1f} % of a core (room {room:.1f} %)",
            f"{len(SERVICES)} idle processes + bare app {bare_cpu:.1f} %",
            f"+{total - bare_cpu:.1f} points",
            "-",
            None,
        ),
        Row(
            "whole stack at rest, memory",
            f"{memory + room_memory:.0f} MiB (room {room_memory:.0f})",
            f"{len(SERVICES)} idle processes + bare app {bare_memory:.0f} MiB",
            f"{(memory + room_memory) / bare_memory:.1f}x",
            "-",
            None,
        ),
    ]


def _wait_until_ready(data: DataDir, terminal: Terminal) -> float:
    deadline = time.perf_counter() + _START_PATIENCE
    while time.perf_counter() < deadline:
        health = read_status(data).health
        if len(health) == len(SERVICES) and all(entry.ready for entry in health.values()):
            return time.perf_counter()
        terminal.drain(0.1)
    raise TimeoutError("the stack did not become ready")


def _bare(count: int, seconds: float) -> tuple[float, float]:
    children = [subprocess.Popen([sys.executable, "-c", _IDLE]) for _ in range(count)]
    try:
        with Terminal([sys.executable, "-c", BARE_APP]) as terminal:
            terminal.wait_for(b"painted")
            terminal.drain(1.0)
            processes = [psutil.Process(child.pid) for child in children]
            before = sum(map(cpu_seconds, processes))
            app = terminal.load(seconds).cpu
            idle = (sum(map(cpu_seconds, processes)) - before) / seconds * 100
            memory = sum(process.memory_info().rss for process in processes) / 2**20 + terminal.memory_mb()
            return idle + app, memory
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
            child.wait()

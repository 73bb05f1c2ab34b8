"""From ARES' append of a signal until the trader has read it from a chained line, through the real memory service."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from benchmarks.directory import prepared
from benchmarks.memory.sample_events import START, sample_events
from benchmarks.report import Row, middle
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.signal_history import SignalHistory
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.spool import EventSpool
from cq_tui.store.watch import watch_folders

#: Milliseconds over one append with fdatasync and one flush of the chain; over the slowest appends.
_MIDDLE_BAR, _SLOWEST_BAR = 2.0, 10.0
_PATIENCE = 60.0
_DATA = {"symbol": "BTCUSDT", "side": "BUY", "strategy": "benchmark", "frame": "1m", "bar_close_time": 1}


class _Times(NamedTuple):
    """Milliseconds, one of each for each signal."""

    covered: list[float]
    append: list[float]
    flush: list[float]


def measure(place: Path, signals: int) -> Iterator[Row]:
    """Send signals one by one, with pauses; before each, write and chain an event here, with nothing in between."""
    times = asyncio.run(_measure(place, signals))
    appended, flushed, covered = (middle(each) for each in (times.append, times.flush, times.covered))
    over = covered - appended - flushed
    yield Row(
        f"signal appended until it is read from a chained line, middle of {signals}",
        f"{covered:.1f} ms",
        f"append with fdatasync {appended:.1f} ms, flush of the chain {flushed:.1f} ms",
        f"+{over:.1f} ms",
        f"<= +{_MIDDLE_BAR:.0f} ms",
        over <= _MIDDLE_BAR,
    )
    slowest, slowest_append = _percentile_99(times.covered), _percentile_99(times.append)
    yield Row(
        f"the same, 99th percentile of {signals}",
        f"{slowest:.1f} ms",
        f"append with fdatasync {slowest_append:.1f} ms",
        f"+{slowest - slowest_append:.1f} ms",
        f"<= +{_SLOWEST_BAR:.0f} ms",
        slowest - slowest_append <= _SLOWEST_BAR,
    )


async def _measure(place: Path, signals: int) -> _Times:
    data, other = prepared(place / "signals", 0), prepared(place / "signals-peer", 0)
    command = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "service", "memory"]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spool = EventSpool(data.spool, "ares", quarantine=data.quarantine)
    peer = HistoryWriter(other, now=START)
    times, draw = _Times([], [], []), random.Random(signals)
    try:
        await _wait_until_ready(data)
        history = SignalHistory(data, None, 0.0)
        with watch_folders([data.memory]) as watch:
            for number in range(1, signals + 1):
                started = time.perf_counter()
                peer.append(sample_events(number, 1), START + number)
                appended = time.perf_counter()
                peer.flush_chain()
                flushed = time.perf_counter()
                await asyncio.sleep(draw.uniform(0.07, 0.13))
                sent = time.perf_counter()
                spool.emit("signal_generated", _DATA)
                while not any(b'"signal_generated"' in line for line in history.read()):
                    await watch.changes(timeout=0.5)
                times.covered.append((time.perf_counter() - sent) * 1000)
                times.append.append((appended - started) * 1000)
                times.flush.append((flushed - appended) * 1000)
    finally:
        spool.close()
        peer.close()
        service.terminate()
        service.wait()
    return times


async def _wait_until_ready(data: DataDir) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        try:
            if read_document(data.health_of("memory"), MemoryHealth).ready:
                return
        except DocumentError:
            pass
        await asyncio.sleep(0.05)
    raise TimeoutError("the memory service did not become ready")


def _percentile_99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]

"""Durable events with their chain, against SQLite doing the same: in batches, one by one, and from four writers."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.directory import prepared
from benchmarks.memory.sample_events import sample_events
from benchmarks.memory.sqlite_history import SqliteHistory
from benchmarks.report import Row, in_turn
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalReader

#: The service shows new blocks at most this often (seconds).
_CHAIN_INTERVAL = 0.5
_BARS = {100: 1.25, 1000: 1.35}
_WRITERS = 4
_WRITERS_BAR = 1.6
_PATIENCE = 120.0


def measure(place: Path, rounds: int, events: int) -> Iterator[Row]:
    """Measure batches of 100 and 1,000 with ``events`` events a round, then single ones, then four writers."""
    singles = max(100, events // 100)
    for batch, bar in _BARS.items():
        yield _batches(place, rounds, events, batch, bar)
    yield _batches(place, rounds, singles, 1, None)
    yield _four_writers(place, rounds, singles)


def _batches(place: Path, rounds: int, events: int, batch: int, bar: float | None) -> Row:
    compared = in_turn(lambda: _ours(place, events, batch), lambda: _sqlite(place, events, batch), rounds)
    return Row(
        f"durable events with chain, {'one' if batch == 1 else f'{batch:,}'} at a time",
        f"{compared.ours * 1e6:.1f} µs an event",
        f"SQLite WAL FULL with hash column {compared.peer * 1e6:.1f} µs",
        f"{compared.ratio:.2f}x",
        "-" if bar is None else f">= {bar}x",
        None if bar is None else compared.ratio >= bar,
    )


def _ours(place: Path, events: int, batch: int) -> float:
    """Return seconds an event, with the chain shown at the service's pace."""
    data = prepared(_empty(place / "ours"), 0)
    history = HistoryWriter(data, now=time.time())
    flushed = 0.0

    def append(first: int, count: int, spent: float) -> float:
        nonlocal flushed
        batch_events = sample_events(first, count)
        started = time.perf_counter()
        history.append(batch_events, time.time())
        if spent - flushed >= _CHAIN_INTERVAL:
            history.flush_chain()
            flushed = spent
        return time.perf_counter() - started

    spent = _total(append, events, batch)
    started = time.perf_counter()
    history.flush_chain()
    spent += time.perf_counter() - started
    history.close()
    return spent / events


def _sqlite(place: Path, events: int, batch: int) -> float:
    """Return seconds an event."""
    peer = SqliteHistory(_empty(place / "sqlite") / "events.db")

    def append(first: int, count: int, _spent: float) -> float:
        batch_events = sample_events(first, count)
        started = time.perf_counter()
        peer.append(batch_events, time.time())
        return time.perf_counter() - started

    spent = _total(append, events, batch)
    peer.close()
    return spent / events


def _total(append: Callable[[int, int, float], float], events: int, batch: int) -> float:
    spent = 0.0
    for first in range(1, events + 1, batch):
        spent += append(first, min(batch, events + 1 - first), spent)
    return spent


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _four_writers(place: Path, rounds: int, events: int) -> Row:
    compared = in_turn(lambda: _spooling(place, events), lambda: _sharing(place, events), rounds)
    return Row(
        f"{_WRITERS} processes, single durable events, until merged",
        f"{compared.ours * 1e6:.0f} µs an event",
        f"{_WRITERS} processes on one SQLite WAL FULL {compared.peer * 1e6:.0f} µs",
        f"{compared.ratio:.2f}x",
        f">= {_WRITERS_BAR}x",
        compared.ratio >= _WRITERS_BAR,
    )


def _spooling(place: Path, events: int) -> float:
    """Return seconds an event until the memory service has merged what all processes spooled."""
    data = prepared(_empty(place / "ours"), 0)
    command = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "service", "memory"]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until(lambda: data.health_of("memory").exists() or service.poll() is not None)
        reader = JournalReader(data.events)
        merged = 0

        def all_merged() -> bool:
            nonlocal merged
            if service.poll() is not None:
                raise RuntimeError(f"the memory service ended with {service.returncode}")
            merged += sum(b'"event_type":"order_executed"' in line for line in reader.read_new())
            return merged >= _WRITERS * events

        return _until_done("spool", data.root, events, all_merged) / (_WRITERS * events)
    finally:
        service.terminate()
        service.wait()


def _sharing(place: Path, events: int) -> float:
    """Return seconds an event until all processes have written to one database."""
    path = _empty(place / "sqlite") / "events.db"
    SqliteHistory(path).close()
    return _until_done("sqlite", path, events, lambda: True) / (_WRITERS * events)


def _until_done(kind: str, place: Path, events: int, done: Callable[[], bool]) -> float:
    """Start the writers, let them begin together, and return how long it takes until all is done."""
    command = [sys.executable, "-m", "benchmarks.memory.one_writer", kind, str(place), str(events)]
    writers = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(_WRITERS)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        started = time.perf_counter()
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()
        for writer in writers:
            writer.wait(_PATIENCE)
        _wait_until(done)
        return time.perf_counter() - started
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
            for pipe in (writer.stdin, writer.stdout):
                if pipe is not None:
                    pipe.close()


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while not done():
        if time.perf_counter() > deadline:
            raise TimeoutError("the events were not written in time")
        time.sleep(0.002)

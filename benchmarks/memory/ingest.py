"""Durable events with their chain, against SQLite doing the same: in batches, one by one, and from four writers."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.directory import prepared
from benchmarks.memory.sample_events import sample_events
from benchmarks.memory.sqlite_history import SqliteHistory
from benchmarks.report import ROUNDS_LAST, Row, in_turn
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalReader
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool

#: The service shows new blocks at most this often (seconds).
_CHAIN_INTERVAL = 0.5
_BARS = {100: 1.0, 1000: 1.0}
#: Most microseconds of CPU from a spooled line to its block.
_CPU_BAR = 10.0
_CPU_BATCH = 1000
_ROUNDS = 5
_WRITERS = 4
_WRITERS_BAR = 1.6
_PATIENCE = 120.0


class _Spent(NamedTuple):
    """Seconds an event, on the clock and of this process's CPU."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall * 1e6:.1f} µs, CPU {self.cpu * 1e6:.1f} µs"


class _Stopwatch:
    """Adds up the time of what is measured."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure this."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def spent(self, events: int) -> _Spent:
        """Return the time an event."""
        return _Spent(self.wall / events, self.cpu / events)


def measure(place: Path, rounds: int, events: int) -> Iterator[Row]:
    """Measure batches of 100 and 1,000 with ``events`` events a round, then single ones, then four writers."""
    singles = max(100, events // 100)
    for batch, bar in _BARS.items():
        yield _batches(place, events, batch, bar)
    yield _batches(place, singles, 1, None)
    yield _merging(place, events)
    yield _four_writers(place, rounds, singles)


def _batches(place: Path, events: int, batch: int, bar: float | None) -> Row:
    ours, peer = _best_in_turn(lambda: _ours(place, events, batch), lambda: _sqlite(place, events, batch))
    ratio = peer.wall / ours.wall
    return Row(
        f"durable events with chain, {'one' if batch == 1 else f'{batch:,}'} at a time",
        f"{ours} an event",
        f"SQLite WAL FULL with hash column {peer}",
        f"{ratio:.2f}x, CPU {peer.cpu / ours.cpu:.2f}x",
        "-" if bar is None else f">= {bar}x",
        None if bar is None else ratio >= bar,
    )


def _merging(place: Path, events: int) -> Row:
    """CPU of an event on its whole way through memory: spooled line, merged, written, chained."""
    ours, peer = _best_in_turn(lambda: _merged(place, events), lambda: _sqlite(place, events, _CPU_BATCH))
    return Row(
        f"spooled event until it is chained, {_CPU_BATCH:,} at a time",
        f"{ours} an event",
        f"SQLite, without a spool, {peer}",
        "-",
        f"CPU <= {_CPU_BAR:.0f} µs",
        ours.cpu * 1e6 <= _CPU_BAR,
    )


def _best_in_turn(ours: Callable[[], _Spent], peer: Callable[[], _Spent]) -> tuple[_Spent, _Spent]:
    """Return the best of five rounds of each, each of them first every other time; fewer on a slow machine."""
    mine, theirs, deadline = list[_Spent](), list[_Spent](), time.perf_counter() + ROUNDS_LAST
    for number in range(_ROUNDS):
        if mine and time.perf_counter() > deadline:
            break
        for results, run in ((mine, ours), (theirs, peer))[:: -1 if number % 2 else 1]:
            results.append(run())
    return _best(mine), _best(theirs)


def _best(results: list[_Spent]) -> _Spent:
    return _Spent(min(spent.wall for spent in results), min(spent.cpu for spent in results))


class _ChainedHistory:
    """A history whose chain is shown at the service's pace."""

    def __init__(self, place: Path) -> None:
        self.data = prepared(_empty(place / "ours"), 0)
        self.history = HistoryWriter(self.data, now=time.time())
        self._flushed = 0.0

    def append(self, batch: list[NewEvent], spent: float) -> None:
        """Append a batch; ``spent`` is the time that was measured so far."""
        self.history.append(batch, time.time())
        if spent - self._flushed >= _CHAIN_INTERVAL:
            self.history.flush_chain()
            self._flushed = spent


def _ours(place: Path, events: int, batch: int) -> _Spent:
    chained, watch = _ChainedHistory(place), _Stopwatch()
    for batch_events in _in_batches(events, batch):
        with watch.running():
            chained.append(batch_events, watch.wall)
    with watch.running():
        chained.history.flush_chain()
    chained.history.close()
    return watch.spent(events)


def _merged(place: Path, events: int) -> _Spent:
    chained, watch = _ChainedHistory(place), _Stopwatch()
    data = chained.data
    merger = SpoolMerger(data.spool, data.quarantine, chained.history.cursors)
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for batch_events in _in_batches(events, _CPU_BATCH):
        for event in batch_events:
            spool.emit(event.event_type, event.data, now=event.occurred_at)
        with watch.running():
            more = True
            while more:
                collected = merger.collect()
                chained.append(collected.events, watch.wall)
                more = collected.more
    with watch.running():
        chained.history.flush_chain()
    assert chained.history.events == events
    spool.close()
    chained.history.close()
    return watch.spent(events)


def _sqlite(place: Path, events: int, batch: int) -> _Spent:
    peer, watch = SqliteHistory(_empty(place / "sqlite") / "events.db"), _Stopwatch()
    for batch_events in _in_batches(events, batch):
        with watch.running():
            peer.append(batch_events, time.time())
    peer.close()
    return watch.spent(events)


def _in_batches(events: int, batch: int) -> Iterator[list[NewEvent]]:
    for first in range(1, events + 1, batch):
        yield sample_events(first, min(batch, events + 1 - first))


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

"""What the building blocks cost on this machine, so that figures of different machines can be compared."""

import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import orjson

from benchmarks.memory.sample_events import sample_events
from benchmarks.report import Row, middle
from cq_tui.store.history.event_line import EventClock, build_line

_ROUNDS = 50
_CALLS = 200


def measure(place: Path) -> Row:
    """Hash and parse an event line, wait for the disk, and look how busy the machine is."""
    event = sample_events(500_000, 1)[0]
    (head,) = EventClock().stamp_all(event.occurred_at, [event.event_type])
    line = build_line(head, event.source, event.data, event.writer, event.seq, event.occurred_at, event.metadata)
    return Row(
        f"this machine, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        f"SHA-256 of {len(line)} bytes {_cost(lambda: sha256(line).digest()):.2f} µs",
        f"orjson.loads of them {_cost(lambda: orjson.loads(line)):.2f} µs",
        f"fdatasync {_sync_cost(place, line):.0f} µs",
        "-",
        None,
    )


def _cost(call: Callable[[], object]) -> float:
    """Return microseconds a call."""
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_CALLS):
            call()
        times.append((time.perf_counter() - started) / _CALLS * 1e6)
    return middle(times)


def _sync_cost(place: Path, line: bytes) -> float:
    times = []
    path = place / "sync.tmp"
    with path.open("ab", buffering=0) as file:
        for _ in range(_ROUNDS):
            file.write(line)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1e6)
    path.unlink()
    return middle(times)

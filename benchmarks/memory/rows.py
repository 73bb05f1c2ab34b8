"""All rows of the history."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import checking, ingest, proofs, reading, recovery, signals, unit_costs, validating, verification
from benchmarks.memory.large_history import large_history
from benchmarks.report import Row
from benchmarks.trader import rebuilding
from benchmarks.trader.facts import facts

#: Making the long history takes no longer than this (seconds).
_MAKING = 60.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. ``events`` is the length of the long history."""

    events: int
    written: int
    rounds: int
    verifications: int
    rest_seconds: float
    signals: int
    #: Of the trader beside the long history.
    starts: int


FULL = Effort(events=1_000_000, written=50_000, rounds=7, verifications=3, rest_seconds=30.0, signals=300, starts=5)
QUICK = Effort(events=200_000, written=10_000, rounds=3, verifications=1, rest_seconds=20.0, signals=100, starts=3)


def measure(effort: Effort) -> Iterator[Row]:
    """Yield the rows as they are measured. Everything is written below the working directory.

    A temporary folder of the system may lie in memory, where syncing costs nothing.
    """
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
        place = Path(folder)
        yield unit_costs.measure(place)
        yield from ingest.measure(place, effort.rounds, effort.written)
        yield from signals.measure(place, effort.signals)
        with large_history(effort.events, _MAKING, place, facts()) as history:
            yield from verification.measure(history, effort.verifications)
            yield from validating.measure(history, effort.verifications)
            yield reading.measure(history, rounds=50)
            yield from proofs.measure(history, proofs=50)
            yield from recovery.measure(history, effort.verifications)
            yield checking.measure(history, effort.rest_seconds)
            yield from rebuilding.measure(history, effort.starts)
        yield unit_costs.measure(place)

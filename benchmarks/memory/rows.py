"""All rows of the history."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import (
    chain_append,
    checking,
    ingest,
    merkle,
    proofs,
    reading,
    recovery,
    unit_costs,
    verification,
)
from benchmarks.memory.large_history import large_history
from benchmarks.report import Row

#: Making the long history takes no longer than this (seconds).
_MAKING = 120.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. ``events`` is the length of the long history."""

    events: int
    written: int
    rounds: int
    verifications: int
    rest_seconds: float


FULL = Effort(events=1_000_000, written=50_000, rounds=7, verifications=3, rest_seconds=30.0)
QUICK = Effort(events=200_000, written=10_000, rounds=3, verifications=1, rest_seconds=10.0)


def measure(effort: Effort) -> tuple[list[Row], str]:
    """Return the rows, and a line about the machine. Everything is written below the working directory.

    A temporary folder of the system may lie in memory, where syncing costs nothing.
    """
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
        place = Path(folder)
        machine = unit_costs.told(place)
        rows = [
            *ingest.measure(place, effort.rounds, effort.written),
            merkle.measure(effort.rounds, effort.written),
        ]
        with large_history(effort.events, _MAKING, place) as history:
            rows += [
                *verification.measure(history, effort.verifications),
                reading.measure(history, rounds=50),
                *proofs.measure(history, proofs=50),
                chain_append.measure(history, place, rewrites=2),
                *recovery.measure(history, effort.verifications),
                checking.measure(history, effort.rest_seconds),
            ]
    return rows, machine

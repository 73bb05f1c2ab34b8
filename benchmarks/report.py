"""Rows of the table, and how they are printed."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: ours, the peer's, what relates them, and the bar that it is held against."""

    what: str
    ours: str
    peer: str
    relation: str
    bar: str
    reached: bool | None

    @property
    def verdict(self) -> str:
        """reached, missed, or reported where there is no bar."""
        return {True: "reached", False: "MISSED", None: "reported"}[self.reached]


HEADINGS = ("what", "ours", "peer", "relation", "bar", "")


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    cells = [HEADINGS, *((row.what, row.ours, row.peer, row.relation, row.bar, row.verdict) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def middle(values: list[float]) -> float:
    """Return the median."""
    return median(values)


class Spent(NamedTuple):
    """Milliseconds on the clock, and of CPU, which other processes on the machine do not lengthen."""

    wall: float
    cpu: float


def spent_on(call: Callable[[], bool]) -> Spent:
    """Return what a call takes, with the processes that it runs. Raises ValueError if its result is wrong."""
    wall, cpu = time.perf_counter(), _own_cpu_seconds()
    is_right = call()
    spent = Spent((time.perf_counter() - wall) * 1000, (_own_cpu_seconds() - cpu) * 1000)
    if not is_right:
        raise ValueError("what was measured gave a wrong result")
    return spent


def _own_cpu_seconds() -> float:
    usages = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def cpu_seconds(process: psutil.Process) -> float:
    """Return user and system time of a process so far."""
    times = process.cpu_times()
    return times.user + times.system


class Compared(NamedTuple):
    """Medians over all rounds; ``ratio`` is that of each round's peer / ours, so that a slow while hits both."""

    ours: float
    peer: float
    ratio: float


#: No further round begins when those of one comparison have taken so long (seconds).
ROUNDS_LAST = 25.0


def in_turn(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> Compared:
    """Measure both in each round, each of them first every other time; fewer rounds on a slow machine."""
    results: list[tuple[float, float]] = []
    deadline = time.perf_counter() + ROUNDS_LAST
    for number in range(rounds):
        if results and time.perf_counter() > deadline:
            break
        if number % 2:
            theirs = peer()
            results.append((ours(), theirs))
        else:
            results.append((ours(), peer()))
    return Compared(
        middle([mine for mine, _ in results]),
        middle([theirs for _, theirs in results]),
        middle([theirs / mine for mine, theirs in results]),
    )

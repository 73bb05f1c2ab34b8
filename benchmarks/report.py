"""Rows of the table, and how they are printed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple


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

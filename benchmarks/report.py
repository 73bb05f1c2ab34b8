"""Rows of the table, and how they are printed."""

from dataclasses import dataclass
from statistics import median


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

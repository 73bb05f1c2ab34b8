"""Fixed-width columns: which ones fit, how wide the growing one is, and cells cut or padded to their width."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

#: Blank cells between two columns.
GAP = 2


class Cell(NamedTuple):
    """Text and its style name (see the styles of LineTable)."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. When space is short, the highest ``drop_rank`` is dropped first; rank 0 always stays."""

    heading: str
    width: int
    align_right: bool = False
    drop_rank: int = 0
    #: Takes the remaining width; at most one column.
    grows: bool = False


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Indexes and widths of the visible columns."""

    shown: tuple[int, ...]
    widths: tuple[int, ...]

    def width_of(self, index: int) -> int:
        """Width of a column; 0 when it is hidden."""
        return self.widths[self.shown.index(index)] if index in self.shown else 0


def lay_out(columns: Sequence[Column], available: int, wanted: Sequence[int] | None = None) -> ColumnLayout:
    """Choose the columns that fit ``available`` cells and give the growing one the rest.

    ``wanted``: the indexes of those to choose from, in the order in which they are shown; all by default.
    """
    shown = list(range(len(columns)) if wanted is None else wanted)
    while len(shown) > 1 and _needed(columns, shown) > available:
        optional = [index for index in shown if columns[index].drop_rank > 0]
        if not optional:
            break
        shown.remove(max(optional, key=lambda index: (columns[index].drop_rank, index)))
    spare = available - _needed(columns, shown)
    # Where even the necessary ones do not fit, the growing one shrinks.
    widths = [max(1, columns[index].width + (spare if columns[index].grows else 0)) for index in shown]
    return ColumnLayout(tuple(shown), tuple(widths))


def _needed(columns: Sequence[Column], shown: Sequence[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * (len(shown) - 1)


def fit(text: str, width: int, right: bool = False) -> str:
    """Cut or pad text to exactly ``width`` cells; cut text ends in an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    return " " * (width - length) + text if right else text + " " * (width - length)

"""Lines of braille dots: each cell is two dots wide and four high."""

from collections.abc import Sequence
from itertools import pairwise

#: Bits of a cell, by column and row of the dot.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800


class DotCanvas:
    """Dots on ``width`` × ``height`` cells; the dot (0, 0) is at the upper left."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._cells: dict[tuple[int, int], int] = {}

    @property
    def cells(self) -> dict[tuple[int, int], str]:
        """The cells with dots, by row and column."""
        return {place: chr(_BRAILLE + bits) for place, bits in self._cells.items()}

    def rows(self) -> list[str]:
        """Return the rows as text, blanks where there are no dots."""
        cells = self.cells
        return ["".join(cells.get((row, column), " ") for column in range(self._width)) for row in range(self._height)]

    def draw(self, values: Sequence[float], low: float, high: float, *, every: int = 1) -> None:
        """Draw values from left to right as one line; of ``every`` dots in a row only the first."""
        heights = self._heights(values, low, high)
        for x, (before, here) in enumerate(pairwise([heights[0], *heights])):
            if x % every == 0:
                # What is broken by gaps climbs no walls: a dotted line stays dotted where it is steep.
                self._fill(x, here if every > 1 else before, here)

    def hang(self, values: Sequence[float], low: float, high: float) -> None:
        """Fill everything from the upper edge down to the values."""
        for x, here in enumerate(self._heights(values, low, high)):
            self._fill(x, 0, here)

    def _heights(self, values: Sequence[float], low: float, high: float) -> list[int]:
        """Return the row of the dot in each column of dots."""
        span, most = high - low or 1.0, self._height * 4 - 1
        last = self._width * 2 - 1
        sampled = (values[int(x / last * (len(values) - 1) + 0.5)] for x in range(last + 1))
        return [min(most, max(0, int((1 - (value - low) / span) * most + 0.5))) for value in sampled]

    def _fill(self, x: int, first: int, last: int) -> None:
        for y in range(min(first, last), max(first, last) + 1):
            place = (y // 4, x // 2)
            self._cells[place] = self._cells.get(place, 0) | _DOTS[x % 2][y % 4]

"""A price chart in text: a braille line, markers for signals and fills, and levels for stops and targets."""

from collections.abc import Sequence
from typing import NamedTuple

from cq_tui.ops.braille import DotCanvas

#: Dotted line of a level, where the price line does not cover it.
_LEVEL = "┄"


class ChartMarker(NamedTuple):
    """A marker at a time and price, such as a fill."""

    timestamp: float
    price: float
    glyph: str
    style: str


class ChartLevel(NamedTuple):
    """A horizontal line at a price, such as a stop."""

    price: float
    style: str


class ChartCell(NamedTuple):
    """One cell of the chart."""

    text: str
    style: str


class Chart(NamedTuple):
    """The cells, top row first, and the prices at the upper and lower edge."""

    rows: list[list[ChartCell]]
    high: float
    low: float


def draw_chart(
    line: Sequence[tuple[float, float]],
    marks: Sequence[ChartMarker],
    levels: Sequence[ChartLevel],
    width: int,
    height: int,
) -> Chart | None:
    """Draw (time, price) pairs, oldest first, into width × height cells; None if there is nothing to draw.

    Levels far from the line are left out, since they would flatten it.
    """
    if len(line) < 2 or width < 2 or height < 2:
        return None
    prices = [price for _, price in line]
    low, high = min(prices), max(prices)
    span = high - low or abs(high) * 1e-6 or 1.0
    near = [level for level in levels if low - span <= level.price <= high + span]
    low = min([low, *(level.price for level in near)])
    high = max([high, *(level.price for level in near)])
    span = high - low or span
    rows = [[ChartCell(" ", "") for _ in range(width)] for _ in range(height)]
    for level in near:
        row = rows[_row_of_price(level.price, low, span, height)]
        row[:] = [ChartCell(_LEVEL, level.style) for _ in row]
    _draw_line(rows, prices, low, span)
    start, length = line[0][0], (line[-1][0] - line[0][0]) or 1.0
    for mark in marks:
        # Infinite if the line spans almost no time, so compare it before converting it to an int.
        column = (mark.timestamp - start) / length * (width - 1) + 0.5
        if 0 <= column < width and low <= mark.price <= low + span:
            rows[_row_of_price(mark.price, low, span, height)][int(column)] = ChartCell(mark.glyph, mark.style)
    return Chart(rows, high, low)


def _row_of_price(price: float, low: float, span: float, height: int) -> int:
    return min(height - 1, max(0, int((1 - (price - low) / span) * (height - 1) + 0.5)))


def _draw_line(rows: list[list[ChartCell]], prices: Sequence[float], low: float, span: float) -> None:
    canvas = DotCanvas(len(rows[0]), len(rows))
    canvas.draw(prices, low, low + span)
    for (row, column), text in canvas.cells.items():
        rows[row][column] = ChartCell(text, "$accent")

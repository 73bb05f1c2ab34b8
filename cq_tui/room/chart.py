"""A price chart in text: candles in half blocks, marks of what we did, levels with labels, volume and times."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cq_tui.ops.formatting import format_clock, sparkline
from cq_tui.room.candles import Bar

#: Dotted line of a level, where no candle covers it.
_LEVEL = "┄"
_BODY, _UPPER, _LOWER, _WICK, _WICK_UPPER, _WICK_LOWER = "█", "▀", "▄", "│", "╵", "╷"
#: Rising candles are light, falling ones dark.
RISING, FALLING = "$foreground", "$muted"
#: Columns from one time to the next.
_TIMES_APART = 18


class ChartMark(NamedTuple):
    """A mark of what we did, at a time (Unix seconds): below its candle, or above it."""

    time: float
    glyph: str
    style: str
    is_below: bool


class ChartLevel(NamedTuple):
    """A horizontal line at a price, such as a stop, with its label at the right."""

    price: float
    label: str
    style: str
    #: Whether a line is drawn; the label alone otherwise.
    has_line: bool = True


class ChartCell(NamedTuple):
    """One cell of the chart."""

    text: str
    style: str


class Chart(NamedTuple):
    """The cells, top row first, with a label at the end of each row; then volume and times."""

    rows: list[list[ChartCell]]
    labels: list[ChartCell]
    high: float
    low: float
    volume: str
    times: str


def draw_chart(
    bars: Sequence[Bar | None], marks: Sequence[ChartMark], levels: Sequence[ChartLevel], width: int, height: int
) -> Chart | None:
    """Draw bars, oldest first, a column each, the last at the right; None if there is nothing to draw.

    Levels far from the bars have a label at the edge and no line, since they would flatten the bars.
    """
    if width < 2 or height < 2:
        return None
    bars = bars[-width:]
    drawn = [bar for bar in bars if bar is not None]
    if not drawn:
        return None
    low, high = min(bar.low for bar in drawn), max(bar.high for bar in drawn)
    span = high - low or abs(high) * 1e-6 or 1.0
    near = [level for level in levels if low - span <= level.price <= high + span]
    far = [level for level in levels if level not in near]
    low, high = min([low, *(level.price for level in near)]), max([high, *(level.price for level in near)])
    scale = _Scale(low, high - low or span, height)
    rows = [[ChartCell(" ", "") for _ in range(width)] for _ in range(height)]
    for level in near:
        if level.has_line:
            row = rows[scale.row_of(level.price)]
            row[:] = [ChartCell(_LEVEL, level.style) for _ in row]
    left = width - len(bars)
    for column, bar in enumerate(bars, left):
        if bar is not None:
            for number, cell in _candle(bar, scale):
                rows[number][column] = cell
    _draw_marks(rows, bars, left, marks, scale)
    volumes = [None if bar is None else bar.volume for bar in bars]
    has_volume = any(volumes)
    return Chart(
        rows,
        _labels([*near, *(_pointed(level, low) for level in far)], scale, height),
        low + scale.span,
        low,
        # A little volume is drawn as a little one: the bars begin at zero.
        " " * left + sparkline([0.0, *volumes])[1:] if has_volume else "",
        _times(bars, left, width),
    )


class _Scale(NamedTuple):
    low: float
    span: float
    height: int

    def half_of(self, price: float) -> int:
        """Return the half row of a price, from the top."""
        most = 2 * self.height - 1
        return min(most, max(0, int((1 - (price - self.low) / self.span) * most + 0.5)))

    def row_of(self, price: float) -> int:
        """Return the row of a price, from the top."""
        return self.half_of(price) // 2


def _candle(bar: Bar, scale: _Scale) -> Iterator[tuple[int, ChartCell]]:
    style = RISING if bar.close >= bar.open else FALLING
    top, bottom = scale.half_of(bar.high), scale.half_of(bar.low)
    begin, end = scale.half_of(max(bar.open, bar.close)), scale.half_of(min(bar.open, bar.close))
    for row in range(top // 2, bottom // 2 + 1):
        upper, lower = 2 * row, 2 * row + 1
        if begin <= upper and lower <= end:
            glyph = _BODY
        elif begin <= upper <= end:
            glyph = _UPPER
        elif begin <= lower <= end:
            glyph = _LOWER
        elif top <= upper and lower <= bottom:
            glyph = _WICK
        else:
            glyph = _WICK_UPPER if top <= upper <= bottom else _WICK_LOWER
        yield row, ChartCell(glyph, style)


def _draw_marks(
    rows: list[list[ChartCell]], bars: Sequence[Bar | None], left: int, marks: Sequence[ChartMark], scale: _Scale
) -> None:
    starts = [(bar.time, column, bar) for column, bar in enumerate(bars, left) if bar is not None]
    for mark in marks:
        at = next(((column, bar) for time, column, bar in reversed(starts) if time <= mark.time), None)
        if at is None:
            continue
        column, bar = at
        row = scale.row_of(bar.low) + 1 if mark.is_below else scale.row_of(bar.high) - 1
        rows[min(len(rows) - 1, max(0, row))][column] = ChartCell(mark.glyph, mark.style)


def _labels(levels: Sequence[ChartLevel], scale: _Scale, height: int) -> list[ChartCell]:
    """Return a label for each row; one whose row is taken moves to the nearest that is free."""
    labels = [ChartCell("", "") for _ in range(height)]
    for level in levels:
        wanted = scale.row_of(level.price)
        free = [row for row in range(height) if not labels[row].text]
        if free:
            row = min(free, key=lambda row: abs(row - wanted))
            labels[row] = ChartCell(level.label, level.style)
    return labels


def _pointed(level: ChartLevel, low: float) -> ChartLevel:
    """Return a level beyond the chart with an arrow to it."""
    return level._replace(label=f"{'↓' if level.price < low else '↑'} {level.label}")


def _times(bars: Sequence[Bar | None], left: int, width: int) -> str:
    """Return times under their bars, as many as fit."""
    line = [" "] * width
    column = left
    while column < width:
        bar = bars[column - left]
        if bar is None:
            column += 1
            continue
        text = format_clock(bar.time)
        if column + len(text) > width:
            break
        line[column : column + len(text)] = text
        column += _TIMES_APART
    return "".join(line)

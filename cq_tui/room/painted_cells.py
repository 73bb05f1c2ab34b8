"""What the terminal shows, cell by cell, so that a frame writes only the cells that differ.

Textual writes whole lines of a widget whenever it is refreshed. Here each frame is compared with what was written
before; the cells that differ are written grouped by style, since a style costs more bytes than the few characters
that usually change.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

#: Unchanged cells between two changed ones of the same style that are written again: moving over them costs as much.
_CHEAPER_THAN_A_MOVE = 6


class Marks(NamedTuple):
    """What the terminal needs before and after a text of one style."""

    before: str
    after: str


class PaintedCell(NamedTuple):
    """A character in its style. The cells that a wide character covers after its first one hold no text."""

    text: str
    marks: Marks


class PaintedCells:
    """The cells last written to the terminal; None where that is unknown."""

    def __init__(self) -> None:
        self._lines: list[list[PaintedCell | None]] = []

    def forget(self) -> None:
        """Take all cells as unknown, when the terminal may have changed them by itself."""
        self._lines = []

    def difference(self, update: object) -> Any:
        """Return an update of the screen that writes only the cells that differ; anything else as it is."""
        return _Difference(self, update) if isinstance(update, CompositorUpdate) else update

    def write(self, update: CompositorUpdate, console: Console) -> str:
        """Return the terminal sequences of an update, and remember its cells.

        An update of the whole screen is written whole: it also repairs what another program may have written.
        """
        colors = COLOR_SYSTEMS[console.color_system or "truecolor"]
        if isinstance(update, ChopsUpdate):
            texts: dict[Marks, list[str]] = {}
            for y, x, strip in _visible_strips(update):
                self._compare(y, x, _cells(strip, colors), texts)
            return "".join(f"{marks.before}{''.join(parts)}{marks.after}" for marks, parts in texts.items())
        self.forget()
        if isinstance(update, LayoutUpdate):
            for line in update.strips:
                self._lines.append([cell for strip in line for cell in _cells(strip, colors)])
        return update.render_segments(console)

    def _compare(self, y: int, x: int, cells: list[PaintedCell], texts: dict[Marks, list[str]]) -> None:
        """Remember these cells, and add to ``texts`` those that differ from what was there."""
        while len(self._lines) <= y:
            self._lines.append([])
        line, end = self._lines[y], x + len(cells)
        line += [None] * (end - len(line))
        before, line[x:end] = line[x:end], cells
        if before == cells:
            return
        for start, stop in _runs(before, cells):
            text = "".join(cell.text for cell in cells[start:stop])
            texts.setdefault(cells[start].marks, []).append(f"\x1b[{y + 1};{x + start + 1}H{text}")


class _Difference(CompositorUpdate):
    """Compares when it is written: Textual drops some updates unwritten."""

    def __init__(self, painted: PaintedCells, update: CompositorUpdate) -> None:
        self._painted = painted
        self._update = update

    def render_segments(self, console: Console) -> str:
        return self._painted.write(self._update, console)


def _visible_strips(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Return row, column and content of the parts of an update."""
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < last and end > first:
                yield y, x, strip if end <= last else strip.crop(0, last - x)


def _runs(before: list[PaintedCell | None], cells: list[PaintedCell]) -> list[tuple[int, int]]:
    """Return the ranges to write, each of one style: all that differs, and short gaps between."""
    runs: list[tuple[int, int]] = []
    for index, cell in enumerate(cells):
        if cell == before[index]:
            continue
        start, stop = _character_at(index, cells)
        if runs and start - runs[-1][1] <= _CHEAPER_THAN_A_MOVE:
            first, done = runs[-1]
            if all(between.marks == cells[first].marks for between in cells[done:stop]):
                runs[-1] = (first, max(done, stop))
                continue
            start = max(start, done)
        if start < stop:
            runs.append((start, stop))
    return runs


def _character_at(index: int, cells: list[PaintedCell]) -> tuple[int, int]:
    """Return the range of cells of the character that covers a cell."""
    start, stop = index, index + 1
    while start and not cells[start].text:
        start -= 1
    while stop < len(cells) and not cells[stop].text:
        stop += 1
    return start, stop


def _cells(strip: Strip, colors: ColorSystem) -> list[PaintedCell]:
    return [cell for segment in strip for cell in _text_cells(segment.text, segment.style, colors)]


@lru_cache(maxsize=512)
def _text_cells(text: str, style: Style | None, colors: ColorSystem) -> tuple[PaintedCell, ...]:
    """Return the cells of a text. One of which not every character fills one cell is like a single wide one."""
    marks = _marks(style, colors)
    if all(map(_fills_one_cell, text)):
        return tuple(_cell(character, marks) for character in text)
    width = cell_len(text)
    return (PaintedCell(text, marks), *[PaintedCell("", marks)] * (width - 1))[:width]


@lru_cache(maxsize=4096)
def _cell(character: str, marks: Marks) -> PaintedCell:
    # The same object each time: equal cells are compared in no time, and kept once.
    return PaintedCell(character, marks)


@lru_cache(maxsize=1024)
def _fills_one_cell(character: str) -> bool:
    return get_character_cell_size(character) == 1


@lru_cache(maxsize=256)
def _marks(style: Style | None, colors: ColorSystem) -> Marks:
    if style is None:
        return Marks("", "")
    before, _, after = Strip.render_style(style, "\0", colors).partition("\0")
    return Marks(before, after)

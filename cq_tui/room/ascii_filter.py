"""Replaces every sign by its ASCII twin, in all that Textual paints."""

from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.scrollbar import ScrollBar, ScrollBarRender

from cq_tui.ascii_twins import to_ascii


class PlainScrollBar(ScrollBarRender):
    """Without the fine ends of a scroll bar: their twins would be letters on it."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def use_plain_scroll_bars() -> None:
    """Draw scroll bars of whole cells in this process."""
    ScrollBar.renderer = PlainScrollBar


class AsciiFilter(LineFilter):
    """For terminals that show ASCII only; every row keeps its width."""

    #: Keys that Textual shows as signs: a name says more than the sign's twin.
    key_names: ClassVar[dict[int, str]] = str.maketrans(
        {"⏎": "enter", "⌫": "backspace", "↑": "up", "↓": "down", "←": "left", "→": "right"}
    )

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [
            segment if segment.text.isascii() else Segment(_twin_of(segment.text), segment.style, segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def _twin_of(text: str) -> str:
    twin, width = to_ascii(text), cell_len(text)
    # Of joined signs the whole may be wider or narrower than its parts.
    return twin[:width].ljust(width)

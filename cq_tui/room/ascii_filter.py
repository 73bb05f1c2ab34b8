"""Replaces every sign by its ASCII twin, in all that Textual paints."""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from cq_tui.ops.ascii_twins import to_ascii

#: Keys that Textual shows as signs: a name says more than the sign's twin.
KEY_NAMES = str.maketrans({"⏎": "enter", "⌫": "backspace", "↑": "up", "↓": "down", "←": "left", "→": "right"})


class AsciiFilter(LineFilter):
    """For terminals that show ASCII only; every row keeps its width."""

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

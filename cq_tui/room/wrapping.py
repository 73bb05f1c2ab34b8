"""Wraps text for a column of a given width, in cells."""

import textwrap

from rich.cells import cell_len, chop_cells

#: A column is never taken for narrower than this.
_NARROWEST = 8


def wrap_text(text: str, width: int) -> list[str]:
    """Wrap at words, or at cells if any character is wide; at least one line."""
    room = max(_NARROWEST, width)
    if cell_len(text) != len(text):
        return chop_cells(text, room)
    return textwrap.wrap(text, room, break_on_hyphens=False) or [""]

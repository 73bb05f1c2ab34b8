"""Whether a screen alarms nobody: no word of trouble, nothing red but falling prices and refused orders."""

import re
from collections.abc import Iterable

#: What a person reads as trouble.
ALARMING = re.compile(r"\b(error|stale|missing|stopped|hung|gave up|unreadable|failed)\b")
#: Red by their nature, not by any trouble.
_RED_BY_NATURE = re.compile(r"([−\-\d.,%]+|✖balancetoo.*)?")


def find_alarms(lines: Iterable[str], red: Iterable[str]) -> list[str]:
    """Return the lines with a word of trouble, and the red texts.

    The rows of events only repeat what was recorded.
    """
    worded = [line for line in lines if ALARMING.search(line) and not re.search(r"\d\d:\d\d:\d\d  ", line)]
    return worded + [text for text in red if not _RED_BY_NATURE.fullmatch(text.replace(" ", ""))]


def split_colors(screen: str, color: tuple[int, ...]) -> tuple[str, list[str]]:
    """Split a screen with its color sequences into its text, and the parts of it in a color, in front or behind.

    A theme's color may come out one step off.
    """
    parts = re.split(r"\x1b\[([\d;]*)m", screen)
    colored, is_colored = [], False
    for numbers, text in zip(parts[1::2], parts[2::2], strict=True):
        if numbers in ("", "0"):
            is_colored = False
        for layer in re.finditer(r"([34])(8;2;(\d+);(\d+);(\d+)|\d\b)", numbers):
            red_green_blue = [int(value or -9) for value in layer.groups()[2:]]
            is_colored = all(abs(one - other) <= 1 for one, other in zip(red_green_blue, color, strict=True))
        if is_colored and text.strip():
            colored.append(text.strip())
    return "".join(parts[::2]), colored

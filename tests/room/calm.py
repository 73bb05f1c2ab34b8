"""Whether a screen alarms nobody: no word of trouble, nothing red but falling prices and sales."""

import re
from collections.abc import Iterable

#: What a person reads as trouble.
ALARMING = re.compile(r"\b(error|stale|missing|stopped|hung|gave up|unreadable|failed)\b")
#: Red by their nature, not by any trouble.
_RED_BY_NATURE = re.compile(r"([−\-\d.,%]+|SELL|rejected)?")


def find_alarms(lines: Iterable[str], red: Iterable[str]) -> list[str]:
    """Return the lines with a word of trouble, and the red texts.

    The rows of events only repeat what was recorded.
    """
    worded = [line for line in lines if ALARMING.search(line) and not re.search(r"\d\d:\d\d:\d\d  ", line)]
    return worded + [text for text in red if not _RED_BY_NATURE.fullmatch(text.replace(" ", ""))]

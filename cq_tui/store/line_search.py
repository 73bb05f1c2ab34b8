"""Binary search in a file of sorted lines, by bytes, reading next to nothing. Some lines may be damaged.

Lines are asked for their key; one that has none is stepped over.
"""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.store.journal import MAX_LINE_BYTES

Key = tuple[int, ...]

#: A range of so many bytes is read line by line.
_WINDOW = 4 * 1024
_BLOCK = 1024 * 1024


class PositionedLine(NamedTuple):
    """A line without its line feed, and the byte at which it begins."""

    offset: int
    line: bytes


def find_first(file: BinaryIO, key_of: Callable[[bytes], Key | None], wanted: Key) -> PositionedLine | None:
    """Return the first line whose key is not below ``wanted``, if there is one.

    A line that is not in order may hide others: who must be certain then reads them all (``lines_from``).
    """
    for place in lines_from(file, find_start(file, key_of, wanted)):
        key = key_of(place.line)
        if key is not None and key >= wanted:
            return place
    return None


def find_start(file: BinaryIO, key_of: Callable[[bytes], Key | None], wanted: Key) -> int:
    """Return the byte behind the last line before ``find_first`` whose key is below ``wanted``.

    Between the two may stand lines without a key: whoever reads on from here meets what is damaged.
    """
    # Every line with a key that begins before ``low`` is below; the one sought begins at ``high`` or before, or is
    # the next that has a key after it.
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _WINDOW:
        middle = (low + high) // 2
        step = _step(lines_from(file, middle, high, is_start=False), key_of, wanted)
        low, high = (low, middle) if step is None else (step, high)
    for place in lines_from(file, low):
        key = key_of(place.line)
        if key is not None and key >= wanted:
            break
        if key is not None:
            low = place.offset + len(place.line) + 1
    return low


def _step(lines: Iterator[PositionedLine], key_of: Callable[[bytes], Key | None], wanted: Key) -> int | None:
    """Return the end of the first line with a key when that is below; None when it is not, or there is none."""
    for place in lines:
        key = key_of(place.line)
        if key is not None:
            return place.offset + len(place.line) + 1 if key < wanted else None
    return None


def lines_from(
    file: BinaryIO, start: int, stop: int | None = None, *, is_start: bool = True
) -> Iterator[PositionedLine]:
    """Yield the whole lines that begin from byte ``start`` on and before ``stop``.

    ``is_start`` says that a line begins at ``start``; else what stands there is taken for the rest of one. What is
    longer than any line of ours is left out.
    """
    file.seek(start)
    offset = start
    while stop is None or offset < stop:
        content = file.readline(MAX_LINE_BYTES + 1)
        if not content:
            return
        is_end = content.endswith(b"\n")
        if is_start and is_end:
            yield PositionedLine(offset, content[:-1])
        is_start, offset = is_end, offset + len(content)


def find_prefix(file: BinaryIO, beginning: bytes) -> PositionedLine | None:
    """Return the first whole line that begins so, wherever it stands: reads everything before it."""
    sought = b"\n" + beginning
    # As if a line feed stood before the first line.
    offset, held = -1, b"\n"
    file.seek(0)
    while block := file.read(_BLOCK):
        held += block
        if (at := held.find(sought)) >= 0:
            return next(lines_from(file, offset + at + 1), None)
        done = max(0, len(held) - len(sought))
        offset, held = offset + done, held[done:]
    return None

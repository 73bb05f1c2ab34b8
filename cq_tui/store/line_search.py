"""Binary search in a file of sorted lines, some of which may be damaged.

``key_of`` returns the key of a line; a line without a key is skipped.
"""

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.store.journal import MAX_LINE_BYTES

Key = tuple[int, ...]

#: A range of at most this many bytes is read line by line.
_WINDOW = 4 * 1024
_BLOCK = 1024 * 1024


class PositionedLine(NamedTuple):
    """A line without its line feed, and the offset at which it begins."""

    offset: int
    line: bytes


def find_first(file: BinaryIO, key_of: Callable[[bytes], Key | None], target: Key) -> PositionedLine | None:
    """Return the first line whose key is not below ``target``, if there is one.

    A line out of order may hide others: to be certain, read all of them (``lines_from``).
    """
    for entry in lines_from(file, find_start(file, key_of, target)):
        key = key_of(entry.line)
        if key is not None and key >= target:
            return entry
    return None


def find_start(file: BinaryIO, key_of: Callable[[bytes], Key | None], target: Key) -> int:
    """Return the offset after the last line before ``find_first`` whose key is below ``target``.

    Lines without a key may stand between the two: reading on from here includes the damaged ones.
    """
    # Invariant: keys of lines before ``low`` are below; the line sought begins at or before ``high``, or is the next
    # one with a key after it.
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _WINDOW:
        middle = (low + high) // 2
        step = _step(lines_from(file, middle, high, is_start=False), key_of, target)
        low, high = (low, middle) if step is None else (step, high)
    for entry in lines_from(file, low):
        key = key_of(entry.line)
        if key is not None and key >= target:
            break
        if key is not None:
            low = entry.offset + len(entry.line) + 1
    return low


def _step(lines: Iterator[PositionedLine], key_of: Callable[[bytes], Key | None], target: Key) -> int | None:
    """Return the end of the first line with a key if it is below ``target``; None otherwise."""
    for entry in lines:
        key = key_of(entry.line)
        if key is not None:
            return entry.offset + len(entry.line) + 1 if key < target else None
    return None


def lines_from(
    file: BinaryIO, start: int, stop: int | None = None, *, is_start: bool = True
) -> Iterator[PositionedLine]:
    """Yield the whole lines that begin at or after offset ``start`` and before ``stop``.

    ``is_start``: a line begins at ``start``; otherwise the rest of a line there is skipped. Overlong lines are left
    out.
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
    """Return the first whole line with this prefix, reading everything before it."""
    sought = b"\n" + beginning
    # As if a line feed preceded the first line.
    offset, held = -1, b"\n"
    file.seek(0)
    while block := file.read(_BLOCK):
        held += block
        if (at := held.find(sought)) >= 0:
            return next(lines_from(file, offset + at + 1), None)
        done = max(0, len(held) - len(sought))
        offset, held = offset + done, held[done:]
    return None

"""Binary search in a file of sorted lines; those for which ``key_of`` returns None are damaged, and skipped."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.store.journal import MAX_LINE_BYTES

Key = tuple[int, ...]
KeyOf = Callable[[bytes], Key | None]

#: A range of at most this many bytes is read line by line.
_WINDOW = 4 * 1024


class PositionedLine(NamedTuple):
    """A line without its line feed, and the offset at which it begins."""

    offset: int
    line: bytes

    @property
    def end(self) -> int:
        """Offset after its line feed."""
        return self.offset + len(self.line) + 1


def find_first(file: BinaryIO, key_of: KeyOf, target: Key) -> PositionedLine | None:
    """Return the first line whose key is not below ``target``; a line out of order may hide others."""
    lines = _keyed(lines_from(file, find_start(file, key_of, target)), key_of)
    return next((entry for entry, key in lines if key >= target), None)


def find_start(file: BinaryIO, key_of: KeyOf, target: Key) -> int:
    """Return the offset after the last line whose key is below ``target``; damaged lines may follow."""
    # Invariant: keys of lines before ``low`` are below; the line sought begins at or before ``high``, or is the next
    # one with a key after it.
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > _WINDOW:
        middle = (low + high) // 2
        found = next(_keyed(lines_from(file, middle, high, is_start=False), key_of), None)
        low, high = (low, middle) if found is None or found[1] >= target else (found[0].end, high)
    for entry, key in _keyed(lines_from(file, low), key_of):
        if key >= target:
            break
        low = entry.end
    return low


def _keyed(lines: Iterable[PositionedLine], key_of: KeyOf) -> Iterator[tuple[PositionedLine, Key]]:
    return ((entry, key) for entry in lines if (key := key_of(entry.line)) is not None)


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

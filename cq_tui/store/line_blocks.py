"""The lines of a part of a file, block by block, forwards or backwards: a great file is never held as a whole."""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG

_BLOCK = 128 * 1024


class LineBlock(NamedTuple):
    """Whole lines without their line feeds, and the byte at which the first begins."""

    offset: int
    lines: list[bytes]


def blocks(file: BinaryIO, start: int, end: int, size: int = _BLOCK) -> Iterator[LineBlock]:
    """Yield the lines between two bytes, where lines begin, the first block first. Raises OSError."""
    rest, offset, position = b"", start, start
    while content := os.pread(file.fileno(), min(size, end - position), position):
        position += len(content)
        content = rest + content
        cut = content.rfind(b"\n") + 1
        if cut:
            yield LineBlock(offset, content[: cut - 1].split(b"\n"))
        rest, offset = content[cut:], offset + cut
        if len(rest) > MAX_LINE_BYTES:
            yield LineBlock(offset, [OVERLONG])
            rest, offset = b"", _behind_line(file, position)
            position = min(offset, end)


def blocks_backwards(file: BinaryIO, start: int, end: int, size: int = _BLOCK) -> Iterator[LineBlock]:
    """Yield the lines between two bytes, where lines begin, the last block first. Raises OSError."""
    tail, position = b"", end
    while position > start:
        wanted = min(size, position - start)
        position -= wanted
        content = os.pread(file.fileno(), wanted, position)
        if len(content) < wanted:
            return  # cut off meanwhile: these lines are no more
        content += tail
        # What stands before the first line feed belongs to a line that begins in an earlier block.
        cut = content.find(b"\n") + 1 if position > start else 0
        if cut < len(content):
            yield LineBlock(position + cut, content[cut:-1].split(b"\n"))
        tail = content[:cut] if cut <= MAX_LINE_BYTES else OVERLONG + b"\n"


def _behind_line(file: BinaryIO, position: int) -> int:
    """Return the byte behind the next line feed, or the end of the file."""
    while content := os.pread(file.fileno(), _BLOCK, position):
        found = content.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(content)
    return position


def count_line_feeds(file: BinaryIO, start: int, stop: int) -> int:
    """Return how many line feeds stand between two bytes. Raises OSError."""
    count = 0
    while content := os.pread(file.fileno(), min(_BLOCK, stop - start), start):
        count += content.count(b"\n")
        start += len(content)
    return count

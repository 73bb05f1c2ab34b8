"""The lines of part of a file, block by block, forward or backward, in bounded memory."""

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG

_BLOCK = 128 * 1024


class LineBlock(NamedTuple):
    """Whole lines without their line feeds, and the offset at which the first begins."""

    offset: int
    lines: list[bytes]


def blocks(file: BinaryIO, start: int, end: int, size: int = _BLOCK) -> Iterator[LineBlock]:
    """Yield the lines between two line starts, first block first. Raises OSError."""
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
            rest, offset = b"", next_line_start(file.fileno(), position, end) or end
            position = offset


def blocks_backwards(file: BinaryIO, start: int, end: int, size: int = _BLOCK) -> Iterator[LineBlock]:
    """Yield the lines between two line starts, last block first. Raises OSError."""
    tail, position = b"", end
    while position > start:
        wanted = min(size, position - start)
        position -= wanted
        content = os.pread(file.fileno(), wanted, position)
        if len(content) < wanted:
            return  # truncated meanwhile
        content += tail
        # Bytes before the first line feed belong to a line that begins in an earlier block.
        cut = content.find(b"\n") + 1 if position > start else 0
        if cut < len(content):
            yield LineBlock(position + cut, content[cut:-1].split(b"\n"))
        tail = content[:cut] if cut <= MAX_LINE_BYTES else OVERLONG + b"\n"


def next_line_start(descriptor: int, position: int, end: int) -> int | None:
    """Return the offset after the first line feed between two offsets; None if there is none. Raises OSError."""
    while content := os.pread(descriptor, min(_BLOCK, end - position), position):
        if (found := content.find(b"\n")) >= 0:
            return position + found + 1
        position += len(content)
    return None


def count_line_feeds(file: BinaryIO, start: int, stop: int) -> int:
    """Return the number of line feeds between two offsets. Raises OSError."""
    count = 0
    while content := os.pread(file.fileno(), min(_BLOCK, stop - start), start):
        count += content.count(b"\n")
        start += len(content)
    return count

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
    for offset, content in _whole_lines(file, start, end, size):
        yield LineBlock(offset, [OVERLONG] if content is None else content[:-1].split(b"\n"))


def lines_with(file: BinaryIO, start: int, end: int, mark: bytes, size: int = _BLOCK) -> Iterator[bytes]:
    """Yield the lines between two line starts that contain ``mark``, except overlong ones. Raises OSError.

    Where few lines do, it takes a fraction of the time of looking at each.
    """
    for _, content in _whole_lines(file, start, end, size):
        position = -1 if content is None else content.find(mark)
        while content is not None and position >= 0:
            stop = content.index(b"\n", position)
            yield content[content.rfind(b"\n", 0, position) + 1 : stop]
            position = content.find(mark, stop)


def _whole_lines(file: BinaryIO, start: int, end: int, size: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield whole lines with their line feeds, and where the first begins; None in the place of an overlong line."""
    rest, offset, position = b"", start, start
    while content := os.pread(file.fileno(), min(size, end - position), position):
        position += len(content)
        content = rest + content
        cut = content.rfind(b"\n") + 1
        if cut:
            yield offset, content[:cut]
        rest, offset = content[cut:], offset + cut
        if len(rest) > MAX_LINE_BYTES:
            yield offset, None
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

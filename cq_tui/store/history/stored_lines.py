"""Reading events and blocks forward, line by line, in bounded memory."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cq_tui.store.history.hash_chain import DOCUMENT_START, SEPARATOR, TAIL_BYTES, BlockLinks, block_of, parse_links
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG
from cq_tui.store.line_blocks import next_line_start
from cq_tui.store.regular_file import open_regular

_READ = 256 * 1024
#: How much longer the next lines may be than the last ones, on average.
_LINE_SPARE = 16
#: Memory adds a little to an event of the maximum length; anything longer than this is never held.
_MAX_HELD = 2 * MAX_LINE_BYTES
#: Long lines are returned in smaller numbers.
_MAX_PEEKED = 2 * _READ


class _FileRange:
    """A range of a file, read through a buffer. A missing file is empty."""

    def __init__(self, path: Path | None, start: int, end: int | None) -> None:
        self._descriptor = -1
        self._rest = self._stop = start
        self._buffer = b""
        #: Position in the buffer, which is trimmed only when it grows, since that copies it.
        self._at = 0
        #: Offset of the next byte in the file.
        self.offset = start
        if path is not None:
            try:
                self._descriptor = open_regular(path, os.O_RDONLY)
            except FileNotFoundError:
                return
            self._stop = os.fstat(self._descriptor).st_size if end is None else end

    @property
    def stop(self) -> int:
        """Offset at which the range ends."""
        return self._stop

    def fill(self) -> bool:
        """Read more into the buffer; return whether there was any."""
        if self._rest >= self._stop:
            return False
        # A line without an end is read in growing steps, so that searching for its end stays cheap.
        size = min(max(_READ, len(self._buffer) - self._at), self._stop - self._rest)
        content = os.pread(self._descriptor, size, self._rest)
        self._buffer, self._at = self._buffer[self._at :] + content, 0
        self._rest += len(content)
        return bool(content)

    def skip(self, count: int) -> None:
        """Skip this many bytes of the buffer."""
        self._at += count
        self.offset += count

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class EventLines(_FileRange):
    """Whole lines of the events file, without a torn last one."""

    def __init__(self, path: Path, start: int = 0, end: int | None = None) -> None:
        super().__init__(path, start, end)
        #: Average size of a line, about.
        self._line_size = 512
        #: Start of a line too long to hold, and its end; None if it has none.
        self._overlong: tuple[int, int | None] = -1, None

    def peek(self, count: int, least: int = 1) -> tuple[bytes, list[bytes]]:
        """Return the next lines without consuming them, as bytes and split.

        There are fewer at the end of the file, or, but not fewer than ``least``, if they are long. A line too long to
        hold comes alone, as ``OVERLONG``.
        """
        size = min(count * self._line_size, _MAX_PEEKED)
        while True:
            content = self._buffer[self._at : self._at + size]
            lines = content.split(b"\n")
            rest = lines.pop()
            if len(lines) >= count or len(rest) > _MAX_HELD or (len(lines) >= least and size > _MAX_PEEKED):
                break
            if len(self._buffer) - self._at > size:
                size *= 2
            elif not self.fill():
                break
        if lines:
            del lines[count if size <= _MAX_PEEKED else min(count, least) :]
            end = sum(map(len, lines)) + len(lines)
            self._line_size = end // len(lines) + _LINE_SPARE
            return content[:end], lines
        if len(rest) <= _MAX_HELD:
            return b"", []
        if self._overlong[0] != self.offset:
            self._overlong = self.offset, next_line_start(self._descriptor, self._rest, self._stop)
        return (b"", []) if self._overlong[1] is None else (OVERLONG + b"\n", [OVERLONG])

    def consume(self, content: bytes) -> Iterable[bytes]:
        """Skip lines that were peeked at, and return their bytes in the file in parts.

        They are only skipped once all parts were iterated.
        """
        begin, end = self._overlong
        if begin == self.offset and end is not None:
            return self._skip_to(end)
        self.skip(len(content))
        return (content,)

    def _skip_to(self, end: int) -> Iterator[bytes]:
        self._buffer, self._at = b"", 0
        while content := os.pread(self._descriptor, min(_READ, end - self.offset), self.offset):
            self.offset += len(content)
            self._rest = self.offset
            yield content


class BlockLines(_FileRange):
    """The blocks of a chain document from offset ``start`` on: in batches, or one by one, by index.

    One by one, any line counts as a block, so that a lost or joined line affects no other. Of an overlong line only
    the beginning is held.
    """

    def __init__(self, path: Path | None, start: int, *, has_tail: bool) -> None:
        super().__init__(path, start, None)
        if has_tail:
            self._stop -= TAIL_BYTES

    def read_tail(self) -> bytes:
        """Return the bytes after the blocks."""
        return os.pread(self._descriptor, TAIL_BYTES, self._stop)

    @classmethod
    def from_start(cls, path: Path | None, *, has_tail: bool) -> "BlockLines":
        """Begin after the document's first line, or at the start if that line is missing."""
        blocks = cls(path, 0, has_tail=has_tail)
        if path is not None:
            blocks.fill()
            head = blocks._buffer.find(b"\n") + 1
            if blocks._buffer.startswith(DOCUMENT_START) or b'"index":0,' not in blocks._buffer[:head]:
                blocks.skip(head)
        return blocks

    def starts_with(self, blocks: bytes) -> bool:
        """Whether these blocks come next, followed by a separator or nothing."""
        size = len(blocks) + len(SEPARATOR)
        while len(self._buffer) - self._at < size and self.fill():
            pass
        end = self._at + len(blocks)
        return self._buffer.startswith(blocks, self._at) and self._buffer[end : end + len(SEPARATOR)] in (
            SEPARATOR,
            b"",
        )

    def consume(self, blocks: bytes) -> None:
        """Skip blocks that come next, and the separator."""
        self.skip(min(len(self._buffer) - self._at, len(blocks) + len(SEPARATOR)))

    @property
    def next_line(self) -> bytes | None:
        """The next line; None at the end."""
        end = self._line_end()
        return block_of(self._buffer[self._at : end]) if self._at < len(self._buffer) else None

    def _line_end(self) -> int:
        """Return where the next line, or what is held of it, ends in the buffer."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            if len(self._buffer) - self._at > MAX_LINE_BYTES or not self.fill():
                return len(self._buffer)
        return end

    def advance(self) -> None:
        """Skip the next line."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            self.skip(len(self._buffer) - self._at)
            if not self.fill():
                return
        self.skip(end + 1 - self._at)

    def next_links(self) -> BlockLinks | None:
        """Return the links of the next block; None if it is damaged or missing."""
        line = self.next_line
        return None if line is None else parse_links(line)

    def next_hashes(self, count: int) -> set[bytes]:
        """Return the event hashes in the sound ones of the next blocks, as many of them as are held at once."""
        while self._buffer.count(b"\n", self._at) < count and len(self._buffer) - self._at < _READ and self.fill():
            pass
        links = (parse_links(block_of(line)) for line in self._buffer[self._at :].split(b"\n", count)[:count])
        return {each.event_hash for each in links if each is not None and each.event_hash is not None}

    def consume_index(self, index: int, expected: bytes) -> tuple[bytes | None, BlockLinks | None]:
        """Return the block at an index and, if sound, its links; nothing if a later block comes next."""
        while (line := self.next_line) is not None:
            links = None if line == expected else parse_links(line)
            if links is not None and links.index > index:
                return None, None
            self.advance()
            if links is None or links.index == index:
                return line, links
        return None, None

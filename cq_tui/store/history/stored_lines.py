"""Reading events and blocks forward in bounded parts, as lines with their places."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cq_tui.store.history.hash_chain import HEAD, SEPARATOR, TAIL_BYTES, Links, read_links
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG
from cq_tui.store.regular_file import open_regular

_READ = 256 * 1024
#: Memory adds a little to an event that is as long as a line may be. What is longer than this is never held.
_LONGEST = 2 * MAX_LINE_BYTES


class _Bytes:
    """A part of a file, from one byte to another. A file that is missing is empty."""

    def __init__(self, path: Path | None, start: int, end: int | None) -> None:
        self._descriptor = -1
        self._rest = self._stop = start
        self._buffer = b""
        #: Byte in the file at which the buffer begins.
        self.offset = start
        if path is not None:
            try:
                self._descriptor = open_regular(path, os.O_RDONLY)
            except FileNotFoundError:
                return
            self._stop = os.fstat(self._descriptor).st_size if end is None else end

    @property
    def stop(self) -> int:
        """Byte up to which the file is read."""
        return self._stop

    def fill(self) -> bool:
        """Read on; return whether there was anything."""
        if self._rest >= self._stop:
            return False
        # A line that does not end is read in growing steps, so that looking for its end stays cheap.
        size = min(max(_READ, len(self._buffer)), self._stop - self._rest)
        content = os.pread(self._descriptor, size, self._rest)
        self._buffer += content
        self._rest += len(content)
        return bool(content)

    def drop(self, count: int) -> None:
        """Go on behind so many bytes of the buffer."""
        self._buffer = self._buffer[count:]
        self.offset += count

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class EventLines(_Bytes):
    """Whole lines of the events file. Bytes behind the last line feed are no line."""

    def __init__(self, path: Path, start: int = 0, end: int | None = None) -> None:
        super().__init__(path, start, end)
        #: Where a line begins that is too long to be held, and where it ends; it may not end at all.
        self._overlong: tuple[int, int | None] = -1, None

    def peek(self, count: int) -> tuple[bytes, list[bytes]]:
        """Return the next lines without taking them: their bytes, and each without its line feed; fewer at the end.

        A line that is too long to be held comes alone, as ``OVERLONG``.
        """
        while True:
            lines = self._buffer.split(b"\n", count)
            rest = lines.pop()
            if len(lines) == count or len(rest) > _LONGEST or not self.fill():
                break
        if lines or len(rest) <= _LONGEST:
            return self._buffer[: len(self._buffer) - len(rest)], lines
        if self._overlong[0] != self.offset:
            self._overlong = self.offset, self._next_end()
        return (b"", []) if self._overlong[1] is None else (OVERLONG + b"\n", [OVERLONG])

    def take(self, content: bytes) -> Iterable[bytes]:
        """Go on behind lines that were peeked at; return their bytes as they stand in the file, to be read to the end.

        The lines are behind us when these are.
        """
        begin, end = self._overlong
        if begin == self.offset and end is not None:
            return self._skip_to(end)
        self.drop(len(content))
        return (content,)

    def _next_end(self) -> int | None:
        """Return the byte behind the first line feed that is not held yet; None when there is none."""
        position = self._rest
        while content := os.pread(self._descriptor, min(_READ, self._stop - position), position):
            if (found := content.find(b"\n")) >= 0:
                return position + found + 1
            position += len(content)
        return None

    def _skip_to(self, end: int) -> Iterator[bytes]:
        self._buffer = b""
        while content := os.pread(self._descriptor, min(_READ, end - self.offset), self.offset):
            self.offset += len(content)
            self._rest = self.offset
            yield content


class BlockLines(_Bytes):
    """The blocks of a chain document, from one that begins at ``start``; by runs, or one by one by index.

    One by one, whatever stands in a line counts as a block, so that a lost or a glued line costs no other. Of one that
    is longer than any block only the beginning is held.
    """

    def __init__(self, path: Path | None, start: int, *, has_tail: bool) -> None:
        super().__init__(path, start, None)
        if has_tail:
            self._stop -= TAIL_BYTES

    def tail(self) -> bytes:
        """Return what stands behind the blocks."""
        return os.pread(self._descriptor, TAIL_BYTES, self._stop)

    @classmethod
    def from_head(cls, path: Path | None, *, has_tail: bool) -> "BlockLines":
        """Begin behind the document's head, or where it should stand."""
        blocks = cls(path, 0, has_tail=has_tail)
        if path is not None:
            blocks.fill()
            head = blocks._buffer.find(b"\n") + 1
            if blocks._buffer.startswith(HEAD) or b'"index":0,' not in blocks._buffer[:head]:
                blocks.drop(head)
        return blocks

    def peek(self, size: int) -> bytes:
        """Return the document from here on, at least so many bytes, fewer at the end."""
        while len(self._buffer) < size and self.fill():
            pass
        return self._buffer

    def take(self, blocks: bytes) -> None:
        """Go on behind blocks that were peeked at, and the separator."""
        self.drop(min(len(self._buffer), len(blocks) + len(SEPARATOR)))

    @property
    def next(self) -> bytes | None:
        """The next line, None at the end."""
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) <= MAX_LINE_BYTES and self.fill():
            pass
        line = self._buffer if end < 0 else self._buffer[:end]
        return line.removesuffix(b",") if self._buffer else None

    def advance(self) -> None:
        """Go on behind the next line."""
        while (end := self._buffer.find(b"\n")) < 0:
            self.drop(len(self._buffer))
            if not self.fill():
                return
        self.drop(end + 1)

    def next_links(self) -> Links | None:
        """Return the links of the next block if it is sound."""
        line = self.next
        return None if line is None else read_links(line)

    def take_index(self, index: int, expected: bytes) -> tuple[bytes | None, Links | None]:
        """Return what stands at an index and, when it is sound, its links; nothing where a later block follows."""
        while (line := self.next) is not None:
            links = None if line == expected else read_links(line)
            if links is not None and links.index > index:
                return None, None
            self.advance()
            if links is None or links.index == index:
                return line, links
        return None, None

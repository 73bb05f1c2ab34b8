"""Re-reading an append-only file all the time, a little at once, against tags taken when it was written.

A tag is a Poly1305 (RFC 8439 section 2.5), four times as quick as SHA-256 and as hard to meet for who does not know the
key. That is random, and like the tags never leaves this process; so one key may serve for all pieces. The piece that
still grows is held as it stands.
"""

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.store.regular_file import open_regular

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.poly1305 import Poly1305

CHUNK = 1024 * 1024
#: So much is read at once: it stays in the processor's cache until its tag is made.
_READ = 128 * 1024
_KEY = os.urandom(32)


def _new_tag() -> "Poly1305":
    # Only who writes needs it, and it takes its time to load.
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    return Poly1305(_KEY)


class TaggedChunk(NamedTuple):
    """Some bytes of the file that will not change any more."""

    start: int
    size: int
    tag: bytes


class Scrubber:
    """Hashes a file from the byte ``start`` on in pieces of a MiB and compares them in turn, the open one included."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._chunks: list[TaggedChunk] = []
        #: The open piece as it stands: a tag can be asked for only once.
        self._open = bytearray()
        self._start = start
        self._filled = 0
        self._next = 0
        #: One for all pieces: memory that is asked for anew each time costs more than the hash.
        self._buffer = memoryview(bytearray(_READ))

    @property
    def progress(self) -> float:
        """Share of the pieces that the current round has covered, 0..1."""
        return self._next / (len(self._chunks) + 1) if self._next else 1.0

    @property
    def end(self) -> int:
        """Byte up to which the file is known."""
        return self._start + self._filled

    def add(self, content: bytes) -> None:
        """Take note of bytes appended to the file."""
        view = memoryview(content)
        while view:
            part = view[: CHUNK - self._filled]
            self._open += part
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK:
                self._close_chunk()

    def _close_chunk(self) -> None:
        tag = _new_tag()
        tag.update(self._open)
        self._chunks.append(TaggedChunk(self._start, self._filled, tag.finalize()))
        self._start, self._filled, self._open = self.end, 0, bytearray()

    def prepend(self, earlier: "Scrubber") -> None:
        """Check from now on also what another one knows, which ends where this one began."""
        earlier._close_chunk()
        self._chunks = earlier._chunks + self._chunks
        self._next = 0

    def step(self, pieces: int = 4, *, path: Path | None = None, end: int | None = None) -> tuple[int, int] | None:
        """Check the next pieces; return the byte range of the first that differs, or None.

        ``path`` is another file with the same bytes, which may be shorter: of it only what lies before ``end`` is read.
        Raises OSError.
        """
        count = len(self._chunks) + 1
        with open(path or self.path, "rb", buffering=0, opener=open_regular) as file:
            for _ in range(min(pieces, count)):
                index, self._next = self._next, (self._next + 1) % count
                is_open = index == len(self._chunks)
                start, size = (self._start, self._filled) if is_open else self._chunks[index][:2]
                if end is not None and start + size > end:
                    continue
                if not (self._is_open_chunk_sound(file) if is_open else self._is_sound(file, index)):
                    return start, start + size
        return None

    # What is damaged is told once; what changes there next is told again.

    def _is_sound(self, file: FileIO, index: int) -> bool:
        piece, found = self._chunks[index], _new_tag()
        self._read(file, piece.start, piece.size, found.update)
        tag = found.finalize()
        self._chunks[index] = piece._replace(tag=tag)
        return tag == piece.tag

    def _is_open_chunk_sound(self, file: FileIO) -> bool:
        found = bytearray()
        self._read(file, self._start, self._filled, found.extend)
        expected, self._open = self._open, found
        return found == expected

    def _read(self, file: FileIO, start: int, size: int, take: Callable[[memoryview], object]) -> None:
        file.seek(start)
        while size > 0 and (read := file.readinto(self._buffer[:size])):
            take(self._buffer[:read])
            size -= read

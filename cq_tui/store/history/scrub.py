"""Scrubbing: an append-only file is read again all the time, a little at once, and compared with authentication tags.

A tag is a Poly1305 (RFC 8439 section 2.5): four times as fast as SHA-256, and as hard to forge without the key. The
key is random and, like the tags, never leaves this process, so one key can serve for all chunks. The chunk that still
grows is kept as it is.
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
#: Bytes read at once; they stay in the processor's cache until they are hashed.
_READ = 128 * 1024
_KEY = os.urandom(32)


def _new_tag() -> "Poly1305":
    # Slow to import, and only the writer needs it.
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    return Poly1305(_KEY)


class TaggedChunk(NamedTuple):
    """A part of the file that never changes any more."""

    start: int
    size: int
    tag: bytes


class Scrubber:
    """Tags a file from offset ``start`` on in chunks of 1 MiB, and compares them in turn, the open one too."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._chunks: list[TaggedChunk] = []
        #: The open chunk itself: a tag cannot be extended once it is finished.
        self._open = bytearray()
        self._start = start
        self._filled = 0
        self._next = 0
        #: Shared by all chunks: allocating it each time costs more than the hash.
        self._buffer = memoryview(bytearray(_READ))

    @property
    def progress(self) -> float:
        """Share of the chunks checked in the current round, 0..1."""
        return self._next / (len(self._chunks) + 1) if self._next else 1.0

    @property
    def end(self) -> int:
        """Offset up to which the file is known."""
        return self._start + self._filled

    def add(self, content: bytes) -> None:
        """Add bytes that were appended to the file."""
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
        """Add the chunks of a scrubber that ends where this one began."""
        earlier._close_chunk()
        self._chunks = earlier._chunks + self._chunks
        self._next = 0

    def step(self, pieces: int = 4, *, path: Path | None = None, end: int | None = None) -> tuple[int, int] | None:
        """Check the next chunks; return the byte range of the first that differs, or None. Raises OSError.

        ``path`` is another file with the same content up to offset ``end``: chunks beyond that are skipped.
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

    # Damage is reported once; the next change there is reported again.

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

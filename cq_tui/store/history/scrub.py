"""Scrubbing: an append-only file is read again all the time, a little at once, and compared with authentication tags.

A tag is AES-GMAC (NIST SP 800-38D), for which processors have instructions: ten times as fast as SHA-256, and as hard
to forge without the key. The key is random and, like the tags, never leaves this process, so one key and nonce can
serve for all chunks. The chunk that still grows is kept as it is.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.store.regular_file import open_regular

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 1024 * 1024
_NONCE = bytes(12)


@cache
def _cipher() -> "AESGCM":
    # Slow to import, and only the writer needs it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(os.urandom(32))


def _tag(content: bytes | bytearray) -> bytes:
    return _cipher().encrypt(_NONCE, b"", content)


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
        self._chunks.append(TaggedChunk(self._start, self._filled, _tag(self._open)))
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
        with open(path or self.path, "rb", opener=open_regular) as file:
            for _ in range(min(pieces, count)):
                index, self._next = self._next, (self._next + 1) % count
                is_open = index == len(self._chunks)
                start, size = (self._start, self._filled) if is_open else self._chunks[index][:2]
                if end is not None and start + size > end:
                    continue
                file.seek(start)
                if not self._is_sound(index, file.read(size)):
                    return start, start + size
        return None

    def _is_sound(self, index: int, content: bytes) -> bool:
        """Whether a chunk is what was written. Damage is reported once; the next change there is reported again."""
        if index == len(self._chunks):
            is_sound = content == self._open
            self._open = self._open if is_sound else bytearray(content)
        else:
            tag = _tag(content)
            is_sound = tag == self._chunks[index].tag
            self._chunks[index] = self._chunks[index]._replace(tag=tag)
        return is_sound

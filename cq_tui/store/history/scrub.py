"""Re-reading an append-only file all the time, a little at once, against hashes taken when it was written."""

import os
from hashlib import sha256
from pathlib import Path

CHUNK = 1024 * 1024


class Scrubber:
    """Hashes each MiB as it fills and compares the file with them in turn, the one that still fills included."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes: list[bytes] = []
        self._open = sha256()
        self._filled = 0
        self._next = 0

    @property
    def progress(self) -> float:
        """Share of the MiBs that the current round has covered, 0..1."""
        return self._next / (len(self._hashes) + 1) if self._next else 1.0

    def add(self, content: bytes) -> None:
        """Take note of bytes appended to the file."""
        view = memoryview(content)
        while view:
            part = view[: CHUNK - self._filled]
            self._open.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK:
                self._hashes.append(self._open.digest())
                self._open, self._filled = sha256(), 0

    def step(self, chunks: int = 4) -> tuple[int, int] | None:
        """Check the next MiBs; return the byte range of the first that differs, or None."""
        count = len(self._hashes) + 1
        with self.path.open("rb") as file:
            for _ in range(min(chunks, count)):
                index, self._next = self._next, (self._next + 1) % count
                is_full = index < len(self._hashes)
                size = CHUNK if is_full else self._filled
                content = os.pread(file.fileno(), size, index * CHUNK)
                if sha256(content).digest() != (self._hashes[index] if is_full else self._open.digest()):
                    return index * CHUNK, index * CHUNK + size
        return None

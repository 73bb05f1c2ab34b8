"""Re-reading an append-only file all the time, a little at once, against hashes taken when it was written."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cq_tui.store.regular_file import open_regular

CHUNK = 1024 * 1024


class Piece(NamedTuple):
    """Some bytes of the file that will not change any more."""

    start: int
    size: int
    digest: bytes


class Scrubber:
    """Hashes a file from the byte ``start`` on in pieces of a MiB and compares them in turn, the open one included."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._pieces: list[Piece] = []
        self._open = sha256()
        self._start = start
        self._filled = 0
        self._next = 0
        #: One for all pieces: memory that is asked for anew each time costs more than the hash.
        self._buffer = bytearray(CHUNK)

    @property
    def progress(self) -> float:
        """Share of the pieces that the current round has covered, 0..1."""
        return self._next / (len(self._pieces) + 1) if self._next else 1.0

    @property
    def end(self) -> int:
        """Byte up to which the file is known."""
        return self._start + self._filled

    def add(self, content: bytes) -> None:
        """Take note of bytes appended to the file."""
        view = memoryview(content)
        while view:
            part = view[: CHUNK - self._filled]
            self._open.update(part)
            self._filled += len(part)
            view = view[len(part) :]
            if self._filled == CHUNK:
                self._close_piece()

    def _close_piece(self) -> None:
        self._pieces.append(Piece(self._start, self._filled, self._open.digest()))
        self._start, self._filled, self._open = self.end, 0, sha256()

    def adopt(self, earlier: "Scrubber") -> None:
        """Check from now on also what another one knows, which ends where this one began."""
        earlier._close_piece()
        self._pieces = earlier._pieces + self._pieces
        self._next = 0

    def step(self, pieces: int = 4, *, path: Path | None = None, end: int | None = None) -> tuple[int, int] | None:
        """Check the next pieces; return the byte range of the first that differs, or None.

        ``path`` is another file with the same bytes, which may be shorter: of it only what lies before ``end`` is read.
        Raises OSError.
        """
        count = len(self._pieces) + 1
        with open(path or self.path, "rb", buffering=0, opener=open_regular) as file:
            for _ in range(min(pieces, count)):
                index, self._next = self._next, (self._next + 1) % count
                is_open = index == len(self._pieces)
                piece = Piece(self._start, self._filled, self._open.digest()) if is_open else self._pieces[index]
                if end is not None and piece.start + piece.size > end:
                    continue
                file.seek(piece.start)
                read = file.readinto(memoryview(self._buffer)[: piece.size])
                found = sha256(memoryview(self._buffer)[:read])
                if found.digest() != piece.digest:
                    # It is told once; what changes there next is told again.
                    if is_open:
                        self._open = found
                    else:
                        self._pieces[index] = piece._replace(digest=found.digest())
                    return piece.start, piece.start + piece.size
        return None

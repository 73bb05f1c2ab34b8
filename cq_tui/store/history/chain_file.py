"""``hash_chain.json`` grows without being rewritten: two files, of which one is visible while the other is written.

A flush writes the last two deltas and a new tail into the hidden file and swaps the names. The name always
exists, and whoever opens it finds a whole document, whenever the writer is killed.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cq_tui.store.durable import sync_folder, write_parts
from cq_tui.store.history.hash_chain import DOCUMENT_START, TAIL_BYTES, ChainError, ChainTail, parse_tail
from cq_tui.store.regular_file import open_regular

#: A reader that is held up while its file changes looks again; so often in a row no writer is that quick.
_READ_ATTEMPTS = 5
#: Last bytes before a common end that are compared.
_COMPARED = 64 * 1024
#: A twin that lacks more than this is rather made anew than held in memory.
_LONGEST_DELTA = 8 * 1024 * 1024
_COPIED = 1024 * 1024


class ChainFile:
    """The one writer of the document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hidden = path.with_name(f".{path.name}.hidden")
        self._swap = path.with_name(f".{path.name}.swap")
        self._end = 0
        self._hidden_end = 0
        #: What the document holds and its twin lacks, part by part.
        self._last_delta: list[bytes] = []
        #: What went with a deleted document, until it is written again.
        self._lost_delta: list[bytes] = []
        #: Whether somebody deleted the document since; it was made again from its twin.
        self.was_deleted = False

    @property
    def twin(self) -> tuple[Path, int]:
        """The hidden file, and up to where it holds what the document holds."""
        return self._hidden, self._hidden_end

    @contextlib.contextmanager
    def create(self) -> Iterator[Callable[[bytes], object]]:
        """Write a new document part by part beside the old one, without its tail; ``replace`` puts it in its place."""
        self._hidden.unlink(missing_ok=True)
        with open(self._hidden, "wb", opener=_create) as file:
            yield file.write
        self._hidden_end = self._hidden.stat().st_size

    def replace(self, tail: ChainTail) -> None:
        """Put the document that was just written in the place of the old one, and make its twin."""
        with open(self._hidden, "ab", opener=open_regular) as file:
            file.write(tail.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._hidden, self.path)
        sync_folder(self.path.parent)
        self.open()

    def open(self, synced: int | None = None) -> None:
        """Take over a whole document. Raises ChainError.

        ``synced`` is an end up to which document and twin were both written and synced: the twin is then kept and
        continued from there. Without it, or without a twin that is so long, the twin is made anew.
        """
        parse_tail(read_last_bytes(self.path, TAIL_BYTES))
        size = self.path.stat().st_size
        self._end = size - TAIL_BYTES
        self._finish_swap()
        if synced is not None and synced <= self._end and self._has_twin(synced):
            self._hidden_end = synced
            # A writer that was killed before its swap may have left more than what is written next.
            _truncate(self._hidden, synced)
            with open(self.path, "rb", opener=open_regular) as file:
                self._last_delta = [os.pread(file.fileno(), self._end - synced, synced)]
            return
        self._copy_twin()

    def _finish_swap(self) -> None:
        """Finish a swap of the names that a killed writer began."""
        if os.path.lexists(self._swap):
            if os.path.lexists(self._hidden):
                self._swap.unlink()
            else:
                os.rename(self._swap, self._hidden)

    def _has_twin(self, synced: int) -> bool:
        """Whether the twin is another file that reaches so far and ends there as the document does."""
        try:
            mine, other = os.lstat(self.path), os.lstat(self._hidden)
        except FileNotFoundError:
            return False
        is_usable = stat.S_ISREG(other.st_mode) and other.st_size >= synced and not os.path.samestat(mine, other)
        if not is_usable or self._end - synced > _LONGEST_DELTA:
            return False
        start = max(0, synced - _COMPARED)
        with (
            open(self.path, "rb", opener=open_regular) as one,
            open(self._hidden, "rb", opener=open_regular) as twin,
        ):
            wanted = synced - start
            return os.pread(one.fileno(), wanted, start) == os.pread(twin.fileno(), wanted, start)

    def _copy_twin(self) -> None:
        self._hidden.unlink(missing_ok=True)
        with open(self.path, "rb", opener=open_regular) as file, open(self._hidden, "wb", opener=_create) as twin:
            while content := file.read(_COPIED):
                twin.write(content)
        self._hidden_end, self._last_delta = self._end, []

    def flush(self, parts: Sequence[bytes], tail: ChainTail) -> None:
        """Append ``parts``, which are blocks with a separator before each, and show the new tail. Raises OSError.

        The bytes are synced before the swap and the names after it: what a power loss may bring back is whole.
        """
        if not (self._hidden.exists() and self.path.exists()):
            self._restore()
        delta = [*self._lost_delta, *parts]
        descriptor = open_regular(self._hidden, os.O_WRONLY)
        try:
            os.lseek(descriptor, self._hidden_end, os.SEEK_SET)
            write_parts(descriptor, [*self._last_delta, *delta, tail.to_bytes()])
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._swap_names()
        sync_folder(self.path.parent)
        # Only now: whoever is refused anything above flushes the same blocks again, to the same place.
        self._hidden_end, self._end = self._end, self._end + sum(map(len, delta))
        self._last_delta, self._lost_delta = delta, []

    def _restore(self) -> None:
        """Make the twin that somebody deleted from the other one; the delta that went with it is written again."""
        if not self.path.exists():
            self.was_deleted = True
            os.rename(self._hidden, self.path)
            self._end, self._lost_delta = self._hidden_end, self._last_delta + self._lost_delta
        self._copy_twin()

    def _swap_names(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._swap.unlink()
        os.link(self.path, self._swap)
        os.rename(self._hidden, self.path)
        os.rename(self._swap, self._hidden)


def read_last_bytes(path: Path, size: int) -> bytes:
    """Return the last ``size`` bytes of a file. Raises OSError."""
    with open(path, "rb", opener=open_regular) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size)


def read_chain_tail(path: Path) -> ChainTail:
    """Return root and length from the end of the document, again if it changed under us. Raises ChainError."""
    for _ in range(_READ_ATTEMPTS - 1):
        with contextlib.suppress(ChainError):
            return parse_tail(read_last_bytes(path, TAIL_BYTES))
    return parse_tail(read_last_bytes(path, TAIL_BYTES))


def starts_as_chain(path: Path) -> bool:
    """Whether the first bytes are those of a chain document. Raises OSError."""
    with open(path, "rb", opener=open_regular) as file:
        return file.read(len(DOCUMENT_START)) == DOCUMENT_START


def _create(path: str, flags: int) -> int:
    """Open a file that is not there yet, for nobody else to read."""
    return open_regular(path, flags | os.O_EXCL)


def _truncate(path: Path, size: int) -> None:
    descriptor = open_regular(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)

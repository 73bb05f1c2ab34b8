"""Growing ``hash_chain.json`` without rewriting it: two files, one visible while the other is written.

A flush writes the last two deltas and a new tail to the hidden file (the twin) and swaps the names. Readers always
find a complete document, whenever the writer is killed.
"""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cq_tui.store.durable import sync_folder, write_parts
from cq_tui.store.history.hash_chain import (
    DOCUMENT_START,
    SEPARATOR,
    TAIL_BYTES,
    ChainBlock,
    ChainError,
    ChainTail,
    parse_genesis,
    parse_tail,
)
from cq_tui.store.regular_file import open_regular

#: A slow reader may find a file that changed meanwhile; it tries this often.
_READ_ATTEMPTS = 5
#: Bytes before a common end that are compared.
_COMPARED = 64 * 1024
#: If the twin lacks more than this, it is copied again rather than held in memory.
_LONGEST_DELTA = 8 * 1024 * 1024
_COPIED = 1024 * 1024
_MAX_GENESIS = 1024


class ChainFile:
    """The one writer of the document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hidden = hidden_twin(path)
        self._swap = path.with_name(f".{path.name}.swap")
        self._end = 0
        self._hidden_end = 0
        #: What the document has and the twin lacks, part by part.
        self._last_delta: list[bytes] = []
        #: Parts lost with a deleted document, until they are written again.
        self._lost_delta: list[bytes] = []
        #: Whether the document was deleted meanwhile; it was restored from its twin.
        self.was_deleted = False

    @property
    def twin(self) -> tuple[Path, int]:
        """The hidden file, and the offset up to which it equals the document."""
        return self._hidden, self._hidden_end

    @contextlib.contextmanager
    def create(self) -> Iterator[Callable[[bytes], object]]:
        """Write a new document beside the old one, part by part and without its tail; then call ``replace``."""
        self._remove(self._hidden)
        with open(self._hidden, "xb", opener=open_regular) as file:
            yield file.write
        self._hidden_end = self._hidden.stat().st_size

    def replace(self, tail: ChainTail) -> None:
        """Replace the old document by the one just written, and make its twin."""
        with open(self._hidden, "ab", opener=open_regular) as file:
            file.write(tail.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._hidden, self.path)
        sync_folder(self.path.parent)
        self.open()

    def open(self, synced: int | None = None) -> None:
        """Open a complete document. Raises ChainError.

        ``synced`` is an offset up to which document and twin were both synced: the twin is continued from there.
        Without it, or if the twin is shorter, the twin is copied again.
        """
        parse_tail(read_last_bytes(self.path, TAIL_BYTES))
        size = self.path.stat().st_size
        self._end = size - TAIL_BYTES
        self._finish_swap()
        if synced is not None and synced <= self._end and self._has_twin(synced):
            self._hidden_end = synced
            # A writer killed before its swap may have left more than what is written next.
            with (
                open(self._hidden, "ab", opener=open_regular) as twin,
                open(self.path, "rb", opener=open_regular) as file,
            ):
                os.ftruncate(twin.fileno(), synced)
                self._last_delta = [os.pread(file.fileno(), self._end - synced, synced)]
            return
        self._copy_twin()

    def _finish_swap(self) -> None:
        """Finish a swap that a killed writer began."""
        if os.path.lexists(self._swap):
            if os.path.lexists(self._hidden):
                self._remove(self._swap)
            else:
                os.rename(self._swap, self._hidden)

    def _has_twin(self, synced: int) -> bool:
        """Whether the twin reaches ``synced``, and equals the document just before it."""
        if not has_one_name(self._hidden) or self._end - synced > _LONGEST_DELTA:
            return False
        other = os.lstat(self._hidden)
        if not stat.S_ISREG(other.st_mode) or other.st_size < synced:
            return False
        start = max(0, synced - _COMPARED)
        with open(self.path, "rb", opener=open_regular) as one, open(self._hidden, "rb", opener=open_regular) as twin:
            wanted = synced - start
            return os.pread(one.fileno(), wanted, start) == os.pread(twin.fileno(), wanted, start)

    def _remove(self, path: Path) -> None:
        """Delete a file of ours, or move a folder of that name to quarantine."""
        if path.is_dir() and not path.is_symlink():
            os.rename(path, path.parent / "quarantine" / f"{path.name}.{time.time_ns()}")
        path.unlink(missing_ok=True)

    def _copy_twin(self) -> None:
        self._remove(self._hidden)
        with open(self.path, "rb", opener=open_regular) as file, open(self._hidden, "xb", opener=open_regular) as twin:
            while content := file.read(_COPIED):
                twin.write(content)
        self._hidden_end, self._last_delta = self._end, []

    def flush(self, parts: Sequence[bytes], tail: ChainTail) -> None:
        """Append ``parts`` (blocks, each after a separator) and the new tail. Raises OSError.

        The content is synced before the swap and the names after it, so a power loss leaves a complete document.
        """
        if not (has_one_name(self._hidden) and self.path.exists()):
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
        # Only now: after an error above, the same blocks are flushed again, at the same offset.
        self._hidden_end, self._end = self._end, self._end + sum(map(len, delta))
        self._last_delta, self._lost_delta = delta, []

    def _restore(self) -> None:
        """Restore a deleted file from the other one; the delta lost with it is written again."""
        if not self.path.exists():
            self.was_deleted = True
            os.rename(self._hidden, self.path)
            self._end, self._lost_delta = self._hidden_end, self._last_delta + self._lost_delta
        self._copy_twin()

    def _swap_names(self) -> None:
        self._remove(self._swap)
        os.link(self.path, self._swap)
        os.rename(self._hidden, self.path)
        os.rename(self._swap, self._hidden)


def hidden_twin(path: Path) -> Path:
    """Return the path of the document's twin."""
    return path.with_name(f".{path.name}.hidden")


def has_one_name(path: Path) -> bool:
    """Whether something is there that has no other name, under which it may be anybody's."""
    try:
        return os.lstat(path).st_nlink == 1
    except FileNotFoundError:
        return False


def read_genesis(path: Path) -> ChainBlock | None:
    """Return the genesis block of a document; None if there is none."""
    with contextlib.suppress(OSError), open(path, "rb", opener=open_regular) as file:
        start, stored = file.readline(_MAX_GENESIS), file.readline(_MAX_GENESIS)
        if start == DOCUMENT_START:
            return parse_genesis(stored.rstrip(SEPARATOR))
    return None


def read_last_bytes(path: Path, size: int) -> bytes:
    """Return the last ``size`` bytes of a file. Raises OSError."""
    with open(path, "rb", opener=open_regular) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size)


def read_chain_tail(path: Path) -> ChainTail:
    """Return the tail of the document, retrying if it changes meanwhile. Raises ChainError."""
    for _ in range(_READ_ATTEMPTS - 1):
        with contextlib.suppress(ChainError):
            return parse_tail(read_last_bytes(path, TAIL_BYTES))
    return parse_tail(read_last_bytes(path, TAIL_BYTES))


def starts_as_chain(path: Path) -> bool:
    """Whether the file starts as a chain document. Raises OSError."""
    with open(path, "rb", opener=open_regular) as file:
        return file.read(len(DOCUMENT_START)) == DOCUMENT_START

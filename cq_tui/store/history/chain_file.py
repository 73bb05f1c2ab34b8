"""``hash_chain.json`` grows without being rewritten: two files, of which one is visible while the other is written.

A flush writes the last two deltas and a new tail into the hidden file and swaps the names. The name always
exists, and whoever opens it finds a whole document, whenever the writer is killed.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from cq_tui.store.document import sync_folder, write_all, write_document
from cq_tui.store.history.hash_chain import HEAD, SEPARATOR, TAIL_BYTES, ChainError, ChainTail, read_tail

_TAIL_START = b'],"merkle_root":'


class ChainFile:
    """The one writer of the document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hidden = path.with_name(f".{path.name}.hidden")
        self._swap = path.with_name(f".{path.name}.swap")
        self._end = 0
        self._hidden_end = 0
        self._last_delta = b""

    def create(self, blocks: Sequence[bytes], tail: ChainTail) -> None:
        """Write a new document, replacing what is there, and its hidden twin."""
        write_document(self.path, HEAD + SEPARATOR.join(blocks) + tail.to_bytes())
        self.open()

    def open(self) -> None:
        """Take over a whole document; the hidden twin is made anew. Raises ChainError."""
        size = self.path.stat().st_size
        read_tail(read_end(self.path, TAIL_BYTES))
        for stale in (self._hidden, self._swap):
            stale.unlink(missing_ok=True)
        shutil.copyfile(self.path, self._hidden)
        os.chmod(self._hidden, 0o600)
        self._end = self._hidden_end = size - TAIL_BYTES
        self._last_delta = b""

    def flush(self, blocks: Sequence[bytes], tail: ChainTail, *, durable: bool = False) -> None:
        """Append blocks and show the new tail. ``durable`` syncs before the swap. Raises OSError."""
        lost = b"" if self._hidden.exists() and self.path.exists() else self._restore()
        delta = lost + b"".join(SEPARATOR + block for block in blocks)
        descriptor = os.open(self._hidden, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.lseek(descriptor, self._hidden_end, os.SEEK_SET)
            write_all(descriptor, self._last_delta + delta + tail.to_bytes())
            if durable:
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._swap_names()
        self._hidden_end, self._end = self._end, self._end + len(delta)
        self._last_delta = delta
        if durable:
            sync_folder(self.path.parent)

    def _restore(self) -> bytes:
        """Make the twin that somebody deleted from the other one; return the delta that went with it."""
        lost = b""
        if not self.path.exists():
            os.rename(self._hidden, self.path)
            self._end, lost = self._hidden_end, self._last_delta
        shutil.copyfile(self.path, self._hidden)
        os.chmod(self._hidden, 0o600)
        self._hidden_end, self._last_delta = self._end, b""
        return lost

    def _swap_names(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._swap.unlink()
        os.link(self.path, self._swap)
        os.rename(self._hidden, self.path)
        os.rename(self._swap, self._hidden)


def read_end(path: Path, size: int) -> bytes:
    """Return the last ``size`` bytes of a file."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read(size)


def read_chain_tail(path: Path) -> ChainTail:
    """Return root and length from the end of the document, once more if it changed under us. Raises ChainError."""
    try:
        return read_tail(read_end(path, TAIL_BYTES))
    except ChainError:
        return read_tail(read_end(path, TAIL_BYTES))


def stored_blocks(path: Path) -> Iterator[bytes]:
    """Yield what stands between head and tail, one line a block, genesis first; damaged lines as they are."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if line.startswith(_TAIL_START):
                return
            if number > 0 or b'"index":0,' in line:
                yield line.removesuffix(b"\n").removesuffix(b",")


def begins_as_chain(path: Path) -> bool:
    """Whether the first bytes are those of a chain document."""
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD

"""Journals: append-only files of lines, one writer each, any number of tailing readers.

Whole lines go out in one write; a reader never sees half a line; a torn tail is moved to quarantine before the
first append; after a failed or short write the file is cut back; a failed sync is never retried.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

#: A line longer than this is no line of ours.
MAX_LINE_BYTES = 1024 * 1024
#: Stands for a line that is too long to be held: it is no JSON, and so counts as damaged.
OVERLONG = b"\xff"
_BLOCK = 64 * 1024
_READ_LIMIT = 4 * 1024 * 1024
#: Of the end of a file no more is read than this.
_MOST_BLOCKS = 16 * MAX_LINE_BYTES // _BLOCK
#: So many first bytes tell one journal from another.
_OPENING_BYTES = 64


class JournalError(Exception):
    """A journal cannot be read or written; the message names the file and the remedy."""


class JournalBroken(JournalError):
    """What the disk holds is unknown: the process must end, and a new one looks for itself."""


def last_line_end(descriptor: int, size: int) -> int:
    """Return the offset just behind the last line feed."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class JournalWriter:
    """The one writer of a journal.

    Opening moves a torn tail into ``quarantine``: what ``whole_end`` (of descriptor and size) says is the bytes after
    the last line feed. With ``locked`` no process but this one can be its writer, from before that look on. Raises
    JournalError.
    """

    def __init__(
        self,
        path: Path,
        *,
        quarantine: Path | None = None,
        mode: int = 0o600,
        locked: bool = False,
        whole_end: Callable[[int, int], int] = last_line_end,
    ) -> None:
        self.path = path
        #: The torn tail that was found on opening, and how many bytes it had.
        self.torn: tuple[Path, int] | None = None
        self._broken: str | None = None
        self._descriptor = -1
        try:
            is_new = not path.exists()
            self._descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
            if is_new:
                sync_folder(path.parent)
            if locked:
                self.lock()
            self._size = os.fstat(self._descriptor).st_size
            self._cut_torn_tail(quarantine or path.parent, whole_end)
        except JournalError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise JournalError(f"{path}: cannot be opened for writing ({error.strerror})") from None

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    @property
    def inode(self) -> int:
        """The file that is written, whatever has its name by now."""
        return os.fstat(self._descriptor).st_ino

    def lock(self) -> None:
        """Keep the file for this process as long as it is open. Raises JournalError when another one has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"{self.path}: another process writes it. End that process first") from None

    def refresh_size(self) -> None:
        """Take note that the file was cut by whoever opened this writer."""
        self._size = os.fstat(self._descriptor).st_size

    def append(self, lines: Sequence[bytes], *, durable: bool = False) -> int:
        """Append whole lines (without their line feeds) in one write; return the offset of the first.

        On failure nothing of them stays in the file. Raises JournalError; after a failed sync or a failed cut it is
        JournalBroken, and the writer is of no further use, since what the disk holds is unknown.
        """
        return self.append_bytes(b"\n".join((*lines, b"")), durable=durable)

    def append_bytes(self, content: bytes, *, durable: bool = False) -> int:
        """Append whole lines that were joined, the last line feed included; otherwise as ``append``."""
        self._check_usable()
        start = self._size
        try:
            write_all(self._descriptor, content)
        except OSError as error:
            self._cut_back(start)
            self._check_usable()
            raise JournalError(f"{self.path}: write failed ({error.strerror}); nothing was kept") from None
        self._size += len(content)
        if durable:
            self.sync()
        return start

    def sync(self) -> None:
        """Make everything appended so far durable."""
        self._check_usable()
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._broken = f"sync failed ({error.strerror}); restart the service"
            raise JournalBroken(f"{self.path}: {self._broken}") from None

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._broken = "closed"
            os.close(descriptor)

    def _check_usable(self) -> None:
        if self._broken:
            raise JournalBroken(f"{self.path}: {self._broken}")

    def _cut_back(self, size: int) -> None:
        try:
            os.ftruncate(self._descriptor, size)
        except OSError as error:
            self._broken = f"cannot be cut back after a failed write ({error.strerror}); restart the service"

    def _cut_torn_tail(self, quarantine: Path, whole_end: Callable[[int, int], int]) -> None:
        end = whole_end(self._descriptor, self._size)
        if end == self._size:
            return
        kept = quarantine_bytes(self._descriptor, end, self._size, quarantine, self.path.name)
        self.torn = kept, self._size - end
        os.ftruncate(self._descriptor, end)
        os.fsync(self._descriptor)
        self._size = end


def quarantine_bytes(descriptor: int, start: int, end: int, quarantine: Path, name: str) -> Path:
    """Copy bytes [start, end) of a file into quarantine, synced, before they are cut; return the copy."""
    kept = quarantine / f"{name}.{start}.{time.time_ns()}.torn"
    target = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        offset = start
        while offset < end and (block := os.pread(descriptor, min(_BLOCK, end - offset), offset)):
            write_all(target, block)
            offset += len(block)
        os.fsync(target)
    finally:
        os.close(target)
    sync_folder(quarantine)
    return kept


class JournalReader:
    """Follows a journal by offset. Sees only whole lines; notices replacement and truncation.

    A file system may give a new file the inode of the deleted one, and a file that was cut back may have grown past
    the offset again. So the reader also knows the journal by its first bytes, which never change, and looks that a
    line ends just before its offset.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._inode: int | None = None
        self._opening = b""

    def read_new(self, limit: int = _READ_LIMIT) -> list[bytes]:
        """Return whole lines that came since the last call, at most about ``limit`` bytes of them.

        An empty list means there is nothing new. After a replacement or a cut the file is read from its start
        again: consumers know their lines by key. Raises JournalError for an endless line.
        """
        with _reading(self.path) as descriptor:
            if descriptor is None:
                return []
            status = os.fstat(descriptor)
            if not self._is_same_file(descriptor, status):
                self.offset, self._opening = 0, b""
            self._inode = status.st_ino
            if status.st_size == self.offset:
                return []
            lines = self._whole_lines(descriptor, status.st_size - self.offset, limit)
            self._remember_opening(descriptor)
            return lines

    def _is_same_file(self, descriptor: int, status: os.stat_result) -> bool:
        """Whether the file is the one that was read so far, with all of it still there."""
        if (self._inode is not None and status.st_ino != self._inode) or status.st_size < self.offset:
            return False
        if self.offset and os.pread(descriptor, 1, self.offset - 1) != b"\n":
            return False
        return os.pread(descriptor, len(self._opening), 0) == self._opening

    def _remember_opening(self, descriptor: int) -> None:
        if len(self._opening) < _OPENING_BYTES:
            self._opening = os.pread(descriptor, min(_OPENING_BYTES, self.offset), 0)

    def _whole_lines(self, descriptor: int, unread: int, limit: int) -> list[bytes]:
        block = os.pread(descriptor, min(unread, limit), self.offset)
        end = block.rfind(b"\n") + 1
        if end == 0 and limit <= MAX_LINE_BYTES and limit < unread:
            # One line may be longer than what the caller likes to read at once.
            block = os.pread(descriptor, min(unread, MAX_LINE_BYTES + 1), self.offset)
            end = block.find(b"\n") + 1
        if end == 0:
            if len(block) > MAX_LINE_BYTES:
                raise JournalError(f"{self.path}: a line at offset {self.offset} does not end; move the file away")
            return []
        self.offset += end
        return block[: end - 1].split(b"\n")

    def skip_to_end(self) -> None:
        """Forget what is there now and follow only what comes. Raises JournalError."""
        with _reading(self.path) as descriptor:
            if descriptor is None:
                return
            status = os.fstat(descriptor)
            self.offset, self._inode = last_line_end(descriptor, status.st_size), status.st_ino
            self._opening = b""
            self._remember_opening(descriptor)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[int | None]:
    """Open a journal to read it; None when it is not there. Turns every OSError into a JournalError."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        yield descriptor
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield every whole line of a journal, oldest first; a missing file has none."""
    reader = JournalReader(path)
    while lines := reader.read_new():
        yield from lines


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last ``count`` whole lines, oldest first, reading only the end of the file."""
    with _reading(path) as descriptor:
        if descriptor is None or count <= 0:
            return []
        start = last_line_end(descriptor, os.fstat(descriptor).st_size)
        blocks: list[bytes] = []
        unseen = count
        while start > 0 and unseen >= 0 and len(blocks) <= _MOST_BLOCKS:
            size = min(_BLOCK, start)
            start -= size
            blocks.append(os.pread(descriptor, size, start))
            unseen -= blocks[-1].count(b"\n")
        # Behind the last line feed is nothing; before the first may be the rest of a line.
        lines = b"".join(reversed(blocks)).split(b"\n")[0 if start == 0 else 1 : -1]
        return lines[-count:]

"""Journals: append-only files of lines, one writer each, any number of tailing readers.

Whole lines are written at once, and readers see only whole lines. A torn tail is moved to quarantine before the
first append; after a failed or short write the file is truncated to its old size; a failed sync is never retried.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

#: We never write a longer line.
MAX_LINE_BYTES = 1024 * 1024
#: Stands for a line too long to hold in memory: it is not JSON, so it counts as damaged.
OVERLONG = b"\xff"
_BLOCK = 64 * 1024
#: Most bytes read at once.
READ_LIMIT = 4 * 1024 * 1024
#: At most this many blocks are read from the end of a file.
_MOST_BLOCKS = 16 * MAX_LINE_BYTES // _BLOCK
#: The first bytes, which tell one journal from another.
_OPENING_BYTES = 64


class JournalError(Exception):
    """A journal cannot be read or written; the message names the file and the remedy."""


class JournalBroken(JournalError):
    """The content on disk is unknown: the process must end, and a new one reads it again."""


class JournalLocked(JournalError):
    """Another process writes this journal."""


def last_line_end(descriptor: int, size: int) -> int:
    """Return the offset just after the last line feed."""
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

    Opening moves a torn tail into ``quarantine``: everything after the offset that ``whole_end(descriptor, size)``
    returns. With ``locked`` the file is locked first, so that no other process can write it. Raises JournalError, and
    JournalLocked if one does.
    """

    def __init__(
        self,
        path: Path,
        *,
        quarantine: Path | None = None,
        locked: bool = False,
        whole_end: Callable[[int, int], int] = last_line_end,
    ) -> None:
        self.path = path
        self._quarantine = quarantine or path.parent
        #: Where the torn tail was moved to, and its size.
        self.torn: tuple[Path, int] | None = None
        self._broken: str | None = None
        self._descriptor = -1
        try:
            self._open(locked=locked)
            self.cut_tail(whole_end(self._descriptor, os.fstat(self._descriptor).st_size))
            if not self._size:
                sync_folder(path.parent)
        except JournalError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise JournalError(f"{path}: cannot be opened for writing ({error.strerror})") from error

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    @property
    def has_name(self) -> bool:
        """Whether the path still leads to this file: others may delete or move it."""
        try:
            return os.lstat(self.path).st_ino == self.inode
        except OSError:
            return False

    def _open(self, *, locked: bool) -> None:
        while True:
            self._descriptor = open_regular(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            #: Of the opened file, even if its name now belongs to another.
            self.inode = os.fstat(self._descriptor).st_ino
            if not locked:
                return
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JournalLocked(f"{self.path}: another process is writing it. Stop that process first") from None
            if self.has_name:
                return
            # It was deleted before it was locked.
            os.close(self._descriptor)

    def content(self) -> bytes:
        """Return what is in the file. Raises OSError."""
        return os.pread(self._descriptor, self._size, 0)

    def cut_tail(self, end: int | None) -> None:
        """Move everything after offset ``end``, if there is such a place, to quarantine. Raises OSError."""
        self._size = os.fstat(self._descriptor).st_size
        if end is None or end == self._size:
            return
        kept = quarantine_bytes(self._descriptor, end, self._size, self._quarantine, self.path.name)
        self.torn = kept, self._size - end
        os.ftruncate(self._descriptor, end)
        os.fsync(self._descriptor)
        self._size = end

    def append(self, lines: Sequence[bytes], *, durable: bool = False) -> int:
        """Append whole lines (without their line feeds) in one write; return the offset of the first.

        On JournalError none of them stays in the file. After a failed sync or truncation it is JournalBroken: the
        content on disk is unknown, and the writer cannot be used any more.
        """
        return self.append_bytes(b"\n".join((*lines, b"")), durable=durable)

    def append_bytes(self, content: bytes, *, durable: bool = False) -> int:
        """Append whole lines already joined, final line feed included; otherwise like ``append``."""
        self._check_usable()
        start = self._size
        try:
            write_all(self._descriptor, content)
        except OSError as error:
            self._cut_back(start)
            self._check_usable()
            raise JournalError(f"{self.path}: write failed ({error.strerror}); nothing was written") from error
        self._size += len(content)
        if durable:
            self.sync()
        return start

    def sync(self) -> None:
        """Make everything appended so far durable. Raises JournalBroken."""
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
            self._broken = f"cannot be truncated after a failed write ({error.strerror}); restart the service"


def quarantine_bytes(descriptor: int, start: int, end: int, quarantine: Path, name: str) -> Path:
    """Copy bytes [start, end) of a file to quarantine, synced, and return the path of the copy."""
    kept = quarantine / f"{name}.{start}.{time.time_ns()}.torn"
    with open(kept, "xb", opener=open_regular) as target:
        while start < end and (block := os.pread(descriptor, min(_BLOCK, end - start), start)):
            target.write(block)
            start += len(block)
        target.flush()
        os.fsync(target.fileno())
    sync_folder(quarantine)
    return kept


class JournalReader:
    """Follows a journal by offset. Returns only whole lines; detects replacement and truncation.

    A new file may reuse the inode of the deleted one, and a truncated file may have grown past the offset again. So
    the reader also compares the first bytes, which never change, and checks that a line ends just before its offset.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._inode: int | None = None
        self._opening = b""

    def read_new(self, *, inode: int | None = None) -> list[bytes]:
        """Return whole lines added since the last call, at most 4 MiB; an empty list if none.

        After a replacement or truncation the file is read from its start again: consumers must recognize lines they
        have seen. With ``inode``, another file of that name is not read. Raises JournalError for a line without an end.
        """
        with open_journal(self.path) as descriptor:
            if descriptor is None:
                return []
            status = os.fstat(descriptor)
            if inode not in (None, status.st_ino):
                return []
            if not self._is_same_file(descriptor, status):
                self.offset, self._opening = 0, b""
            self._inode = status.st_ino
            if status.st_size == self.offset:
                return []
            lines = self._whole_lines(descriptor, status.st_size - self.offset)
            if len(self._opening) < _OPENING_BYTES:
                self._remember_opening(descriptor)
            return lines

    def _is_same_file(self, descriptor: int, status: os.stat_result) -> bool:
        """Whether this is still the file read so far, and not truncated."""
        if (self._inode is not None and status.st_ino != self._inode) or status.st_size < self.offset:
            return False
        if self.offset and os.pread(descriptor, 1, self.offset - 1) != b"\n":
            return False
        return os.pread(descriptor, len(self._opening), 0) == self._opening

    def _remember_opening(self, descriptor: int) -> None:
        self._opening = os.pread(descriptor, min(_OPENING_BYTES, self.offset), 0)

    def _whole_lines(self, descriptor: int, unread: int) -> list[bytes]:
        block = os.pread(descriptor, min(unread, READ_LIMIT), self.offset)
        end = block.rfind(b"\n") + 1
        if end == 0:
            if len(block) > MAX_LINE_BYTES:
                raise JournalError(f"{self.path}: a line at offset {self.offset} does not end; move the file away")
            return []
        self.offset += end
        return block[: end - 1].split(b"\n")

    def skip_to_end(self) -> None:
        """Skip existing lines and follow only new ones. Raises JournalError."""
        with open_journal(self.path) as descriptor:
            if descriptor is None:
                return
            status = os.fstat(descriptor)
            self.offset, self._inode = last_line_end(descriptor, status.st_size), status.st_ino
            self._remember_opening(descriptor)


@contextlib.contextmanager
def open_journal(path: Path) -> Iterator[int | None]:
    """Open a journal for reading; None if it does not exist. Turns every OSError into a JournalError."""
    try:
        try:
            descriptor = open_regular(path, os.O_RDONLY)
        except FileNotFoundError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from None


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield every whole line of a journal, oldest first; a missing file has none."""
    reader = JournalReader(path)
    while lines := reader.read_new():
        yield from lines


def last_lines(path: Path, count: int) -> list[bytes]:
    """Return the last ``count`` whole lines, oldest first, reading only the end of the file."""
    with open_journal(path) as descriptor:
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
        # Nothing follows the last line feed; a partial line may precede the first.
        lines = b"".join(reversed(blocks)).split(b"\n")[0 if start == 0 else 1 : -1]
        return lines[-count:]

"""Reads the lines of a log, whatever becomes of its file, in bounded memory and time.

Logs are not journals: a line may have any length or no end, and the file may be rotated, truncated, replaced, deleted
or become something else. Reading goes on where it can, and ``problem`` says why it cannot.
"""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from cq_tui.ops.formatting import format_size
from cq_tui.store.regular_file import open_regular

#: Bytes kept of a line.
KEPT_BYTES = 64 * 1024
#: Most bytes read by one call.
READ_BYTES = 128 * 1024
#: When more than this is unread, only its end is read.
_MAX_UNREAD = 8 * 1024 * 1024
#: Lines before the end of the file from which on it is shown at first.
_FIRST_LINES = 1000
#: Bytes just before the offset that are compared, to notice that a file was written anew.
_COMPARED = 64

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a symbolic link"}


class FileLine(NamedTuple):
    """The beginning of a line and the size of all of it; or a note on what the reader did, without content."""

    content: bytes
    size: int
    note: str = ""


class LineAssembler:
    """Turns blocks of bytes into lines; only the beginning of a long one is kept."""

    def __init__(self) -> None:
        self._content = bytearray()
        #: Bytes so far of the line that has not ended.
        self.unfinished = 0
        self._skips = False

    def skip(self, count: int) -> None:
        """Leave out ``count`` bytes and what follows of the line they end in; a note tells it."""
        self._content.clear()
        self.unfinished += count
        self._skips = True

    def feed(self, block: bytes) -> list[FileLine]:
        """Return the lines that end in this block."""
        *ended, rest = block.split(b"\n")
        lines = [self._end(piece) for piece in ended]
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        if not self._skips:
            self._content += piece[: KEPT_BYTES - len(self._content)]
        self.unfinished += len(piece)

    def _end(self, piece: bytes) -> FileLine:
        self._add(piece)
        note = f"{format_size(self.unfinished)} not shown" if self._skips else ""
        line = FileLine(bytes(self._content), self.unfinished, note)
        self._content.clear()
        self.unfinished, self._skips = 0, False
        return line


class LogReader:
    """Follows one log; see the module. Blocking: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: Why nothing, or not everything, can be shown; None when all is well.
        self.problem: str | None = None
        #: Whether more can be read at once.
        self.is_behind = False
        self._file: tuple[int, int] | None = None
        self._version: tuple[int, ...] = ()
        self._offset = 0
        self._before = b""
        self._lines = LineAssembler()

    def read_new(self) -> list[FileLine]:
        """Return the lines since the last call; the first time, the last thousand. Never raises OSError."""
        self.is_behind = False
        try:
            lines = self._read()
            self.problem = None
        except FileNotFoundError:
            lines = []
            # A service that has never run has no log; and while a log is rotated, it is away for an instant.
            self.problem = None if self._file is None else "is gone"
        except OSError as error:
            lines, self.problem = [], error.strerror
        if self.problem:
            self._version = ()
        elif self._lines.unfinished > KEPT_BYTES:
            self.problem = f"unfinished line of {format_size(self._lines.unfinished)}"
        return lines

    def _read(self) -> list[FileLine]:
        status = os.lstat(self._path)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "a device")
            raise OSError(errno.EINVAL, f"is {kind}. Move it away", str(self._path))
        version = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if version == self._version:
            return []
        lines: list[FileLine] = []
        if self._file not in (None, (status.st_dev, status.st_ino)):
            lines += self._rest_of_rotated()
            self._start_over()
        descriptor = open_regular(self._path, os.O_RDONLY)
        try:
            opened = os.fstat(descriptor)
            lines += self._read_file(descriptor, opened)
        finally:
            os.close(descriptor)
        self._version = () if self.is_behind else (opened.st_dev, opened.st_ino, self._offset, opened.st_mtime_ns)
        return lines

    def _read_file(self, descriptor: int, status: os.stat_result) -> list[FileLine]:
        notes = []
        if self._file is None:
            self._start_near_end(descriptor, status.st_size)
        elif self._was_rewritten(descriptor, status.st_size):
            self._start_over()
            notes = [FileLine(b"", 0, "the file was truncated or rewritten")]
        self._file = (status.st_dev, status.st_ino)
        return notes + self._read_block(descriptor, status.st_size)

    def _read_block(self, descriptor: int, size: int) -> list[FileLine]:
        if size - self._offset > _MAX_UNREAD:
            self._lines.skip(size - READ_BYTES - self._offset)
            self._offset = size - READ_BYTES
        block = os.pread(descriptor, min(READ_BYTES, size - self._offset), self._offset)
        self._offset += len(block)
        self._before = (self._before + block)[-_COMPARED:]
        self.is_behind = bool(block) and self._offset < size
        return self._lines.feed(block)

    def _rest_of_rotated(self) -> list[FileLine]:
        """Return what was written to the old file before its service began a new one."""
        try:
            descriptor = open_regular(f"{self._path}.1", os.O_RDONLY)
        except OSError:
            return []
        try:
            status = os.fstat(descriptor)
            is_ours = (status.st_dev, status.st_ino) == self._file
            if not is_ours or self._was_rewritten(descriptor, status.st_size):
                return []
            lines = self._read_block(descriptor, status.st_size)
            while self.is_behind:
                lines += self._read_block(descriptor, status.st_size)
            return lines
        finally:
            os.close(descriptor)

    def _was_rewritten(self, descriptor: int, size: int) -> bool:
        if size < self._offset:
            return True
        return os.pread(descriptor, len(self._before), self._offset - len(self._before)) != self._before

    def _start_over(self) -> None:
        self._offset, self._before, self._lines = 0, b"", LineAssembler()

    def _start_near_end(self, descriptor: int, size: int) -> None:
        """Go back from the end to the start of the first line to show."""
        start, lines = size, 0
        while start > max(0, size - _MAX_UNREAD) and lines <= _FIRST_LINES:
            block_start = max(0, start - READ_BYTES)
            block = os.pread(descriptor, start - block_start, block_start)
            lines += block.count(b"\n")
            start = block_start
        if start:
            # Most likely within a line.
            self._lines.skip(start)
        self._offset = start

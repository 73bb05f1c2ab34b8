"""Opening what may be anything: a folder, a pipe, a device, a loop of links, a file that grows or shrinks meanwhile."""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cq_tui.contracts.rules.finding import Finding
from cq_tui.ops.formatting import format_size
from cq_tui.store.document import MAX_DOCUMENT_BYTES
from cq_tui.store.regular_file import open_regular

#: A file that somebody writes in place is read again this often.
_ATTEMPTS = 5
_PAUSE = 0.05
#: From here on a file that mostly is a hole is not read: that would take hours.
_SPARSE_BYTES = 256 * 1024 * 1024


class UnusableFile(Exception):
    """The file cannot be read at all."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.finding = Finding(rule, text)


@contextlib.contextmanager
def open_file(path: Path, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a regular file for reading. ``follow``: also behind a symbolic link. Raises UnusableFile."""
    try:
        file = open(_resolved(path) if follow else path, "rb", opener=_open_checked)  # noqa: SIM115
    except OSError as error:
        raise _unusable(error) from None
    with file:
        status = os.fstat(file.fileno())
        if status.st_size > _SPARSE_BYTES and status.st_blocks * 512 < status.st_size // 2:
            raise UnusableFile("file.sparse", f"says {format_size(status.st_size)}, but mostly holds nothing")
        yield file


def _open_checked(path: str, flags: int) -> int:
    # Opening a device may have consequences.
    kind = os.lstat(path).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
        raise IsADirectoryError(0, "is a folder" if stat.S_ISDIR(kind) else "is no regular file", path)
    return open_regular(path, flags)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except RuntimeError:
        raise OSError(0, "is a loop of symbolic links", str(path)) from None


def _unusable(error: OSError) -> UnusableFile:
    if isinstance(error, FileNotFoundError):
        return UnusableFile("file.readable", "does not exist")
    if isinstance(error, PermissionError):
        return UnusableFile("file.readable", f"cannot be read ({error.strerror})")
    return UnusableFile("file.kind", (error.strerror or str(error)).partition(". ")[0])


def read_whole(path: Path, *, follow: bool = False) -> bytes:
    """Return the bytes of a document, as they were at one moment. Raises UnusableFile, FileNotFoundError if it went."""
    for _ in range(_ATTEMPTS):
        with open_file(path, follow=follow) as file:
            before = os.fstat(file.fileno())
            if before.st_size > MAX_DOCUMENT_BYTES:
                allowed = format_size(MAX_DOCUMENT_BYTES)
                raise UnusableFile("file.too_large", f"has {format_size(before.st_size)}, {allowed} are allowed")
            content = _read_all(file, before.st_size)
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return content
        time.sleep(_PAUSE)
    raise UnusableFile("file.changing", "changed each time while it was read")


def _read_all(file: BinaryIO, size: int) -> bytes:
    parts = []
    try:
        while size > 0 and (part := file.read(size)):
            parts.append(part)
            size -= len(part)
    except OSError as error:
        raise UnusableFile("file.readable", f"cannot be read ({error.strerror})") from None
    return b"".join(parts)

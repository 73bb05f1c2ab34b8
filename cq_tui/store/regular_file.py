"""Opening regular files only: a pipe would block, a symbolic link would lead to another file."""

import contextlib
import errno
import os
import stat
from pathlib import Path

_REMEDY = "Move it away"
#: Bytes of a path on Linux, its end included.
_LONGEST_PATH = 4096
#: More folders in each other than anybody makes; making them takes recursion.
_DEEPEST = 100


def open_regular(path: Path | str, flags: int, mode: int = 0o600) -> int:
    """Open a regular file and return its descriptor. Raises OSError for anything else of that name.

    ``open(path, "rb", opener=open_regular)`` gives a file object. Only the last part of the path must not be a
    symbolic link; folders may be. A file to write is closed to whom ``mode`` does not name, as a new one is.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            raise OSError(errno.ELOOP, f"is a symbolic link. {_REMEDY}", str(path)) from None
        if error.errno in (errno.EISDIR, errno.ENXIO):
            # A folder, or a pipe without a reader.
            raise _not_regular(path, is_folder=error.errno == errno.EISDIR) from None
        raise
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise _not_regular(path, is_folder=stat.S_ISDIR(kind))
    if flags & os.O_CREAT and kind & 0o077 & ~mode:
        # Written by an older version or copied. If that fails, its folder, which is 0700, still protects it.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, stat.S_IMODE(kind) & (mode | 0o700))
    return descriptor


def _not_regular(path: Path | str, *, is_folder: bool) -> OSError:
    number = errno.EISDIR if is_folder else errno.EINVAL
    return OSError(number, f"is no regular file. {_REMEDY}", str(path))


def is_plain_name(name: str) -> bool:
    """Whether a name that somebody else chose, such as one in an archive, stays below the folder that it is used in."""
    try:
        is_possible = len(os.fsencode(name)) < _LONGEST_PATH and "\0" not in name
    except UnicodeEncodeError:
        return False
    parts = name.split("/")
    return is_possible and len(parts) <= _DEEPEST and all(part not in ("", ".", "..") for part in parts)

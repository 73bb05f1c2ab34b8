"""Opening regular files only: a pipe would block, a symbolic link would lead to another file."""

import errno
import os
import stat
from pathlib import Path

_REMEDY = "Move it away"


def open_regular(path: Path | str, flags: int, mode: int = 0o600) -> int:
    """Open a regular file and return its descriptor. Raises OSError for anything else of that name.

    ``open(path, "rb", opener=open_regular)`` gives a file object. Only the last part of the path must not be a
    symbolic link; folders may be.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP and os.path.islink(path):
            raise OSError(errno.ELOOP, f"is a symbolic link. {_REMEDY}", str(path)) from None
        if error.errno == errno.ENXIO:
            # A pipe without a reader.
            raise OSError(errno.EINVAL, f"is no regular file. {_REMEDY}", str(path)) from None
        raise
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(kind) else errno.EINVAL
        raise OSError(number, f"is no regular file. {_REMEDY}", str(path))
    return descriptor

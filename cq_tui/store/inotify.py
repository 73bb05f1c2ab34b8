"""inotify(7) on some folders, straight from the C library of this process: looking for one takes another process."""

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_MODIFY, _MOVED_TO, _CREATE, _DELETE, _ONLY_FOLDERS = 0x2, 0x80, 0x100, 0x200, 0x0100_0000
_MASK = _MODIFY | _MOVED_TO | _CREATE | _DELETE | _ONLY_FOLDERS
#: Watch descriptor, mask, cookie, and the length of the name that follows, padded with NULs.
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 64 * 1024


class Inotify:
    """Names of what was written, created, deleted, or renamed into place in folders, not recursive."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Raises OSError for a folder that is missing, and when the system's instances or watches are used up."""
        library = ctypes.CDLL(None, use_errno=True)
        self.descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise _last_error()
        self._folders: dict[int, Path] = {}
        for folder in folders:
            watch = library.inotify_add_watch(self.descriptor, os.fsencode(folder), ctypes.c_uint32(_MASK))
            if watch < 0:
                error = _last_error(folder)
                self.close()
                raise error
            self._folders[watch] = folder

    def read(self) -> Iterator[Path]:
        """Yield the changed paths until none is left. A full queue loses some: look at the folders now and then."""
        while True:
            try:
                content = os.read(self.descriptor, _BUFFER_BYTES)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(content):
                watch, _, _, length = _EVENT.unpack_from(content, offset)
                offset += _EVENT.size
                name = content[offset : offset + length].rstrip(b"\0")
                offset += length
                folder = self._folders.get(watch)
                if name and folder is not None:
                    yield _join(folder, name)

    def close(self) -> None:
        """Stop watching."""
        os.close(self.descriptor)


@lru_cache(maxsize=1024)
def _join(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)


def _last_error(path: Path | None = None) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), None if path is None else str(path))

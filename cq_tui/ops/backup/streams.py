"""Reading an open file from beginning to end, whoever else reads it, and the ledger's account without its key."""

import io
import os
import re
from collections.abc import Callable
from typing import Protocol

from cq_tui.ops.backup.cut import OpenFile
from cq_tui.simulator.engine.identity import random_key

#: In a ledger's line of the account. A key of the same length takes its place, so that the size stays.
_KEYS = re.compile(rb'("api_(key|secret)"\s*:\s*")([^"\\]*)(")')
_ACCOUNT = b'"account"'
_NO_KEY = b"0"


class Readable(Protocol):
    """What can be read to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


class FileStream:
    """The bytes of an open file, then its tail. Tells ``progress`` the number of bytes read."""

    def __init__(self, file: OpenFile, progress: Callable[[int], object] = lambda _: None) -> None:
        self._file, self._progress, self._at = file, progress, 0
        #: Line feeds read so far.
        self.lines = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        left = self._file.size + len(self._file.tail) - self._at
        size = left if size < 0 else min(size, left)
        content = b""
        while len(content) < size and (more := self._read_some(size - len(content))):
            content += more
            self._at += len(more)
        self.lines += content.count(b"\n")
        self._progress(len(content))
        return content

    def _read_some(self, size: int) -> bytes:
        left = self._file.size - self._at
        if left > 0:
            return os.pread(self._file.descriptor, min(size, left), self._at)
        return self._file.tail[-left:][:size]


class LineChanger:
    """A stream whose lines are changed to others of the same length. No line has more bytes than fit in memory."""

    def __init__(self, source: Readable, change: Callable[[bytes], bytes]) -> None:
        self._source, self._change = source, change
        self._pending, self._ready = b"", b""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        while size < 0 or len(self._ready) < size:
            block = self._source.read(io.DEFAULT_BUFFER_SIZE * 8)
            lines = (self._pending + block).split(b"\n")
            self._pending = lines.pop() if block else b""
            changed = b"".join(self._change(line) + b"\n" for line in lines) if block else self._change(lines[0])
            self._ready += changed
            if not block:
                break
        count = len(self._ready) if size < 0 else size
        content, self._ready = self._ready[:count], self._ready[count:]
        return content


def without_key(line: bytes) -> bytes:
    """Return a ledger's line with the account's key and secret blanked."""
    if _ACCOUNT not in line:
        return line
    return _KEYS.sub(lambda found: found[1] + _NO_KEY * len(found[3]) + found[4], line)


def with_new_keys() -> Callable[[bytes], bytes]:
    """Return what gives a ledger's account a new key and secret where they were blanked, the same on every line."""
    made = {b"key": random_key().encode(), b"secret": random_key().encode()}

    def fill(found: re.Match[bytes]) -> bytes:
        is_blank = found[3] and not found[3].strip(_NO_KEY)
        return found[1] + (made[found[2]] if is_blank else found[3]) + found[4]

    return lambda line: _KEYS.sub(fill, line) if _ACCOUNT in line else line

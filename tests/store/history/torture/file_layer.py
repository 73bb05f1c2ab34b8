"""A layer between the code under test and the disk: it knows every call, can refuse one, and keeps a log of all.

It stands in for the functions of ``os`` and lets through what does not concern its folder. Syncs are noted, not carried
out: what a power loss leaves is worked out from the log.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_BY_PATH = ("open", "unlink", "rename", "replace", "link", "stat")
_BY_DESCRIPTOR = ("close", "lseek", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "fstat", "pread", "read")
#: A full disk refuses only what needs room.
NEEDS_ROOM = frozenset({"open", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "link", "rename", "replace"})
WRITES = frozenset({"write", "pwrite"})
SHORT, SHORT_THEN_FULL = -1, -2
_FLAGS = {
    "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "xb": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class Operation(NamedTuple):
    """One thing that was done to the disk. ``file`` is a number of ours: the system uses its own again."""

    kind: str
    path: str = ""
    to: str = ""
    file: int = 0
    offset: int = 0
    content: bytes = b""


class _Opened(NamedTuple):
    path: str
    file: int
    flags: int


class _RawFile(io.RawIOBase):
    """A file whose calls can be stood in for, which those of Python's own cannot."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        return os.write(self._descriptor, content)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


class FileLayer:
    """What is asked of the disk below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        #: Every call so far: the function and the file's name.
        self.calls: list[tuple[str, str]] = []
        #: Everything that was done, for a power loss.
        self.log: list[Operation] = []
        self._opened: dict[int, _Opened] = {}
        self._names: dict[str, int] = {}
        self._numbers = count(1)
        self._refused, self._how = -1, 0
        self._real: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in _BY_PATH + _BY_DESCRIPTOR}

    def refuse(self, position: int, how: int) -> None:
        """Have the call at that position fail once: with an errno, or by writing less than it was given."""
        self._refused, self._how = position, how

    def end_process(self) -> None:
        """Close what is open, as the end of a process does."""
        for descriptor in self._opened:
            self._real["close"](descriptor)
        self._opened.clear()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand in for ``os``."""
        for name in self._real:
            patch.setattr(os, name, self._standing_in(name))
        opening = self._opening(io.open)
        for module in (builtins, io):
            patch.setattr(module, "open", opening)

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Have files that are written by Python's own objects written through the layer, too."""

        def opening(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            if self._is_ours(file) and not set(mode) & set("wax+"):
                # What is read by Python's own objects is left to them, descriptor and all.
                return real(file, mode, *arguments, **named | {"opener": None})
            if not self._is_ours(file):
                return real(file, mode, *arguments, **named)
            assert mode in _FLAGS, f"the layer does not know how to open {file} as {mode!r}"
            opener = named.get("opener") or (lambda path, flags: os.open(path, flags, 0o666))
            return io.BufferedWriter(_RawFile(opener(os.fspath(file), _FLAGS[mode] | os.O_CLOEXEC)))

        return opening

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.fsdecode(path).startswith(self._root)

    def _standing_in(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            first = arguments[0]
            if not (self._is_ours(first) if name in _BY_PATH else first in self._opened):
                return self._real[name](*arguments, **named)
            path = os.fsdecode(first) if name in _BY_PATH else self._opened[first].path
            position = len(self.calls)
            self.calls.append((name, os.path.basename(path)))
            if position == self._refused:
                return self._refuse(name, arguments)
            return self._carry_out(name, arguments, named)

        return call

    def _refuse(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if self._how in (SHORT, SHORT_THEN_FULL):
            assert name in WRITES
            if self._how == SHORT_THEN_FULL:
                self.refuse(len(self.calls), errno.ENOSPC)
            descriptor, content, *rest = arguments
            return self._carry_out(name, (descriptor, content[: (len(content) + 1) // 2], *rest), {})
        if name == "close":
            # The descriptor is gone, whatever close says.
            self._carry_out(name, arguments, {})
        raise OSError(self._how, os.strerror(self._how), arguments[0] if name in _BY_PATH else None)

    def _carry_out(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        act: Callable[..., Any] | None = getattr(self, f"_{name}", None)
        return self._real[name](*arguments, **named) if act is None else act(*arguments, **named)

    def _open(self, path: Any, flags: int, *mode: int) -> int:
        name = os.fsdecode(path)
        is_new = not os.path.lexists(name)
        if not is_new and not os.path.isdir(name):
            self._find(name)
        descriptor: int = self._real["open"](path, flags, *mode)
        if is_new:
            self._names[name] = next(self._numbers)
            self.log.append(Operation("create", name, file=self._names[name]))
        elif flags & os.O_TRUNC:
            self.log.append(Operation("truncate", name, file=self._names[name]))
        self._opened[descriptor] = _Opened(name, self._names.get(name, 0), flags)
        return descriptor

    def _find(self, name: str) -> int:
        """Return the number of a file that is there, also of one that was there before the layer."""
        if name not in self._names:
            self._names[name] = next(self._numbers)
            self.log.append(Operation("found", name, file=self._names[name], content=self._content(name)))
        return self._names[name]

    def _content(self, name: str) -> bytes:
        descriptor = self._real["open"](name, os.O_RDONLY)
        try:
            content: bytes = self._real["read"](descriptor, 1 << 30)
            return content
        finally:
            self._real["close"](descriptor)

    def _close(self, descriptor: int) -> None:
        del self._opened[descriptor]
        self._real["close"](descriptor)

    def _write(self, descriptor: int, content: bytes) -> int:
        opened = self._opened[descriptor]
        whence = os.SEEK_END if opened.flags & os.O_APPEND else os.SEEK_CUR
        offset = self._real["lseek"](descriptor, 0, whence)
        written: int = self._real["write"](descriptor, content)
        self.log.append(Operation("write", opened.path, "", opened.file, offset, bytes(content[:written])))
        return written

    def _pwrite(self, descriptor: int, content: bytes, offset: int) -> int:
        opened = self._opened[descriptor]
        written: int = self._real["pwrite"](descriptor, content, offset)
        self.log.append(Operation("write", opened.path, "", opened.file, offset, bytes(content[:written])))
        return written

    def _ftruncate(self, descriptor: int, size: int) -> None:
        self._real["ftruncate"](descriptor, size)
        self.log.append(Operation("truncate", file=self._opened[descriptor].file, offset=size))

    def _fsync(self, descriptor: int) -> None:
        opened = self._opened[descriptor]
        self.log.append(Operation("sync", opened.path, file=opened.file))

    _fdatasync = _fsync

    def _link(self, path: Any, to: Any) -> None:
        file = self._find(os.fsdecode(path))
        self._real["link"](path, to)
        self._names[os.fsdecode(to)] = file
        self.log.append(Operation("link", os.fsdecode(path), os.fsdecode(to)))

    def _rename(self, path: Any, to: Any) -> None:
        file = self._find(os.fsdecode(path))
        self._real["rename"](path, to)
        if self._names.get(os.fsdecode(to)) != file:
            # A name that is renamed to another one of the same file stays where it is.
            del self._names[os.fsdecode(path)]
        self._names[os.fsdecode(to)] = file
        self.log.append(Operation("rename", os.fsdecode(path), os.fsdecode(to)))

    _replace = _rename

    def _unlink(self, path: Any) -> None:
        if os.path.lexists(os.fsdecode(path)):
            self._find(os.fsdecode(path))
        self._real["unlink"](path)
        del self._names[os.fsdecode(path)]
        self.log.append(Operation("unlink", os.fsdecode(path)))


@contextmanager
def file_layer(root: Path) -> Iterator[FileLayer]:
    """Put a layer below everything that happens in ``root``; at the end the process has ended."""
    layer = FileLayer(root)
    with pytest.MonkeyPatch.context() as patch:
        layer.install(patch)
        try:
            yield layer
        finally:
            layer.end_process()

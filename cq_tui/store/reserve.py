"""The reserve: space that is let go, slice by slice, so that what protects can be written while the disk is full."""

import errno
import os
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from cq_tui.contracts.events import SAFETY_EVENTS
from cq_tui.contracts.layout import DataDir
from cq_tui.store.durable import write_all
from cq_tui.store.regular_file import open_regular

RESERVE_BYTES = 4 * 2**20
#: Let go at once; a program that fills the disk may take it first, so not more than needed.
_SLICE = 64 * 1024
#: Free bytes below which the disk is full, and from which on the reserve is made.
_LOW, _AMPLE = 2**20, 4 * RESERVE_BYTES
_REMEDY = "Free some space on this disk, then try again"

T = TypeVar("T")


class _Event(Protocol):
    @property
    def event_type(self) -> str: ...


class Reserve:
    """The file ``run/reserve`` of a data directory."""

    def __init__(self, data: DataDir) -> None:
        self._root, self._path = data.root, data.reserve

    @property
    def is_full(self) -> bool:
        """Whether the disk is full; False if that cannot be told."""
        try:
            return self._free() < _LOW
        except OSError:
            return False

    @property
    def problem(self) -> str | None:
        """Why nothing that opens risk may be written: the disk is full, or it was, and the reserve is not whole yet."""
        try:
            free, is_whole = self._free(), self._size(RESERVE_BYTES) >= RESERVE_BYTES
        except OSError:
            return None
        if free >= _LOW and is_whole:
            return None
        text = f"{self._root}: the disk is full ({free / 2**20:,.1f} MiB free)"
        return f"{text}. Free {_AMPLE // 2**20} MiB; nothing is bought until then"

    def spend(self, act: Callable[[], T], *, protects: bool = True) -> T:
        """Do what protects: while the disk is full, let go of a slice and do it again. Raises what ``act`` raises.

        On an error ``act`` has changed nothing.
        """
        while True:
            try:
                return act()
            except Exception as error:
                if not (protects and is_disk_full(error) and self._let_go()):
                    raise

    def spend_on_events(self, act: Callable[[], T], events: Iterable[_Event]) -> T:
        """Write events, with the reserve if one of them is of safety. Raises what ``act`` raises."""
        try:
            return act()
        except Exception as error:
            if not is_disk_full(error) or not any(event.event_type in SAFETY_EVENTS for event in events):
                raise
        return self.spend(act)

    def refill(self) -> None:
        """Make the reserve, whole, when there is ample room. Raises OSError."""
        if self._size(0) >= RESERVE_BYTES or self._free() < _AMPLE:
            return
        # A new one appears whole: others would take an empty one for a disk that was full.
        path = self._path if os.path.lexists(self._path) else self._path.with_name(f".{self._path.name}.new")
        descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            else:
                write_all(descriptor, bytes(RESERVE_BYTES))
        finally:
            os.close(descriptor)
        if path != self._path:
            os.replace(path, self._path)

    def _size(self, missing: int) -> int:
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return missing

    def _free(self) -> int:
        system = os.statvfs(self._root)
        # Without a limit, a file system in memory has no blocks.
        return system.f_bavail * system.f_frsize if system.f_blocks else _AMPLE

    def _let_go(self) -> bool:
        """Free a slice; whether there was one."""
        try:
            with open(self._path, "r+b", buffering=0, opener=open_regular) as file:
                size = os.fstat(file.fileno()).st_size
                file.truncate(max(0, size - _SLICE))
                # Some file systems free it only now.
                os.fsync(file.fileno())
        except OSError:
            return False
        return size > 0


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the disk, or a quota, is full: the error says so, or the one that caused it."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)


def describe_error(error: Exception) -> str:
    """Return file and reason in one line, and the remedy for a full disk and missing permissions."""
    text = str(error)
    if isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    if isinstance(error, PermissionError):
        return f"{text}. Check its owner and permissions"
    return f"{text}. {_REMEDY}" if is_disk_full(error) else text

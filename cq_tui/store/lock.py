"""Advisory locks: one holder per name; the lock file shows its pid and process start time."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil

from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store.document import DocumentError, DocumentMissing, parse_document, read_with_owner
from cq_tui.store.durable import write_all
from cq_tui.store.regular_file import open_regular


class LockHeld(Exception):
    """Another process holds the lock."""

    def __init__(self, name: str, holder: LockHolder | None) -> None:
        who = f"process {holder.pid}" if holder else "another process"
        super().__init__(f"{name} is already running here ({who}). Stop it first, or choose another --data-dir")
        self.holder = holder


class ProcessLock:
    """An exclusive lock that the system releases when its process ends, however it ends.

    The file is never deleted: deleting and recreating it would make two locks of one name. Where the system lists its
    locks (Linux), a holder whose file was deleted or replaced all the same still holds the lock.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        kind: str | None = None,
        directory: str | None = None,
        *,
        needs_content: bool = True,
    ) -> None:
        """``directory``: the holder's data directory, for a lock that several directories share.

        Without ``needs_content`` it is taken also where nothing can be written: only the system knows the holder then.
        """
        self.path = path
        self.name = name
        self.kind = kind
        self.directory = directory
        self._needs_content = needs_content
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor >= 0

    def acquire(self) -> None:
        """Acquire the lock without waiting, or raise LockHeld."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # At once: whoever finds the holder by the system reads here what kind it is.
            self._write_holder(descriptor)
            if any(other.pid != os.getpid() for other in _holders_by_system(self.path)):
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, 0)
                raise BlockingIOError
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise LockHeld(self.name, find_holder(self.path)) from None
            error.filename = error.filename or str(self.path)
            raise
        self._descriptor = descriptor

    def _open(self) -> int:
        try:
            return open_regular(self.path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if self._needs_content or error.errno not in (errno.EROFS, errno.EACCES):
                raise
            return open_regular(self.path, os.O_RDONLY)

    def _write_holder(self, descriptor: int) -> None:
        holder = _describe(os.getpid(), self.name, self.kind, self.directory)
        try:
            os.ftruncate(descriptor, 0)
            write_all(descriptor, orjson.dumps(holder.model_dump(exclude_none=True)) + b"\n")
        except OSError:
            if self._needs_content:
                raise

    def release(self) -> None:
        """Release the lock, leaving an empty file."""
        if self.held:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def read_holder(path: Path) -> LockHolder | None:
    """Return the live holder of a lock, or None. If something else is in its place, the system may know the holder."""
    try:
        holder = parse_document(path, read_with_owner(path, opener=open_regular)[0], LockHolder)
    except DocumentError as error:
        # Often read, and mostly right: a file that is missing or empty is a lock that nobody holds.
        is_free = isinstance(error, DocumentMissing) or error.problem == "is empty"
        return None if is_free else next(_holders_by_system(path), None)
    return holder if is_alive(holder.pid, holder.process_started, holder.start_ticks) else None


def find_holder(path: Path) -> LockHolder | None:
    """Return the live holder of a lock, as ``read_holder`` but also if its file was deleted or emptied."""
    return read_holder(path) or next(_holders_by_system(path), None)


def _holders_by_system(path: Path) -> Iterator[LockHolder]:
    """Yield the holders of a lock that the system knows, even if their file was deleted or replaced (proc(5))."""
    folder = os.path.realpath(path.parent)
    for pid in _pids_with_locks():
        with contextlib.suppress(OSError, psutil.Error):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                target = Path(os.readlink(descriptor).removesuffix(" (deleted)"))
                if str(target.parent) == folder and target.suffix == path.suffix:
                    holder = _describe(pid, target.stem, None)
                    with contextlib.suppress(DocumentError):
                        stored = parse_document(descriptor, read_with_owner(descriptor)[0], LockHolder)
                        holder = stored if stored.pid == pid else holder
                    if holder.name == path.stem:
                        yield holder


def _pids_with_locks() -> set[int]:
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return set()
    # Such as "1: FLOCK  ADVISORY  WRITE 1234 00:1b:1224291 0 EOF"; of who waits for a lock, the second word is "->".
    return {int(words[4]) for line in lines if (words := line.split())[1] == "FLOCK"}


def _describe(pid: int, name: str, kind: str | None, directory: str | None = None) -> LockHolder:
    started, ticks = psutil.Process(pid).create_time(), start_ticks(pid)
    return LockHolder(pid=pid, process_started=started, start_ticks=ticks, name=name, kind=kind, directory=directory)


def is_alive(pid: int, process_started: float, ticks: int | None = None) -> bool:
    """Whether this process still runs, and is not a zombie or another process with the same pid.

    ``ticks`` (see ``start_ticks``) decide if known, since Unix times change when the clock is set.
    """
    if ticks is not None:
        return start_ticks(pid) == ticks
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - process_started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def start_ticks(pid: int) -> int | None:
    """Return a process's start in clock ticks since boot (proc(5), field 22); None if it ended or is unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the name in parentheses, which may contain anything.
    state, *fields = status.rpartition(b")")[2].split()
    return None if state == b"Z" else int(fields[18])

"""A data directory for one migration alone: no service runs in it, and none can start."""

import contextlib
from collections.abc import Iterator

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.lock import ProcessLock

LOCKED = (*SERVICES, "supervisor")


class MigrationRefused(Exception):
    """Nothing was changed; the message says why and what to do."""


@contextlib.contextmanager
def locked(data: DataDir) -> Iterator[None]:
    """Hold the locks of all services and of the supervisor. If that ends with an error, folders it made go again."""
    had_root, had_run = data.root.is_dir(), data.run.is_dir()
    for folder in (data.root, data.run):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    locks = [ProcessLock(data.lock_of(name), name, "migration") for name in LOCKED]
    try:
        for lock in locks:
            lock.acquire()
        yield
    except BaseException:
        _release(locks)
        if not had_run:
            remove_locks(data, root_too=not had_root)
        raise
    _release(locks)


def _release(locks: list[ProcessLock]) -> None:
    for lock in locks:
        lock.release()


def remove_locks(data: DataDir, *, root_too: bool) -> None:
    """Remove the folder of locks, which only this migration made."""
    with contextlib.suppress(OSError):
        for name in LOCKED:
            data.lock_of(name).unlink(missing_ok=True)
        data.run.rmdir()
        if root_too:
            data.root.rmdir()

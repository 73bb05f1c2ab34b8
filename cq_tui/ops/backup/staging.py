"""The staging folder beside a data directory: what is restored is built here, and takes its place by a rename."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cq_tui.ops.backup.errors import BackupError, RestoreRefused
from cq_tui.store.durable import sync_folder

#: Marks the folder as ours, so that what a killed run left may be removed.
_MARK = ".cq-tui-restoring"


def staging_path(root: Path) -> Path:
    """Return the staging folder of a data directory, on the same file system."""
    return root.with_name(f".{root.name}.restoring")


@contextlib.contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """Return an empty staging folder, which one process uses; it is removed at the end unless it was put in place.

    What a killed run left there is removed. Raises RestoreRefused and OSError.
    """
    path = staging_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RestoreRefused(f"{path}: another restore is running. Wait for its end") from None
        _empty(path)
        inode = os.fstat(descriptor).st_ino
        try:
            yield path
        finally:
            if _inode(path) == inode:
                # The mark goes last: whoever is killed here leaves a folder that is known as ours.
                with contextlib.suppress(OSError, BackupError):
                    _empty(path)
                shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def _empty(path: Path) -> None:
    found = os.listdir(path)
    if found and _MARK not in found:
        raise BackupError(f"{path}: is in the way and not of a restore. Move it away")
    mark = path / _MARK
    mark.touch(mode=0o600)
    for name in found:
        entry = path / name
        if name == _MARK:
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _inode(path: Path) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def put_in_place(staging: Path, root: Path, aside: Path | None) -> None:
    """Rename the present directory aside, if there is one, and the staging folder to its name. Raises OSError.

    Whenever it ends, one of the two is there, whole. If the second rename fails, the first is undone.
    """
    sync_tree(staging)
    if aside is not None:
        os.rename(root, aside)
        sync_folder(root.parent)
    try:
        os.rename(staging, root)
    except OSError:
        if aside is not None:
            os.rename(aside, root)
        raise
    sync_folder(root.parent)
    (root / _MARK).unlink(missing_ok=True)


def sync_tree(path: Path) -> None:
    """Make the names in all folders durable; the files are already."""
    for folder, _, _ in os.walk(path):
        sync_folder(Path(folder))

"""Creating the data directory: folders of mode 0700, and a clear error when that is impossible."""

import os
import stat
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_version import find_version, record_version
from cq_tui.store.owner import user_name


class DataDirError(Exception):
    """The data directory cannot be used; the message says why and how to fix it."""


class DataVersionError(DataDirError):
    """Its files are of another version than this cq-tui uses; the message names both and the next step."""


def require_usable_version(data: DataDir) -> None:
    """Raise DataVersionError unless the files are of the current version, or there are none yet. Writes nothing."""
    if refusal := find_version(data).refusal(data):
        raise DataVersionError(refusal)


def prepare_data_directory(data: DataDir) -> str | None:
    """Create folders, close them to other users, and return in words what was open. Raises DataDirError.

    Where the files are of another version, nothing is created or changed: DataVersionError.
    """
    version = find_version(data)
    if refusal := version.refusal(data):
        raise DataVersionError(refusal)
    found: list[str] = []
    try:
        _prepare_root(data)
        for folder in data.folders():
            folder.mkdir(mode=0o700, exist_ok=True)
            found += _keep_to_owner(folder, 0o700)
        if _is_own_file(data.settings):
            found += _keep_to_owner(data.settings, 0o600)
        record_version(data, version)
    except OSError as error:
        reason = "not a directory" if isinstance(error, FileExistsError) else error.strerror or error
        raise DataDirError(
            f"data directory {data.root}: {reason} ({error.filename}). Choose another with --data-dir or CQ_DATA_DIR"
        ) from None
    more = f" (and {len(found) - 1} more in it)" if len(found) > 1 else ""
    return f"{found[0]} was open to other users{more}. It is closed to them now" if found else None


def require_owner(data: DataDir) -> None:
    """Raise DataDirError if the directory is there and belongs to another user."""
    if data.root.is_dir():
        _check_owner(data.root, data.root.stat())


def _is_own_file(path: Path) -> bool:
    """Whether it can be closed to others. What cannot be seen, or is no file, is for who reads it to judge."""
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _prepare_root(data: DataDir) -> None:
    data.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = data.root.stat()
    if data.root == data.root.parent or (status.st_mode & stat.S_ISVTX and not data.memory.exists()):
        # Such as /tmp: closing it would close it to everyone.
        raise DataDirError(f"{data.root} is not for one user alone. Choose a folder in it with --data-dir")
    _check_owner(data.root, status)
    if not os.access(data.root, os.W_OK | os.X_OK):
        raise DataDirError(
            f"data directory {data.root} is read-only. Make it writable or choose another with --data-dir"
        )


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        owner, user = user_name(status.st_uid), user_name(os.geteuid())
        raise DataDirError(
            f"{path} belongs to {owner}, and this is {user}. Choose another data directory with --data-dir, run cq-tui "
            f"as {owner}, or run `chown -R {os.geteuid()}` on the data directory if it is yours"
        )


def _keep_to_owner(path: Path, mode: int) -> list[str]:
    """Remove other users' access, and return the path with its earlier mode if they had any."""
    status = path.stat()
    _check_owner(path, status)
    if not status.st_mode & 0o077:
        return []
    found = f"{path} (mode {stat.S_IMODE(status.st_mode):04o})"
    try:
        path.chmod(mode)
        problem = "its file system has no permissions" if path.stat().st_mode & 0o077 else ""
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise DataDirError(
            f"{found} is open to other users and cannot be closed: {problem}. Run `chmod {mode:o}` on it, or choose "
            "another data directory with --data-dir"
        )
    return [found]


def resolved_path(root: Path) -> str:
    """Return the resolved path as text; bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(os.path.realpath(root)).decode(errors="backslashreplace")

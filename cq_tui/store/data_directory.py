"""Creating the data directory: folders of mode 0700, and a clear error when that is impossible."""

import os

from cq_tui.contracts.layout import DataDir


class DataDirError(Exception):
    """The data directory cannot be used; the message says why and how to fix it."""


def prepare_data_directory(data: DataDir) -> None:
    """Create missing folders. Raises DataDirError if the directory is not writable."""
    try:
        data.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in data.folders():
            folder.mkdir(mode=0o700, exist_ok=True)
        _keep_to_owner(data)
    except OSError as error:
        reason = "not a directory" if isinstance(error, FileExistsError) else error.strerror or error
        raise DataDirError(
            f"data directory {data.root}: {reason} ({error.filename}). Choose another with --data-dir or CQ_DATA_DIR"
        ) from None
    if not os.access(data.root, os.W_OK | os.X_OK):
        raise DataDirError(
            f"data directory {data.root} is read-only. Make it writable or choose another with --data-dir"
        )


def _keep_to_owner(data: DataDir) -> None:
    """Remove other users' access to folders and settings created or copied with wider permissions."""
    for folder in data.folders()[1:]:
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    if data.settings.exists() and data.settings.stat().st_mode & 0o077:
        data.settings.chmod(0o600)

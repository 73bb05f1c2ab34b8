"""The user's configuration folder, for files that must not be rolled back together with a data directory.

``CQ_CONFIG_DIR``, or the system's default. The folder has mode 0700, its files 0600.
"""

import os
from pathlib import Path

from cq_tui.store.durable import sync_folder, write_all


def config_folder() -> Path:
    """Return the folder, which may not exist. Raises RuntimeError if the user has no home directory."""
    named = os.environ.get("CQ_CONFIG_DIR")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_config_path("cq-tui")


def make_private(folder: Path) -> None:
    """Create a folder, or remove other users' access to it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def create_file(path: Path, content: bytes) -> None:
    """Create a file (0600), complete and synced. Raises FileExistsError without changing it, or OSError."""
    temporary = _written(path, content)
    try:
        # Unlike a rename, a link never replaces a file.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file (0600) atomically. On OSError the old one is unchanged."""
    temporary = _written(path, content)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _written(path: Path, content: bytes) -> Path:
    """Write and sync a file beside ``path`` under a unique name."""
    import secrets

    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary

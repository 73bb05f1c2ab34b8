"""The ids of data directories, kept in the configuration folder, unaffected by a rollback of the directories.

One small file per directory, named after its path, so that two memory services never write the same one. After a
directory was emptied and a new history began, the file still names the lost one until a person deletes it.
"""

import contextlib
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.anchors import anchor_path, read_series
from cq_tui.store.checkpoints.checkpoint import Checkpoint, directory_id_of, is_directory_id
from cq_tui.store.checkpoints.config_folder import make_private, replace_file
from cq_tui.store.checkpoints.consistency import format_signing_time
from cq_tui.store.data_directory import resolved_path
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.lock import read_holder


class LostHistory(NamedTuple):
    """A history that was in a data directory and left no trace there."""

    #: Its last checkpoint, from the anchor in the configuration folder.
    checkpoint: Checkpoint
    #: The file that records it.
    record: Path

    @property
    def directory_id(self) -> str:
        """Id of the data directory at that time."""
        return directory_id_of(self.checkpoint.origin)

    def __str__(self) -> str:
        """The warning, with its remedy."""
        return (
            f"a history of {self.checkpoint.size:,} events, last signed "
            f"{format_signing_time(self.checkpoint)}, was here before and is gone. "
            f"Restore it, or delete {self.record} if it is not needed"
        )


def known_directory_id(folder: Path, root: Path) -> str | None:
    """Return the recorded id of the data directory at ``root``; None if unknown."""
    return _read_record(folder, root)[0]


def record_directory(folder: Path, root: Path, directory_id: str, lost_id: str | None = None) -> None:
    """Record an id, replacing an earlier one, and the id of a lost history. Raises OSError."""
    path = _record_path(folder, root)
    make_private(folder)
    make_private(path.parent)
    known = {"path": resolved_path(root), "directory_id": directory_id} | ({"lost": lost_id} if lost_id else {})
    replace_file(path, orjson.dumps(known) + b"\n")


def find_lost_history(folder: Path, data: DataDir, present: Collection[str] = ()) -> LostHistory | None:
    """Return the largest history that was signed in a data directory and is gone; None if none is known.

    ``present`` are the ids found there now.
    """
    known, lost = _read_record(folder, data.root)
    # A log in the directory names its id, which is then in ``present``.
    ids = {lost} if has_history(data) else {lost, known}
    gone = [anchor_path(folder, each) for each in ids if each is not None and each not in present]
    kept = (note.checkpoint for base in gone for note in read_series(base)[0])
    newest = max(kept, key=lambda each: each.size, default=None)
    return LostHistory(newest, _record_path(folder, data.root)) if newest is not None and newest.size else None


def find_live_copies(folder: Path, data: DataDir, directory_id: str) -> list[Path]:
    """Return other data directories that hold the same history, and where memory is running now.

    Only directories in which memory has run with this configuration folder are known.
    """
    copies = []
    for record in sorted((folder / "directories").glob("*.json")):
        with contextlib.suppress(DocumentError, OSError):
            known = read_json(record)
            root = Path(str(known.get("path")))
            if known.get("directory_id") == directory_id and not root.samefile(data.root):
                copies += [root] if read_holder(DataDir(root).lock_of("memory")) else []
    return copies


def has_history(data: DataDir) -> bool:
    """Whether there is a history; True if that is unknown."""
    return _size(data.hash_chain) is not None or bool(_size(data.events))


def _size(path: Path) -> int | None:
    """Return a file's size, 1 if it is unknown, None if there is no file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError:
        return 1


def _read_record(folder: Path, root: Path) -> tuple[str | None, str | None]:
    """Return the id of a data directory, and the id of the history it lost."""
    try:
        known = read_json(_record_path(folder, root))
    except DocumentError:
        return None, None
    if known.get("path") != resolved_path(root):
        return None, None
    directory_id, lost = known.get("directory_id"), known.get("lost")
    return directory_id if is_directory_id(directory_id) else None, lost if is_directory_id(lost) else None


def _record_path(folder: Path, root: Path) -> Path:
    return folder / "directories" / f"{sha256(resolved_path(root).encode()).hexdigest()[:32]}.json"

"""Which id a data directory had, kept in the configuration folder: there no rollback of the directory reaches it.

One small file for each directory, named after its path, so that two memory services never write the same one.
"""

import os
from hashlib import sha256
from pathlib import Path

import orjson

from cq_tui.store.checkpoints.checkpoint import is_directory_id
from cq_tui.store.checkpoints.config_folder import make_private, replace_file
from cq_tui.store.document import DocumentError, read_json


def known_directory(folder: Path, root: Path) -> str | None:
    """Return the id of the data directory at ``root``, as it was last remembered; None when nothing can tell."""
    place = _resolved(root)
    try:
        known = read_json(_file(folder, place))
    except DocumentError:
        return None
    found = known.get("directory_id")
    return found if known.get("path") == place and is_directory_id(found) else None


def remember_directory(folder: Path, root: Path, directory_id: str) -> None:
    """Remember an id, in place of an earlier one. Raises OSError."""
    place = _resolved(root)
    path = _file(folder, place)
    make_private(folder)
    make_private(path.parent)
    replace_file(path, orjson.dumps({"path": place, "directory_id": directory_id}) + b"\n")


def _resolved(root: Path) -> str:
    return os.fsencode(os.path.realpath(root)).decode(errors="backslashreplace")


def _file(folder: Path, place: str) -> Path:
    return folder / "directories" / f"{sha256(place.encode()).hexdigest()[:32]}.json"

"""Snapshot files: their names, which give the order, and their bytes, which include their own hash.

A snapshot is named for its second, or for the next free number if that is taken or the clock went back: a higher
number always means a later snapshot. The last field is the hash of all bytes before it, since memory resumes from a
snapshot and must not use a cursor with a flipped bit.
"""

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cq_tui.contracts.history import Snapshot, SnapshotHistory
from cq_tui.store.document import DocumentError, describe_validation_error, document_bytes, parse_json, read_content

#: At most 15 digits: enough for any clock, and exact as a float.
_NAME = re.compile(r"snapshot_(0|[1-9]\d{0,14})\.json", re.ASCII)
_END = b"\n}\n"
_SEAL = b',\n  "content_hash": "%s"\n}\n'
_SEAL_BYTES = len(_SEAL % sha256().hexdigest().encode())
_REMEDY = "Move it away and use a full snapshot, or one with another base"


def snapshot_number(snapshot_id: str) -> int | None:
    """Return the number in a snapshot id; None if it is not one."""
    match = _NAME.fullmatch(f"{snapshot_id}.json")
    return int(match[1]) if match else None


def snapshot_path(folder: Path, number: int) -> Path:
    """Return the path of the snapshot with that number."""
    return folder / f"snapshot_{number}.json"


def snapshot_numbers(folder: Path) -> list[int]:
    """Return the numbers of all snapshots, oldest first. Raises OSError."""
    return sorted(int(match[1]) for name in os.listdir(folder) if (match := _NAME.fullmatch(name)))


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """Return the document with its hash as last field."""
    content = document_bytes(snapshot).removesuffix(_END)
    return content + _SEAL % sha256(content).hexdigest().encode()


def matches_content_hash(content: bytes) -> bool:
    """Whether the bytes of a snapshot end with the hash of all that precede it."""
    sealed = content[:-_SEAL_BYTES]
    return content[-_SEAL_BYTES:] == _SEAL % sha256(sealed).hexdigest().encode()


def read_base(path: Path) -> int | None:
    """Return the number of the snapshot's base; None for a full one. Raises DocumentError."""
    value = _read_sealed(path)
    if value.get("snapshot_type") == "full":
        return None
    named = value.get("base_snapshot_id")
    base = snapshot_number(str(named))
    if base is None or base >= (snapshot_number(path.stem) or 0):
        raise DocumentError(path, f"is based on {named!r}, which is not an earlier snapshot", _REMEDY)
    return base


def read_snapshot_history(path: Path) -> SnapshotHistory:
    """Return only the history's state. Raises DocumentError."""
    try:
        return SnapshotHistory.model_validate(_read_sealed(path)["data"]["history"])
    except ValidationError as error:
        raise DocumentError(path, describe_validation_error(error), _REMEDY) from None
    except (KeyError, TypeError):
        raise DocumentError(path, "has no valid state of the history", _REMEDY) from None


def _read_sealed(path: Path) -> dict[str, Any]:
    """Return the object in a snapshot file after checking its hash and name. Raises DocumentError."""
    content = read_content(path)
    if not matches_content_hash(content):
        raise DocumentError(path, "does not match its content hash, so it is damaged", _REMEDY)
    value = parse_json(path, content)
    found = value.get("snapshot_id")
    if found != path.stem:
        raise DocumentError(path, f"contains {found!r}", "Rename the file to that")
    return value

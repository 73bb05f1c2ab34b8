"""The versions of a data directory's files, what each of them means, and how two of them compare.

Optional additions keep the version: only what an older reader would misread raises it. Imports no model: the room
compares versions before it first paints.
"""

from typing import Final

#: What this cq-tui writes, and the newest that it reads.
CURRENT: Final = "1.3"
#: What came before the contract's files: events in ``events.jsonl``, a hash chain of ``blocks``.
R11: Final = "R11"

#: Outside simulation, of directories that this version creates; those of earlier ones keep 1m.
DEFAULT_BASE_INTERVAL: Final = "5m"

#: What each version means, oldest first.
MEANINGS: Final[dict[str, str]] = {
    R11: "files of an R11 installation, from before the data contract",
    "1.0": "events without metadata",
    "1.1": "events with metadata",
    "1.2": "health documents with all fields of the contract",
    CURRENT: "a history that cq-tui writes and verifies",
}


def version_key(version: str) -> tuple[int, ...] | None:
    """Return what orders versions, such as (1, 3); None for what is not written as one."""
    if version == R11:
        return (0,)
    parts = version.split(".")
    is_version = len(version) <= 40 and all(part.isascii() and part.isdigit() for part in parts)
    return tuple(map(int, parts)) if is_version else None


def is_older(version: str) -> bool:
    """Whether files of this version are migrated before they are used."""
    key = version_key(version)
    return key is not None and key < _CURRENT_KEY


def is_newer(version: str) -> bool:
    """Whether this cq-tui might misread files of this version: so also what it cannot tell."""
    key = version_key(version)
    return key is None or key[: len(_CURRENT_KEY)] > _CURRENT_KEY


_CURRENT_KEY: Final = tuple(map(int, CURRENT.split(".")))

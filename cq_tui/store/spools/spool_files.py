"""The files of the spools: the one that its writer fills, and closed segments that nobody writes any more.

``<writer>.ndjson`` is filled; when it is long enough it becomes ``<writer>.<seq of its last event>.ndjson``.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from cq_tui.store.history.event_line import SEQ_LIMIT
from cq_tui.store.journal import JournalError, last_lines

_WRITER = re.compile(r"[a-z]+(-[a-z0-9]+)?")
_NAME = re.compile(r"([a-z]+(?:-[a-z0-9]+)?)(?:\.([0-9]{16}))?\.ndjson")


class SpoolFile(NamedTuple):
    """One file of a spool."""

    path: Path
    writer: str
    #: Seq of its last event; None for the file that is still filled.
    last_seq: int | None
    inode: int


def is_writer_name(name: str) -> bool:
    """Whether a writer may be called so."""
    return _WRITER.fullmatch(name) is not None


def is_transient_writer(writer: str) -> bool:
    """Whether a writer never comes again under this name: its spool has no segments, and goes with it."""
    return "-" in writer


def current_path(folder: Path, writer: str) -> Path:
    """The file that a writer fills."""
    return folder / f"{writer}.ndjson"


def closed_segment_path(folder: Path, writer: str, last_seq: int) -> Path:
    """A closed segment."""
    return folder / f"{writer}.{last_seq:016}.ndjson"


def parse_spool_name(path: Path, inode: int = 0) -> SpoolFile | None:
    """Return what a name says; None for a name that no spool has."""
    match = _NAME.fullmatch(path.name)
    if match is None or int(match[2] or 0) >= SEQ_LIMIT:
        return None
    return SpoolFile(path, match[1], None if match[2] is None else int(match[2]), inode)


def closed_segments(folder: Path, writer: str) -> list[SpoolFile]:
    """Return a writer's closed segments, oldest first. Raises JournalError."""
    start = f"{writer}."
    try:
        with os.scandir(folder) as entries:
            named = [entry for entry in entries if entry.name.startswith(start)]
            files = [parse_spool_name(folder / entry.name, entry.inode()) for entry in named]
    except OSError as error:
        raise JournalError(f"{folder}: cannot be listed ({error.strerror})") from None
    closed = [file for file in files if file is not None and file.last_seq is not None]
    return sorted(closed, key=lambda file: file.last_seq or 0)


def last_spooled_lines(folder: Path, writer: str, count: int) -> list[bytes]:
    """Return a writer's newest lines that are still there, oldest first, at most ``count`` of them.

    What cannot be read is left out: whoever opens the spool to write says what is wrong with it.
    """
    lines: list[bytes] = []
    try:
        for path in (current_path(folder, writer), *(file.path for file in reversed(closed_segments(folder, writer)))):
            lines = last_lines(path, count - len(lines)) + lines
    except JournalError:
        return lines
    return lines

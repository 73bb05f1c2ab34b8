"""The files of a spool: the current one, and closed segments that nobody writes any more.

``<writer>.ndjson`` is the current file; when full, it becomes ``<writer>.<seq of its last event>.ndjson``.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.journal import JournalError, last_lines
from cq_tui.store.spools.spooled_line import sound_events

_WRITER = re.compile(r"[a-z]+(-[a-z0-9]+)?")
_NAME = re.compile(r"([a-z]+(?:-[a-z0-9]+)?)(?:\.(0[0-9]{15}))?\.ndjson")


class SpoolFile(NamedTuple):
    """One file of a spool."""

    path: Path
    writer: str
    #: Seq of its last event; None for the current file.
    last_seq: int | None
    inode: int


def is_writer_name(name: str) -> bool:
    """Whether this is a valid name of a writer."""
    return _WRITER.fullmatch(name) is not None


def is_transient_writer(writer: str) -> bool:
    """Whether the writer's name is never used again: its spool has no segments and is deleted with it."""
    return "-" in writer


def spool_path(folder: Path, writer: str, last_seq: int | None = None) -> Path:
    """Return the path of a writer's current file, or of the closed segment that ends with ``last_seq``."""
    return folder / (f"{writer}.ndjson" if last_seq is None else f"{writer}.{last_seq:016}.ndjson")


def parse_spool_name(path: Path, inode: int = 0) -> SpoolFile | None:
    """Parse the name of a spool file; None if it is not one."""
    match = _NAME.fullmatch(path.name)
    if match is None or (match[2] and is_transient_writer(match[1])):
        return None
    return SpoolFile(path, match[1], None if match[2] is None else int(match[2]), inode)


def is_regular(entry: os.DirEntry[str]) -> bool:
    """Whether this is a file: no folder, pipe or symbolic link holds closed segments."""
    return entry.is_file(follow_symlinks=False)


def closed_segments(folder: Path, writer: str) -> list[SpoolFile]:
    """Return a writer's closed segments, oldest first. Raises JournalError."""
    start = f"{writer}."
    try:
        with os.scandir(folder) as entries:
            named = [entry for entry in entries if entry.name.startswith(start) and is_regular(entry)]
            files = [parse_spool_name(folder / entry.name, entry.inode()) for entry in named]
    except OSError as error:
        raise JournalError(f"{folder}: cannot be listed ({error.strerror})") from None
    closed = [file for file in files if file is not None and file.last_seq is not None]
    return sorted(closed, key=lambda file: file.last_seq or 0)


def last_spooled_events(folder: Path, writer: str, count: int) -> list[NewEvent]:
    """Return a writer's last events that are still in the spool, oldest first, at most ``count``.

    Damaged lines and unreadable files are left out: memory and the writer report them.
    """
    events: list[NewEvent] = []
    with suppress(JournalError):
        for path in (spool_path(folder, writer), *(file.path for file in reversed(closed_segments(folder, writer)))):
            lines = last_lines(path, count - len(events))
            events = [event for event, _ in sound_events(writer, lines)] + events
    return events

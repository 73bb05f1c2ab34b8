"""Showing events as they come: woken by the file system, whatever becomes of the file and its folder."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from cq_tui.store.reading.event_filter import HistoryEntry
from cq_tui.store.reading.event_follower import EventFollower
from cq_tui.store.watch import watch_folders

#: Seconds after which it is looked anyway: notifications may be lost, and a folder may be replaced.
SWEEP_INTERVAL = 1.0


async def follow_events(
    path: Path, follower: EventFollower, show: Callable[[Sequence[HistoryEntry]], None]
) -> NoReturn:
    """Call ``show`` with what came, at least once in each sweep, until cancelled or until it raises.

    Raises JournalError or OSError when file or folder cannot be read.
    """
    while True:
        folder = _existing_folder(path)
        try:
            opened = watch_folders([folder.path])
        except FileNotFoundError:
            continue  # it went away just now
        with opened as watch:
            while _existing_folder(path) == folder:
                entries = follower.read_new()
                show(entries)
                await watch.changes(0.0 if entries else SWEEP_INTERVAL)


class _Folder(NamedTuple):
    path: Path
    identity: tuple[int, int]


def _existing_folder(path: Path) -> _Folder:
    """Return the folder of a file, or where that is not there the nearest above it."""
    for folder in path.parents:
        try:
            status = os.stat(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        return _Folder(folder, (status.st_dev, status.st_ino))
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

"""Following new events through file notifications, even when the file or its folder is replaced."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from cq_tui.store.reading.event_filter import HistoryEntry
from cq_tui.store.reading.event_follower import EventFollower
from cq_tui.store.watch import watch_folders

#: Seconds between reads without a notification, which may be lost; a folder may be replaced.
SWEEP_INTERVAL = 1.0


async def follow_events(
    path: Path, follower: EventFollower, show: Callable[[Sequence[HistoryEntry]], None]
) -> NoReturn:
    """Call ``show`` with new entries, at least once per sweep, until canceled or until it raises.

    Raises JournalError or OSError when file or folder cannot be read.
    """
    while True:
        folder = _existing_folder(path)
        try:
            opened = watch_folders([folder.path])
        except FileNotFoundError:
            continue  # deleted just now
        with opened as watch:
            while _existing_folder(path) == folder:
                entries = follower.read_new()
                show(entries)
                await watch.changes(0.0 if entries else SWEEP_INTERVAL)


class _Folder(NamedTuple):
    path: Path
    identity: tuple[int, int]


def _existing_folder(path: Path) -> _Folder:
    """Return the folder of a file, or its nearest existing ancestor."""
    for folder in path.parents:
        try:
            status = os.stat(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        return _Folder(folder, (status.st_dev, status.st_ino))
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

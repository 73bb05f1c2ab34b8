"""Reading events out of the history: the last ones, or those since a time, of all or only of those that are wanted.

Only as much of the file is read as is needed, and a line that is certainly not wanted is not parsed. So damage is
noticed in the lines that might be wanted; looking for it everywhere is verification's work.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cq_tui.store.journal import last_line_end
from cq_tui.store.line_blocks import blocks, blocks_backwards, count_line_feeds
from cq_tui.store.line_search import Key, find_start
from cq_tui.store.reading.event import parse_event
from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
from cq_tui.store.regular_file import open_regular

_TIME = re.compile(rb'\{"event_id":"evt_\d+_\d{3,}","timestamp":(\d{1,12})\.(\d{6}),')

#: Seconds that no time of ours has: what says so is no place to look from.
_NO_TIME = 1e12


@contextmanager
def open_events(path: Path) -> Iterator["EventsFile"]:
    """Open the events as they are now; a file that is not there has none. Raises OSError."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except FileNotFoundError:
        yield EventsFile(None)
        return
    with os.fdopen(descriptor, "rb") as file:
        yield EventsFile(file)


class EventsFile:
    """The whole lines that the events file had when it was opened. Every method raises OSError."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        #: The byte behind the last whole line.
        self.end = 0 if file is None else last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)

    def last_entries(self, count: int, wanted: EventFilter) -> list[HistoryEntry]:
        """Return the last ``count`` wanted events, oldest first, and the damaged lines that were met on the way."""
        found: list[HistoryEntry] = []
        for entry in self._newest_first(wanted) if count > 0 else ():
            found.append(entry)
            count -= entry.event is not None
            if count == 0:
                break
        return found[::-1]

    def all_entries(self, wanted: EventFilter) -> Iterator[HistoryEntry]:
        """Yield all wanted events and the damaged lines among them, oldest first."""
        if self._file is not None:
            for block in blocks(self._file, self._start_offset(wanted), self.end):
                yield from wanted.entries(wanted.candidates(*block))

    def _newest_first(self, wanted: EventFilter) -> Iterator[HistoryEntry]:
        if self._file is not None:
            for block in blocks_backwards(self._file, self._start_offset(wanted), self.end):
                yield from wanted.entries(reversed(wanted.candidates(*block)))

    def find_offset(self, key_of: Callable[[bytes], Key | None], wanted: Key) -> int:
        """Return the byte behind the last line whose key is below ``wanted``: what is damaged there may be wanted."""
        return self.end if self._file is None else min(find_start(self._file, key_of, wanted), self.end)

    def _start_offset(self, wanted: EventFilter) -> int:
        """Return the byte at which the wanted events begin: times never go back."""
        return 0 if wanted.since is None else self.find_offset(_time_of, (round(wanted.since * 1_000_000),))

    def count_line_feeds(self, start: int, stop: int) -> int:
        """Return how many lines end between two bytes."""
        return 0 if self._file is None else count_line_feeds(self._file, start, stop)


def _time_of(line: bytes) -> Key | None:
    """Return the history's time of a line in microseconds."""
    # The beginning of an event that was torn tells no time: it may stand anywhere.
    if line.endswith(b"}") and (match := _TIME.match(line)):
        return (int(match[1]) * 1_000_000 + int(match[2]),)
    event = parse_event(line)
    return None if event is None or abs(event.timestamp) >= _NO_TIME else (round(event.timestamp * 1_000_000),)


class LineNumbers:
    """Tells which line of the events file begins at a byte; asked in ascending order it counts every byte once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset, self._number = 0, 1

    def number_at(self, offset: int) -> int:
        """Return the number, counted from 1. Raises OSError."""
        if offset < self._offset:
            self._offset, self._number = 0, 1
        with open_events(self._path) as events:
            self._number += events.count_line_feeds(self._offset, offset)
        self._offset = offset
        return self._number

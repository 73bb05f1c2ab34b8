"""Reading events from the history: the last ones, or those since a time, all or filtered.

Only the needed part of the file is read, and lines that are excluded by their bytes are not parsed. So damage is only
detected in lines that might match; verification checks all of them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from cq_tui.store.journal import last_line_end
from cq_tui.store.line_blocks import blocks, blocks_backwards, count_line_feeds
from cq_tui.store.line_search import Key, KeyOf, find_start
from cq_tui.store.reading.event import parse_event
from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
from cq_tui.store.regular_file import open_regular

_TIME = re.compile(rb'\{"event_id":"evt_\d+_\d{3,}","timestamp":(\d{1,12})\.(\d{6}),')

#: Times beyond this (seconds) are invalid and cannot guide the search.
_NO_TIME = 1e12


@contextmanager
def open_events(path: Path) -> Iterator["EventsFile"]:
    """Open the events as they are now; a missing file has none. Raises OSError."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb", opener=open_regular))
        except FileNotFoundError:
            file = stack.enter_context(open(os.devnull, "rb"))
        yield EventsFile(file)


class EventsFile:
    """The whole lines of the events file when it was opened. Every method raises OSError."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        size = os.fstat(file.fileno()).st_size
        #: Offset after the last whole line.
        self.end = last_line_end(file.fileno(), size)
        #: Bytes after it: a line that is being written, or one that was torn.
        self.torn_bytes = size - self.end

    def last_entries(self, count: int, event_filter: EventFilter) -> list[HistoryEntry]:
        """Return the last ``count`` matching events, oldest first, and damaged lines among them."""
        found: list[HistoryEntry] = []
        start = self._start_offset(event_filter)
        for block in blocks_backwards(self._file, start, self.end) if count > 0 else ():
            for entry in event_filter.entries(block, newest_first=True):
                found.append(entry)
                count -= entry.event is not None
                if count == 0:
                    return found[::-1]
        return found[::-1]

    def all_entries(self, event_filter: EventFilter) -> Iterator[HistoryEntry]:
        """Yield all matching events and damaged lines among them, oldest first."""
        for block in blocks(self._file, self._start_offset(event_filter), self.end):
            yield from event_filter.entries(block)

    def find_offset(self, key_of: KeyOf, target: Key) -> int:
        """Return the offset after the last line whose key is below ``target``; damaged lines may follow."""
        return min(find_start(self._file, key_of, target), self.end)

    def _start_offset(self, event_filter: EventFilter) -> int:
        """Return the offset at which matching events begin: times never decrease."""
        return 0 if event_filter.since is None else self.find_offset(_time_of, (round(event_filter.since * 1_000_000),))

    def line_number(self, offset: int) -> int:
        """Return the number of the line at an offset, from 1."""
        return 1 + count_line_feeds(self._file, 0, offset)


def _time_of(line: bytes) -> Key | None:
    """Return the history's time of a line in microseconds."""
    # The time of a torn event is not used: it may be anywhere.
    if line.endswith(b"}") and (match := _TIME.match(line)):
        return (int(match[1]) * 1_000_000 + int(match[2]),)
    event = parse_event(line)
    return None if event is None or abs(event.timestamp) >= _NO_TIME else (round(event.timestamp * 1_000_000),)

"""Following the history as it grows: each event once, even if the file is truncated or replaced."""

import re
from collections.abc import Sequence
from pathlib import Path

from cq_tui.store.journal import JournalReader
from cq_tui.store.line_blocks import LineBlock
from cq_tui.store.line_search import Key
from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
from cq_tui.store.reading.events_file import EventsFile, open_events

_ID = re.compile(rb'\{"event_id":"evt_(\d{1,12})_(\d{3,12})"')


class EventFollower:
    """Reads matching events after the end of the events file, which may be missing, truncated or replaced.

    In another file it continues after the last event it has seen: ids are ordered, so everything after that is new.
    """

    def __init__(self, path: Path, events: EventsFile, event_filter: EventFilter) -> None:
        """Follow after what the file had when ``events`` was opened. Raises OSError."""
        self._path = path
        self._wanted = event_filter
        #: Of the last event seen; empty before the first.
        self._last = _last_id([entry.line for entry in events.last_entries(1, EventFilter())]) or ()
        self._reader = JournalReader(path, events.end)
        #: How often the file was truncated or replaced.
        self.replacements = 0
        #: Whether a new file, which may still be being copied, has not reached new events yet.
        self._is_behind = False

    def read_new(self) -> list[HistoryEntry]:
        """Return new matching events and damaged lines, none or more. Raises JournalError or OSError."""
        while (block := self._new_lines()).lines:
            if found := [*self._wanted.entries(block)]:
                return found
        return []

    def _new_lines(self) -> LineBlock:
        while True:
            expected = self._reader.offset
            lines = self._reader.read_new()
            offset = self._reader.offset - sum(map(len, lines)) - len(lines)
            if offset != expected:
                self.replacements += 1
                self._is_behind = True
                with open_events(self._path) as events:
                    self._reader = JournalReader(self._path, events.find_offset(_id_of, (*self._last, 0)))
                continue
            known = self._count_known(lines) if self._is_behind else 0
            if known and known == len(lines):
                continue
            seen, fresh = lines[:known], lines[known:]
            self._last = _last_id(fresh) or self._last
            return LineBlock(offset + sum(map(len, seen)) + known, fresh)

    def _count_known(self, lines: Sequence[bytes]) -> int:
        """Return how many of these lines, up to the last event seen, are known."""
        count = 0
        for number, line in enumerate(lines, 1):
            if key := _id_of(line):
                if key > self._last:
                    self._is_behind = False
                    break
                count = number
        return count


def _last_id(lines: Sequence[bytes]) -> Key | None:
    return next((key for line in reversed(lines) if (key := _id_of(line))), None)


def _id_of(line: bytes) -> Key | None:
    """Return the sort key of an event: its second, and its number in that second."""
    match = _ID.match(line)
    return (int(match[1]), int(match[2])) if match else None

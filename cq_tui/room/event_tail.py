"""The tail of the history: the last events, bounded, read as they are written."""

import os
from collections import deque
from pathlib import Path

from cq_tui.store.journal import MAX_LINE_BYTES, JournalError, JournalReader, last_lines
from cq_tui.store.reading.event import HistoryEvent, parse_event

#: Events kept in memory.
MAX_EVENTS = 2000
#: Lines read at the start, or after the journal was replaced.
_INITIAL_LINES = 600
#: With more new bytes than this, only the tail is read.
_MAX_UNREAD_BYTES = 2 * 1024 * 1024


class EventTail:
    """Follows ``memory/event_chain.ndjson``. Reading never raises."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path = path
        self._name = str(path.relative_to(root))
        self._reader: JournalReader | None = None
        self._identity: tuple[int, int, int] | None = None
        self._inode: int | None = None
        self.events: deque[HistoryEvent] = deque(maxlen=MAX_EVENTS)
        self._event_ids: set[str] = set()
        self.problem: str | None = None
        #: From this time on (Unix seconds) every event was read; 0 if all of the journal was.
        self.known_since = 0.0
        #: Number of lines that were not events.
        self.unreadable_count = 0

    def refresh(self) -> list[HistoryEvent]:
        """Return the events written since the last call, oldest first."""
        try:
            status = os.stat(self._path)
        except OSError:
            self._reader = self._identity = None
            self.problem = None
            return []
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        if identity == self._identity:
            return []
        self._identity = identity
        try:
            lines = self._new_lines(status)
        except (JournalError, OSError) as error:
            self.problem = f"{self._name}: {_describe_error(error)}"
            return []
        fresh = [event for line in lines if (event := self._add_line(line))]
        self.problem = self._describe_problem(status.st_size)
        return fresh

    def _describe_problem(self, size: int) -> str | None:
        torn = size - self._reader.offset if self._reader else 0
        if torn > MAX_LINE_BYTES:
            return f"{self._name}: the last {torn:,} bytes are not a line. Memory quarantines them when it starts"
        return f"{self._name}: {self.unreadable_count} lines are not events" if self.unreadable_count else None

    def _new_lines(self, status: os.stat_result) -> list[bytes]:
        reader = self._reader
        if (
            reader is None
            or status.st_ino != self._inode
            or status.st_size < reader.offset
            or status.st_size - reader.offset > _MAX_UNREAD_BYTES
        ):
            self._inode = status.st_ino
            self._reader = reader = JournalReader(self._path)
            reader.skip_to_end()
            lines = last_lines(self._path, _INITIAL_LINES)
            is_cut = len(lines) >= _INITIAL_LINES
            first = next((event for line in lines if (event := parse_event(line))), None) if is_cut else None
            self.known_since = first.happened_at if first else 0.0
            return lines
        if status.st_size == reader.offset:
            return []
        return reader.read_new()

    def _add_line(self, line: bytes) -> HistoryEvent | None:
        event = parse_event(line)
        if event is None:
            self.unreadable_count += 1
            return None
        if event.event_id in self._event_ids:
            return None
        if len(self.events) == MAX_EVENTS:
            self._event_ids.discard(self.events[0].event_id)
        self.events.append(event)
        self._event_ids.add(event.event_id)
        return event


def _describe_error(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    return str(error).partition(": ")[2] or str(error)

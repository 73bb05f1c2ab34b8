"""Whether a sequence of events is in order: times that never go back, ids that are unique.

Ids as memory assigns them grow, so that each is there once. Other ids are compared with all others afterwards, by the
reader of the file.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cq_tui.contracts.rules.finding import Finding, shown

_ID = re.compile(r"evt_([0-9]{1,18})_([0-9]{1,18})", re.ASCII)


class Seen(NamedTuple):
    """Time and id of an event."""

    timestamp: float
    event_id: str


def id_key(event_id: str) -> tuple[int, int] | None:
    """Return what orders ids of memory; None for another id."""
    match = _ID.fullmatch(event_id)
    return None if match is None else (int(match[1]), int(match[2]))


class EventOrder:
    """The order of events so far."""

    def __init__(self) -> None:
        self.first: Seen | None = None
        self.last: Seen | None = None
        #: Whether ids grow, so that none can be there twice.
        self.ids_grow = True
        self._key: tuple[int, int] | None = None

    def follow(self, timestamp: float, event_id: str, line: int | None) -> Iterator[Finding]:
        """Yield what is wrong with the place of the next event."""
        last, key = self.last, id_key(event_id)
        if last is None:
            self.first = Seen(timestamp, event_id)
        elif timestamp < last.timestamp:
            text = f"is before that of the event before ({shown(last.timestamp)})"
            yield Finding("event.time_back", text, "timestamp", shown(timestamp), line)
        if key is None or (self._key is not None and key <= self._key) or (last is not None and self._key is None):
            self.ids_grow = False
        self.last, self._key = Seen(timestamp, event_id), key

    def join(self, later: "EventOrder", line: int) -> Iterator[Finding]:
        """Continue with the order of the part that follows, whose first event is in this line."""
        if later.first is None or later.last is None:
            return
        first = self.first
        yield from self.follow(*later.first, line)
        self.ids_grow = self.ids_grow and later.ids_grow
        self.first, self.last, self._key = first or later.first, later.last, later._key

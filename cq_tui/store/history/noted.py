"""Events about the history itself, noted while it is read: faults that were found, their acceptances, restores."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Most events noted, by type. The first ones are kept.
_MOST = {"integrity_fault": 1000, "integrity_acknowledged": 10_000, "history_restored": 1000}
NOTED_TYPES = frozenset(_MOST)
#: Most bytes noted of each type.
_MOST_BYTES = 16 * 1024 * 1024
_TYPE = re.compile(rb'\{"event_id":"[a-z0-9_]+","timestamp":[0-9.]+,"event_type":"(integrity_\w+|history_restored)"')


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """The stored line of an event, without its line feed, and the event's index (the first event has index 1)."""

    index: int
    line: bytes


class NotedEvents(list[NotedEvent]):
    """A bounded list, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._room = {kind: [most, _MOST_BYTES] for kind, most in _MOST.items()}

    def note(self, events: Iterable[NotedEvent]) -> None:
        """Note those of these events that have one of the types."""
        for event in events:
            match = _TYPE.match(event.line)
            room = self._room.get(match[1].decode()) if match else None
            if room is not None and room[0] > 0 and room[1] >= len(event.line):
                room[0] -= 1
                room[1] -= len(event.line)
                self.append(event)

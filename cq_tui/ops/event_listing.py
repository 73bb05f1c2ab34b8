"""Events for the command line: a line of words each for people, the stored bytes for programs."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from cq_tui.ops.event_summary import event_level, summarize_event
from cq_tui.ops.formatting import StatusLevel, sanitize
from cq_tui.ops.time_arguments import format_local_time
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.store.reading.event_filter import HistoryEntry
from cq_tui.store.reading.events_file import LineNumbers

#: Gives text the look of a level; it may leave it as it is.
Style: TypeAlias = Callable[[str, StatusLevel | Literal["", "muted"]], str]

#: So many damaged lines are named one by one.
_MAX_NAMED = 20
_CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def format_event(event: HistoryEvent, now: float, style: Style) -> str:
    """Return time, type, source and words of an event; what comes from outside is made harmless."""
    time = style(format_local_time(event.timestamp, now), "muted")
    event_type = style(f"{sanitize(event.event_type, 60):<22}", event_level(event.event_type))
    source = style(f"{sanitize(event.source, 40):<10}", "muted")
    return f"{time}  {event_type}  {source}  {summarize_event(event)}".rstrip()


def escape_controls(line: bytes) -> bytes:
    """Return stored JSON for a terminal: control and direction characters are escaped, so that it means the same."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line.decode()).encode()


class DamageReport:
    """Names lines that are no events, by number and byte, as long as they are few, and counts them."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path = path
        self._print = tell
        self._numbers = LineNumbers(path)
        self.count = 0

    def drop_damaged(self, entries: Iterable[HistoryEntry]) -> list[tuple[bytes, HistoryEvent]]:
        """Return the entries that are events, after naming those that are damaged. Raises OSError."""
        sound: list[tuple[bytes, HistoryEvent]] = []
        for offset, line, event in entries:
            if event is not None:
                sound.append((line, event))
                continue
            self.count += 1
            if self.count <= _MAX_NAMED:
                number = self._numbers.number_at(offset)
                self._print(f"{self._path.name}: line {number:,} (at byte {offset:,}) is damaged and left out")
        return sound

    def report_remaining(self) -> None:
        """Say how many were not named."""
        if self.count > _MAX_NAMED:
            self._print(f"{self._path.name}: {self.count - _MAX_NAMED:,} more damaged lines are left out")


def explain_no_events(types: Sequence[str], is_filtered: bool) -> str:
    """Say why there may be nothing to show."""
    if not is_filtered:
        return "the history holds no event yet"
    from cq_tui.contracts.events import PAYLOADS

    unknown = [sanitize(name, 60) for name in types if name not in PAYLOADS]
    if not unknown:
        return "no event matches"
    return f"no event matches; {', '.join(unknown)} is none of the types known here: {', '.join(PAYLOADS)}"

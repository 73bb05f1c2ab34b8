"""Events for the command line: a readable line each, or the stored bytes for programs."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from cq_tui.ops.event_summary import event_level, summarize_event
from cq_tui.ops.formatting import StatusLevel, sanitize
from cq_tui.ops.time_arguments import format_local_time
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.store.reading.event_filter import HistoryEntry
from cq_tui.store.reading.events_file import open_events

#: Applies the style of a level to text.
Style: TypeAlias = Callable[[str, StatusLevel | Literal["", "muted"]], str]

#: Damaged lines reported one by one; the rest are counted.
_MAX_NAMED = 20
_CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def format_event(event: HistoryEvent, now: float, style: Style) -> str:
    """Return an event as one line: time, type, source and summary, sanitized."""
    time = style(format_local_time(event.timestamp, now), "muted")
    event_type = style(f"{sanitize(event.event_type, 60):<22}", event_level(event.event_type))
    source = style(f"{sanitize(event.source, 40):<10}", "muted")
    return f"{time}  {event_type}  {source}  {summarize_event(event)}".rstrip()


def escape_controls(line: bytes) -> bytes:
    """Return stored JSON for a terminal: the same JSON with control and direction characters escaped."""
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", line.decode()).encode()


class DamageReport:
    """Reports damaged lines by number and offset, up to a limit, and counts them."""

    def __init__(self, path: Path, print_line: Callable[[str], None]) -> None:
        self._path = path
        self._print = print_line
        self.count = 0

    def drop_damaged(self, entries: Iterable[HistoryEntry]) -> list[tuple[bytes, HistoryEvent]]:
        """Return the entries that are events and report the damaged ones. Raises OSError."""
        events: list[tuple[bytes, HistoryEvent]] = []
        for offset, line, event in entries:
            if event is not None:
                events.append((line, event))
                continue
            self.count += 1
            if self.count <= _MAX_NAMED:
                with open_events(self._path) as history:
                    number = history.line_number(offset)
                self._print(f"{self._path.name}: line {number:,} (byte {offset:,}) is damaged, skipped")
        return events

    def report_remaining(self) -> None:
        """Report how many more there are."""
        if self.count > _MAX_NAMED:
            self._print(f"{self._path.name}: {self.count - _MAX_NAMED:,} more damaged lines skipped")


def explain_no_events(types: Sequence[str], is_filtered: bool) -> str:
    """Return why there is nothing to show."""
    if not is_filtered:
        return "the history has no events yet"
    from cq_tui.contracts.events import PAYLOADS

    unknown = [sanitize(name, 60) for name in types if name not in PAYLOADS]
    if not unknown:
        return "no events match"
    return f"no events match; unknown type {', '.join(unknown)}. Known types: {', '.join(PAYLOADS)}"

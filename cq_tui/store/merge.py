"""Merging the spools: which events are new, in which order, and what is wrong with any of them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from cq_tui.contracts.events import SpooledEvent
from cq_tui.store.document import describe, write_document
from cq_tui.store.history import NewEvent
from cq_tui.store.journal import JournalError, JournalReader

#: Events collected at once; more wait in their spools, which is where they are safe.
BATCH = 2_000


@dataclass(slots=True)
class Collected:
    """New events in the order in which they happened, each writer's own order kept, and complaints."""

    events: list[NewEvent] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class SpoolMerge:
    """Reads every spool from where it left off. ``cursors`` holds the highest merged seq of each writer."""

    def __init__(self, folder: Path, quarantine: Path, cursors: dict[str, int]) -> None:
        self._folder = folder
        self._quarantine = quarantine
        self._seen = dict(cursors)
        self._readers: dict[Path, JournalReader] = {}

    def collect(self, changed: Iterable[Path] | None = None) -> Collected:
        """Read the changed spools (all of them for None)."""
        collected = Collected()
        paths = sorted(self._folder.glob("*.ndjson") if changed is None else set(changed))
        streams = [
            events for path in paths if path.suffix == ".ndjson" and (events := self._read(path, collected.complaints))
        ]
        collected.events = streams[0] if len(streams) == 1 else _by_time(streams)
        return collected

    def backlog_bytes(self) -> int:
        """Bytes that lie unread in the spools."""
        unread = 0
        for path in self._folder.glob("*.ndjson"):
            reader = self._readers.get(path)
            unread += max(0, path.stat().st_size - (reader.offset if reader else 0))
        return unread

    def _read(self, path: Path, complaints: list[str]) -> list[NewEvent]:
        reader = self._readers.setdefault(path, JournalReader(path))
        try:
            lines = reader.read_new()
        except JournalError as error:
            complaints.append(str(error))
            return []
        events = (self._parse(path.stem, line, complaints) for line in lines)
        return [event for event in events if event is not None]

    def _parse(self, writer: str, line: bytes, complaints: list[str]) -> NewEvent | None:
        try:
            spooled = SpooledEvent.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            reason = describe(error) if isinstance(error, ValidationError) else str(error)
            complaints.append(f"spool/{writer}.ndjson: a line is no event ({reason}); it is kept in quarantine")
            write_document(self._quarantine / f"spool-{writer}.{time.time_ns()}.line", line + b"\n")
            return None
        last = self._seen.get(writer, 0)
        if spooled.seq <= last:
            return None
        if spooled.seq > last + 1:
            complaints.append(f"spool/{writer}.ndjson: events {last + 1} to {spooled.seq - 1} are missing")
        self._seen[writer] = spooled.seq
        return NewEvent(
            event_type=spooled.event_type,
            source=spooled.source,
            data=spooled.data,
            writer=writer,
            seq=spooled.seq,
            occurred_at=spooled.occurred_at,
            metadata=spooled.metadata,
        )


def _by_time(streams: list[list[NewEvent]]) -> list[NewEvent]:
    """Merge by time; a clock that goes back within a writer must not reorder its events."""
    keyed: list[tuple[float, int, int, Any]] = []
    for place, stream in enumerate(streams):
        latest = 0.0
        for number, event in enumerate(stream):
            latest = max(latest, event.occurred_at)
            keyed.append((latest, place, number, event))
    return [event for *_, event in sorted(keyed, key=lambda entry: entry[:3])]

"""Merging the spools: which events are new, in which order, and what is wrong with any of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from cq_tui.contracts.events import SpooledEvent
from cq_tui.store.document import DocumentError, describe, read_content, write_document
from cq_tui.store.history.writer import NewEvent
from cq_tui.store.journal import JournalError, JournalReader
from cq_tui.store.spool import WRITER

#: Bytes of one spool that are read at once; the rest is safe where it is.
_READ_AT_ONCE = 4 * 1024 * 1024
#: Whoever read so much of a spool has probably not read all of it.
_MUCH = _READ_AT_ONCE // 2
_SEQ = re.compile(rb'\{"seq":([1-9]\d{0,15}),')


@dataclass(slots=True)
class Collected:
    """New events in the order in which they happened, each writer's own order kept, and complaints."""

    events: list[NewEvent] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Whether some spool holds more than was read at once.
    more: bool = False


class _NoEvent(ValueError):
    """A spooled line that can never become part of the history."""


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
        streams = [events for path in paths if path.suffix == ".ndjson" and (events := self._read(path, collected))]
        collected.events = streams[0] if len(streams) == 1 else _by_time(streams)
        return collected

    def _read(self, path: Path, collected: Collected) -> list[NewEvent]:
        writer = path.stem
        if not WRITER.fullmatch(writer):
            collected.complaints.append(f"spool/{path.name!r}: is no spool of ours; move it away")
            return []
        reader = self._readers.setdefault(path, JournalReader(path))
        before = reader.offset
        try:
            lines = reader.read_new(_READ_AT_ONCE)
        except JournalError as error:
            collected.complaints.append(str(error))
            return []
        # A reader that had to begin again has read from the start.
        start = before if reader.offset >= before else 0
        collected.more |= reader.offset - start > _MUCH
        return self._new_events(writer, lines, start, collected.complaints)

    def _new_events(self, writer: str, lines: list[bytes], start: int, complaints: list[str]) -> list[NewEvent]:
        events: list[NewEvent] = []
        bad: list[bytes] = []
        reason, highest = "", 0
        for line in lines:
            try:
                seq = _seq_of(line)
                if seq <= self._seen.get(writer, 0):
                    if seq < highest:
                        complaints.append(f"spool/{writer}.ndjson: event {seq} comes after event {highest}: not taken")
                    highest = max(highest, seq)
                    continue
                events.append(_parse(writer, line))
            except _NoEvent as error:
                bad.append(line)
                reason = reason or str(error)
                continue
            highest, last = seq, self._seen.get(writer, 0)
            if seq > last + 1:
                complaints.append(f"spool/{writer}.ndjson: events {last + 1} to {seq - 1} are missing")
            self._seen[writer] = seq
        if bad:
            self._put_away(writer, bad, start, reason, complaints)
        return events

    def _put_away(self, writer: str, bad: list[bytes], start: int, reason: str, complaints: list[str]) -> None:
        """Keep lines that are no events, once: a restart reads them again."""
        kept = self._quarantine / f"spool-{writer}.{start}.lines"
        content = b"\n".join(bad) + b"\n"
        where = f"spool/{writer}.ndjson: {len(bad)} lines from byte {start} on are no events ({reason})"
        try:
            if read_content(kept, limit=len(content)) == content:
                return
        except DocumentError:
            pass
        try:
            write_document(kept, content)
        except OSError as error:
            complaints.append(f"{where}; they stay in the spool, since quarantine refused them ({error.strerror})")
            return
        complaints.append(f"{where}; they are kept in quarantine")


def _seq_of(line: bytes) -> int:
    """Return a line's number; most lines of a restart are merged already and need no more than that."""
    match = _SEQ.match(line)
    if match is not None:
        return int(match[1])
    try:
        seq = orjson.loads(line)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _NoEvent(f"no JSON object with a seq: {error}") from None
    if type(seq) is not int or seq < 1:
        raise _NoEvent(f"seq is {str(seq)[:40]!r}, a whole number from 1 on is needed")
    return seq


def _parse(writer: str, line: bytes) -> NewEvent:
    try:
        spooled = SpooledEvent.model_validate(orjson.loads(line))
        # What orjson reads may be nested deeper than it writes.
        orjson.dumps((spooled.data, spooled.metadata))
    except ValidationError as error:
        raise _NoEvent(describe(error)) from None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise _NoEvent(str(error)) from None
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

"""The exact bytes of one event in the history. Stored bytes are hashed as they are, never re-serialized.

``{"event_id":…,"timestamp":…,"event_type":…,"source":…,"data":…,"metadata":{"writer":…,"seq":…,…}}`` with the
timestamp as Unix seconds with exactly six decimals, and ids and types in plain ASCII. Data versions before 1.3 have no
metadata, or others: an event without writer and number is *unnumbered*.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

#: Integers from here on are not exact in every JSON reader.
SEQ_LIMIT = 2**53
#: A number further beyond the last one is not believed: one wrong number must not use up all others.
MAX_LEAP = 10_000_000
#: The first number of a writer that nobody knows is below this.
_FIRST_SEQ_LIMIT = 10**15
#: The fields that the metadata of every event begin with.
ORIGIN_FIELDS = ("writer", "seq", "occurred_at")
TIME = r"(?:0|[1-9][0-9]{0,11})\.[0-9]{6}"
_WORD = r"[A-Za-z0-9_.:-]+"
#: The fields that blocks repeat: id, time and type.
EVENT_ID, EVENT_TYPE = r'"event_id":"(evt_[0-9]{1,12}_[0-9]{3,12})"', rf'"event_type":"({_WORD})"'
#: What every event line begins with; ``"data":{`` follows.
HEADER = rf'\{{{EVENT_ID},"timestamp":({TIME}),{EVENT_TYPE},"source":"{_WORD}",(?="data":\{{)'
_HEADER = re.compile(HEADER.encode())
#: What made a line an event before its spelling counted: the text of its fault, and so the id, depends on it.
_EARLIER_HEADER = re.compile(
    rb'\{"event_id":"evt_\d{1,12}_\d{3,12}","timestamp":\d{1,12}\.\d{6},"event_type":"[A-Za-z0-9_.:-]+","source":"'
)
_FIELDS = ["event_id", "timestamp", "event_type", "source", "data", "metadata"]
_PLAIN, _WRITER = re.compile(_WORD), re.compile(r"[a-z0-9-]+")
_MAX_COUNT = 10**12 - 1


class EventLineError(ValueError):
    """These bytes are not an event line."""


class MisspelledEvent(EventLineError):
    """An event line, but not as memory spells it."""


class NewEvent(NamedTuple):
    """An event without id and time yet, with its sequence number in its writer's spool."""

    event_type: str
    source: str
    data: Mapping[str, Any]
    writer: str
    seq: int
    occurred_at: float
    metadata: Mapping[str, Any]


#: Id, time and type: an EventHeader, or the plain tuple of its fields.
HeaderFields = tuple[str, str, str]


class EventHeader(NamedTuple):
    """The part of an event that its block repeats. ``timestamp`` is the text in the line."""

    event_id: str
    timestamp: str
    event_type: str


def build_line(
    header: HeaderFields,
    source: str,
    data: Mapping[str, Any],
    writer: str,
    seq: int,
    occurred_at: float,
    metadata: Mapping[str, Any],
) -> bytes:
    """Return the line without its line feed. Raises EventLineError if type, source or time cannot be stored."""
    event_id, timestamp, event_type = header
    if not math.isfinite(occurred_at):
        raise EventLineError(f"event {seq} of {writer} occurred at {occurred_at}")
    front = f'{{"event_id":"{event_id}","timestamp":{timestamp},{_type_and_source(event_type, source)}'
    origin = {"writer": writer, "seq": seq, "occurred_at": occurred_at}
    if metadata:
        origin |= {key: value for key, value in metadata.items() if key not in origin}
    # The line already has its opening brace.
    return front.encode() + orjson.dumps({"data": data, "metadata": origin})[1:]


@lru_cache(maxsize=512)
def _type_and_source(event_type: str, source: str) -> str:
    """Return type and source as JSON fields. There are few pairs, so each is checked once."""
    for word in (event_type, source):
        if not _PLAIN.fullmatch(word):
            raise EventLineError(f"{word!r} must be letters, digits and _ . : - only")
    return f'"event_type":"{event_type}","source":"{source}",'


def parse_header(line: bytes) -> EventHeader:
    """Return id, time and type of a stored line. Raises EventLineError."""
    match = _HEADER.match(line)
    if match is None:
        raise EventLineError("does not begin as an event of this history does")
    return EventHeader(*map(bytes.decode, match.groups()))


def has_header(line: bytes) -> bool:
    """Whether a line begins as an event of this history does."""
    return _HEADER.match(line) is not None


def parse_event(line: bytes) -> tuple[EventHeader, str, int]:
    """Return header, writer and seq of a stored line. Raises EventLineError if memory never writes such a line."""
    try:
        event = orjson.loads(line)
        metadata = event["metadata"]
        writer, seq = metadata["writer"], metadata["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise EventLineError(str(error)) from None
    if not is_writer_name(writer):
        raise EventLineError("does not tell its writer")
    if type(seq) is not int or not 0 < seq < SEQ_LIMIT:
        raise EventLineError("does not tell its number among those of its writer")
    if not _EARLIER_HEADER.match(line):
        raise EventLineError("does not begin as an event of this history does")
    try:
        return _parse_spelling(line, event, metadata), writer, seq
    except (EventLineError, TypeError) as error:
        raise MisspelledEvent(str(error)) from None


def _parse_spelling(line: bytes, event: dict[str, Any], metadata: dict[str, Any]) -> EventHeader:
    header, fields = parse_header(line), _fields_of(line, event)
    if [name for name, _ in fields] != _FIELDS or not isinstance(event["data"], dict):
        raise EventLineError("has other fields than an event")
    origin = b'"metadata":{"writer":"%s","seq":%d,"occurred_at":' % (metadata["writer"].encode(), metadata["seq"])
    names = [name for name, _ in fields[-1][1]]
    if tuple(names[:3]) != ORIGIN_FIELDS or not {*ORIGIN_FIELDS}.isdisjoint(names[3:]) or origin not in line:
        raise EventLineError("has other metadata than an event")
    if type(metadata["occurred_at"]) not in (int, float):
        raise EventLineError("does not tell when it occurred")
    return header


def _fields_of(line: bytes, event: dict[str, Any]) -> list[tuple[str, Any]]:
    # What orjson can read and not write is nested too deeply.
    orjson.dumps(event)
    # As pairs, so that a field that stands twice is seen.
    fields: list[tuple[str, Any]] = json.loads(line, object_pairs_hook=list, parse_int=str, parse_float=str)
    return fields


def parse_unnumbered(line: bytes) -> EventHeader:
    """Return the header of a stored line that names no writer or no number. Raises EventLineError if it is none."""
    header = parse_header(line)
    try:
        event = orjson.loads(line)
        names = [name for name, _ in _fields_of(line, event)]
    except (orjson.JSONDecodeError, TypeError) as error:
        raise EventLineError(str(error)) from None
    metadata = event.get("metadata")
    if names not in (_FIELDS, _FIELDS[:-1]) or not isinstance(event["data"], dict):
        raise EventLineError("has other fields than an event")
    if metadata is not None and (not isinstance(metadata, dict) or {"writer", "seq"} <= metadata.keys()):
        raise EventLineError("has other metadata than an event without a number")
    return header


def event_id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id, by which events are ordered."""
    _, second, count = event_id.split("_")
    return int(second), int(count)


def may_follow(last: int, seq: int) -> bool:
    """Whether a writer can have reached a number after ``last``, its last one that is known, 0 for none."""
    return seq <= last + MAX_LEAP if last else seq < _FIRST_SEQ_LIMIT


@lru_cache(maxsize=512)
def is_writer_name(writer: object) -> bool:
    """Whether this is the name of a writer of events."""
    return type(writer) is str and _WRITER.fullmatch(writer) is not None


class EventClock:
    """Assigns event ids and times: ids are unique, and times never go back, whatever the system clock does."""

    def __init__(self, last: EventHeader | None = None) -> None:
        self._micros = 0
        self._second = 0
        self._count = 0
        if last is not None:
            self._micros = int(last.timestamp.replace(".", ""))
            self._second, self._count = event_id_key(last.event_id)

    def stamp_all(self, now: float, event_types: Iterable[str]) -> list[HeaderFields]:
        """Return the headers of the next events, all of them at system time ``now`` (Unix seconds)."""
        self._micros = max(self._micros, round(now * 1_000_000))
        if self._count > _MAX_COUNT - MAX_LEAP:
            # Only an event of others counts so far.
            self._micros = max(self._micros, (self._second + 1) * 1_000_000)
        second, fraction = divmod(self._micros, 1_000_000)
        first = self._count + 1 if second == self._second else 1
        time = f"{second}.{fraction:06d}"
        prefix = f"evt_{second}_"
        headers = [
            (f"{prefix}{count}" if count > 99 else f"{prefix}{count:03d}", time, kind)
            for count, kind in enumerate(event_types, first)
        ]
        self._second, self._count = second, first + len(headers) - 1
        return headers

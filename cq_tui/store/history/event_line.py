"""The exact bytes of one event in the history. Stored bytes are hashed as they are, never re-serialized.

``{"event_id":…,"timestamp":…,"event_type":…,"source":…,"data":…,"metadata":{"writer":…,"seq":…,…}}`` with the
timestamp as Unix seconds with exactly six decimals, and ids and types in plain ASCII.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

#: Integers from here on are not exact in every JSON reader.
SEQ_LIMIT = 2**53
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]+")
_HEADER = re.compile(
    rb'\{"event_id":"(evt_(\d{1,12})_(\d{3,12}))","timestamp":(\d{1,12}\.\d{6}),"event_type":"([A-Za-z0-9_.:-]+)","source":"'
)


class EventLineError(ValueError):
    """These bytes are not an event line."""


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
    """Return the line without its line feed. Raises EventLineError if type or source is not plain ASCII."""
    event_id, timestamp, event_type = header
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
    return EventHeader(match[1].decode(), match[4].decode(), match[5].decode())


class EventClock:
    """Assigns event ids and times: ids are unique, and times never go back, whatever the system clock does."""

    def __init__(self, last: EventHeader | None = None) -> None:
        self._micros = 0
        self._second = 0
        self._count = 0
        if last is not None:
            match = re.fullmatch(r"evt_(\d+)_(\d+)", last.event_id)
            assert match is not None  # read_head made it
            seconds, _, fraction = last.timestamp.partition(".")
            self._micros = int(seconds) * 1_000_000 + int(fraction)
            self._second, self._count = int(match[1]), int(match[2])

    def stamp_all(self, now: float, event_types: Iterable[str]) -> list[HeaderFields]:
        """Return the headers of the next events, all of them at system time ``now`` (Unix seconds)."""
        self._micros = max(self._micros, round(now * 1_000_000))
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

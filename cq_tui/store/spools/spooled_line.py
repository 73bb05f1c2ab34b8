"""One line of a spool: written with a checksum, and checked and parsed when it is read.

``{"seq":…,"v":2,"occurred_at":…,"event_type":…,"source":…,"data":{…},"metadata":{…},"crc":"…"}``: the checksum is the
CRC-32 of all bytes before ``,"crc":``. It detects damage, not forgers. Lines of earlier versions have neither ``v`` nor
``crc``; since both ends of a line tell that it has a checksum, no damage makes it look like one of theirs.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from operator import itemgetter
from re import compile as pattern
from typing import Any
from zlib import crc32

import orjson

from cq_tui.store.history.event_line import MAX_LEAP, SEQ_LIMIT, NewEvent, may_follow
from cq_tui.store.journal import MAX_LINE_BYTES

#: The history adds id, time and writer, and its line must not be too long either.
MAX_SPOOLED_BYTES = MAX_LINE_BYTES - 1024
_VERSION = 2
_CHECKSUM_BYTES = len(',"crc":"00000000"}')
#: All fields that earlier versions wrote.
_EARLIER_FIELDS = frozenset(("seq", "occurred_at", "event_type", "source", "data", "metadata"))
_REQUIRED = itemgetter("seq", "occurred_at", "event_type", "source")
_EMPTY: dict[str, Any] = {}
_TYPE, _SOURCE = pattern("[a-z0-9_.]+"), pattern("[A-Za-z0-9_.:-]+")
#: With at most this many brackets nothing is nested too deeply to be written.
_MAX_BRACKETS = 200
_SURELY_WRITABLE = 2 * _MAX_BRACKETS
#: Upper bound by which a line of another program grows when we write it ("1e15" grows most).
_GROWTH = 8


class InvalidSpooledLine(ValueError):
    """A spooled line that can never be appended to the history."""


def build_spooled_line(
    seq: int, occurred_at: float, event_type: str, source: str, data: Mapping[str, Any], metadata: Mapping[str, Any]
) -> bytes:
    """Return a line without its line feed. Raises TypeError if the event is not JSON."""
    fields = {
        "seq": seq,
        "v": _VERSION,
        "occurred_at": occurred_at,
        "event_type": event_type,
        "source": source,
        "data": data,
        "metadata": metadata,
    }
    return add_checksum(orjson.dumps(fields))


def add_checksum(line: bytes) -> bytes:
    """Return a JSON object with the checksum as its last field."""
    content = line[:-1]
    return b'%b,"crc":"%08x"}' % (content, crc32(content))


def has_checksum(line: bytes) -> bool:
    """Whether a line ends with the checksum of its own bytes."""
    return line[-_CHECKSUM_BYTES:] == b',"crc":"%08x"}' % crc32(line[:-_CHECKSUM_BYTES])


class LineChecker:
    """Checks the lines of one file of a spool, in order. Once a line had a checksum, all later ones need it."""

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._need_checksum = False
        #: Number of the last event; 0 before the first.
        self.seq = 0

    def check(self, line: bytes, known: int) -> NewEvent:
        """Return the event of the next line; ``known`` is the writer's last number that is known otherwise.

        Raises InvalidSpooledLine.
        """
        is_checked = has_checksum(line)
        if self._need_checksum and not is_checked:
            raise InvalidSpooledLine("no valid checksum")
        event = parse_spooled_event(self._writer, line, is_checked)
        if event.seq != self.seq + 1:
            self._check_number(event.seq, max(known, self.seq))
        self.seq, self._need_checksum = event.seq, is_checked
        return event

    def _check_number(self, seq: int, last: int) -> None:
        if seq <= self.seq:
            raise InvalidSpooledLine(f"event {seq} comes a second time")
        if not may_follow(last, seq):
            raise InvalidSpooledLine(
                f"number {seq} is more than {MAX_LEAP:,} beyond {last}; "
                f"if all later events are refused too, restart {self._writer}"
            )


def sound_events(writer: str, lines: Iterable[bytes]) -> Iterator[tuple[NewEvent, bytes]]:
    """Yield the events of a file's lines, each with its line; damaged ones are left out."""
    checker = LineChecker(writer)
    for line in lines:
        with suppress(InvalidSpooledLine):
            yield checker.check(line, 0), line


def parse_spooled_event(writer: str, line: bytes, is_checked: bool) -> NewEvent:
    """Return the event of a line. Raises InvalidSpooledLine with field, rule and value.

    The rules are those of ``SpooledEvent``, which takes three times as long.
    """
    try:
        fields = orjson.loads(line)
        seq, occurred_at, event_type, source = _REQUIRED(fields)
        data, metadata = fields.get("data", _EMPTY), fields.get("metadata", _EMPTY)
        if not is_checked and not fields.keys() <= _EARLIER_FIELDS:
            raise InvalidSpooledLine("no valid checksum")
        if type(seq) is not int or not 0 < seq < SEQ_LIMIT:
            raise InvalidSpooledLine(f"seq is {_shown(seq)}, a whole number from 1 on is needed")
        if type(occurred_at) is int:
            occurred_at = float(occurred_at)
        if type(occurred_at) is not float or occurred_at < 0.0:
            raise InvalidSpooledLine(f"occurred_at is {_shown(occurred_at)}, a time in seconds is needed")
        if not _are_names(event_type, source):
            raise InvalidSpooledLine(f"event_type is {_shown(event_type)}, source {_shown(source)}; names are needed")
        if type(data) is not dict or type(metadata) is not dict or type(fields.get("v", _VERSION)) is not int:
            raise InvalidSpooledLine("data and metadata must be JSON objects, v a whole number")
        if len(line) > _SURELY_WRITABLE:
            _check_writable(line, (data, metadata, event_type, source))
        # Costs half of what a call of the type does.
        return NewEvent._make((event_type, source, data, writer, seq, occurred_at, metadata))
    except KeyError as error:
        raise InvalidSpooledLine(f"field {error} is missing") from None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise InvalidSpooledLine(f"no JSON object with the fields of an event: {error}") from None


@lru_cache(maxsize=512)
def _are_names(event_type: str, source: str) -> bool:
    """Whether these are a type and a source. There are few pairs, so each is checked once. Raises TypeError."""
    return _TYPE.fullmatch(event_type) is not None and _SOURCE.fullmatch(source) is not None


def _check_writable(line: bytes, fields: object) -> None:
    """Check that the history can hold it. Raises TypeError for deeper nesting than orjson writes; it reads more."""
    if len(line) * _GROWTH > MAX_SPOOLED_BYTES or line.count(b"{") + line.count(b"[") > _MAX_BRACKETS:
        size = len(orjson.dumps(fields))
        if size > MAX_SPOOLED_BYTES:
            raise InvalidSpooledLine(f"takes {size:,} bytes, more than {MAX_SPOOLED_BYTES:,}")


def _shown(value: object) -> str:
    return repr(str(value)[:40])

"""What one line of the events file says, and one damaged block: the close look at either."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from cq_tui.store.history.event_line import SEQ_LIMIT, EventHeader, EventLineError, parse_header
from cq_tui.store.history.merkle import leaf_hash

_WRITER = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class InspectedLine:
    """One line of the events file, and what it says if it is an event."""

    content: bytes
    leaf: bytes
    header: EventHeader | None
    #: Writer and seq.
    origin: tuple[str, int] | None
    problem: str


def inspect_line(content: bytes) -> InspectedLine:
    """Return what a line says."""
    head, origin, problem = None, None, ""
    try:
        origin = _parse_origin(orjson.loads(content)["metadata"])
        head = parse_header(content)
    except (EventLineError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        problem = str(error)
    return InspectedLine(content, leaf_hash(content), head, origin, problem)


def _parse_origin(metadata: Any) -> tuple[str, int]:
    """Return writer and seq. Raises EventLineError for what memory never writes."""
    writer, seq = metadata["writer"], metadata["seq"]
    if type(writer) is not str or not _WRITER.fullmatch(writer):
        raise EventLineError("does not tell its writer")
    if type(seq) is not int or not 0 < seq < SEQ_LIMIT:
        raise EventLineError("does not tell its number among those of its writer")
    return writer, seq


def claimed_hash(stored: bytes) -> str:
    """Return the hash that a damaged block says it has, as far as it can be read."""
    return stored.rpartition(b'"hash":"')[2].removesuffix(b'"}')[:64].decode("ascii", "replace")

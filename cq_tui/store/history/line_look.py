"""What one line of the events file says, and one damaged block: the close look at either."""

from dataclasses import dataclass

import orjson

from cq_tui.store.history.event_line import EventHead, EventLineError, read_head
from cq_tui.store.history.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the events file, and what it says if it is an event."""

    content: bytes
    leaf: bytes
    head: EventHead | None
    #: Writer and seq.
    origin: tuple[str, int] | None
    problem: str


def look(content: bytes) -> Line:
    """Return what a line says."""
    head, origin, problem = None, None, ""
    try:
        metadata = orjson.loads(content)["metadata"]
        origin = str(metadata["writer"]), int(metadata["seq"])
        head = read_head(content)
    except (EventLineError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        problem = str(error)
    return Line(content, leaf_hash(content), head, origin, problem)


def said_hash(stored: bytes) -> str:
    """Return the hash that a damaged block says it has, as far as it can be read."""
    return stored.rpartition(b'"hash":"')[2].removesuffix(b'"}')[:64].decode("ascii", "replace")

"""Inspecting single lines of the events file, and damaged blocks, when a batch does not verify."""

import os
from dataclasses import dataclass
from pathlib import Path

import orjson

from cq_tui.store.history.event_line import (
    EventHeader,
    EventLineError,
    MisspelledEvent,
    event_id_key,
    parse_event,
    parse_header,
    parse_unnumbered,
)
from cq_tui.store.history.hash_chain import block_of, parse_links
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.line_blocks import blocks
from cq_tui.store.line_search import Key
from cq_tui.store.regular_file import open_regular


@dataclass(frozen=True, slots=True)
class InspectedLine:
    """One line of the events file, parsed if it is an event."""

    content: bytes
    leaf: bytes
    header: EventHeader | None
    #: Writer and seq.
    origin: tuple[str, int] | None
    problem: str
    #: Whether it is an event but for its spelling.
    is_misspelled: bool = False
    #: The header of an unnumbered event, which is one only where the verifier says so.
    unnumbered: EventHeader | None = None


def inspect_line(content: bytes) -> InspectedLine:
    """Parse a line; ``problem`` says why it is not an event."""
    try:
        header, writer, seq = parse_event(content)
    except EventLineError as error:
        is_misspelled = isinstance(error, MisspelledEvent)
        unnumbered = None if is_misspelled else _unnumbered_header(content)
        return InspectedLine(content, leaf_hash(content), None, None, str(error), is_misspelled, unnumbered)
    return InspectedLine(content, leaf_hash(content), header, (writer, seq), "")


def _unnumbered_header(content: bytes) -> EventHeader | None:
    try:
        return parse_unnumbered(content)
    except EventLineError:
        return None


def claimed_hash(stored: bytes) -> str:
    """Return the hash written in a damaged block, as far as it is readable."""
    return stored.rpartition(b'"hash":"')[2].removesuffix(b'"}')[:64].decode("ascii", "replace")


def event_key(line: bytes) -> Key | None:
    """Return what orders the lines of the events file; None if this is not an event."""
    try:
        return event_id_key(parse_header(line).event_id)
    except EventLineError:
        return None


def block_key(line: bytes) -> Key | None:
    """Return the index of a block from its line; None if it is damaged."""
    links = parse_links(block_of(line))
    return None if links is None else (links.index,)


def has_object(path: Path, offset: int) -> bool:
    """Whether there is a whole JSON object from ``offset`` on: without one, it is only a torn tail."""
    with open(path, "rb", opener=open_regular) as file:
        lines = (line for block in blocks(file, offset, os.fstat(file.fileno()).st_size) for line in block.lines)
        return any(_is_object(line) for line in lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False

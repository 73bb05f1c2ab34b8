"""Finding one event of a writer by its number: in the spool first, then in the history from its end."""

import os
from contextlib import suppress

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.journal import last_line_end
from cq_tui.store.line_blocks import blocks_backwards
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spool_files import last_spooled_events

#: Events looked at in the spool: far more than a process writes between two moments that it remembers.
_SPOOLED = 1000


def occurred_at_of(data: DataDir, writer: str, seq: int) -> float | None:
    """Return when a writer's event occurred (its own Unix seconds); None if there is no such event. Raises OSError."""
    spooled = {event.seq: event.occurred_at for event in last_spooled_events(data.spool, writer, _SPOOLED)}
    return spooled.get(seq) or _in_history(data, writer, seq)


def _in_history(data: DataDir, writer: str, seq: int) -> float | None:
    mark = b'"metadata":{"writer":"%s","seq":' % writer.encode()
    try:
        with open(data.events, "rb", buffering=0, opener=open_regular) as file:
            end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
            for block in blocks_backwards(file, 0, end):
                for line in reversed(block.lines):
                    # The mark may be in another event's payload.
                    if mark in line and (found := _read(line, writer)) and found[0] <= seq:
                        return found[1] if found[0] == seq else None
    except FileNotFoundError:
        pass
    return None


def _read(line: bytes, writer: str) -> tuple[int, float] | None:
    """Return number and time of an event if it is really the writer's."""
    with suppress(orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        metadata = orjson.loads(line)["metadata"]
        if metadata["writer"] == writer:
            return int(metadata["seq"]), float(metadata["occurred_at"])
    return None

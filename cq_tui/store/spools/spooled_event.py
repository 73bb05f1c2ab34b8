"""Parsing a spooled line into an event that can be appended to the history."""

import orjson
from pydantic import ValidationError

from cq_tui.contracts.events import SpooledEvent
from cq_tui.store.document import describe_validation_error
from cq_tui.store.history.writer import NewEvent
from cq_tui.store.spools.spooled_line import MAX_SPOOLED_BYTES, InvalidSpooledLine

#: With at most this many brackets nothing is nested too deeply to be written.
_MAX_BRACKETS = 200
#: Upper bound by which a line of another program grows when we write it ("1e15" grows most).
_GROWTH = 8


def parse_spooled_event(writer: str, line: bytes) -> NewEvent:
    """Return the event of a line. Raises InvalidSpooledLine with field, rule and value."""
    try:
        spooled = SpooledEvent.model_validate(orjson.loads(line))
        if len(line) * _GROWTH > MAX_SPOOLED_BYTES or line.count(b"{") + line.count(b"[") > _MAX_BRACKETS:
            # orjson reads deeper nesting than it writes.
            size = len(orjson.dumps((spooled.data, spooled.metadata, spooled.event_type, spooled.source)))
            if size > MAX_SPOOLED_BYTES:
                raise InvalidSpooledLine(f"takes {size:,} bytes, more than {MAX_SPOOLED_BYTES:,}")
    except ValidationError as error:
        raise InvalidSpooledLine(describe_validation_error(error)) from None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise InvalidSpooledLine(str(error)) from None
    return NewEvent(
        event_type=spooled.event_type,
        source=spooled.source,
        data=spooled.data,
        writer=writer,
        seq=spooled.seq,
        occurred_at=spooled.occurred_at,
        metadata=spooled.metadata,
    )

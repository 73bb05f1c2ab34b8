"""From a spooled line to an event that can become part of the history."""

import orjson
from pydantic import ValidationError

from cq_tui.contracts.events import SpooledEvent
from cq_tui.store.document import describe_validation_error
from cq_tui.store.history.writer import NewEvent
from cq_tui.store.spools.spooled_line import MAX_SPOOLED_BYTES, InvalidSpooledLine

#: With so few brackets nothing is nested too deeply to be written.
_MAX_BRACKETS = 200
#: What another program wrote may grow when it is written as we do, "1e15" most of all; never so much.
_GROWTH = 8


def parse_spooled_event(writer: str, line: bytes) -> NewEvent:
    """Return the event of a line. Raises NotAnEvent, naming field, value and rule."""
    try:
        spooled = SpooledEvent.model_validate(orjson.loads(line))
        if len(line) * _GROWTH > MAX_SPOOLED_BYTES or line.count(b"{") + line.count(b"[") > _MAX_BRACKETS:
            # What orjson reads may be nested deeper than it writes.
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

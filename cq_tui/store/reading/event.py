"""One event of the history for readers: required fields are checked, the payload is not."""

import math
from functools import partial
from typing import Any, NamedTuple

import orjson


class HistoryEvent(NamedTuple):
    """One line of the history. Times are Unix seconds; ``timestamp``, the history's own, never goes back."""

    event_id: str
    timestamp: float
    event_type: str
    source: str
    data: dict[str, Any]
    #: By the producer's own clock, if known.
    occurred_at: float | None = None

    @property
    def happened_at(self) -> float:
        """When it happened, by its producer's clock if known."""
        return self.timestamp if self.occurred_at is None else self.occurred_at

    def text_field(self, field: str) -> str | None:
        """Return a text field of the payload; None if it is missing or not text."""
        value = self.data.get(field)
        return value if isinstance(value, str) else None

    def number_field(self, field: str) -> float | None:
        """Return a number of the payload; None if it is missing or not a finite number."""
        value = self.data.get(field)
        if type(value) is not float and type(value) is not int:
            return None
        return float(value) if math.isfinite(value) else None


#: Twice as fast as the constructor.
_make_event = partial(tuple.__new__, HistoryEvent)


def parse_event(line: bytes) -> HistoryEvent | None:
    """Parse a line; None if it is not an event."""
    # Comparing types is fast, and exact: orjson makes no subclasses, and bool is not int here.
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(raw) is not dict:
        return None
    event_id, event_type, source = raw.get("event_id"), raw.get("event_type"), raw.get("source")
    if not (type(event_id) is str and type(event_type) is str and type(source) is str):
        return None
    timestamp = raw.get("timestamp")
    if type(timestamp) is not float and type(timestamp) is not int:
        return None
    data, metadata = raw.get("data"), raw.get("metadata")
    occurred_at = metadata.get("occurred_at") if type(metadata) is dict else None
    if type(occurred_at) is not float and type(occurred_at) is not int:
        occurred_at = None
    return _make_event((event_id, timestamp, event_type, source, data if type(data) is dict else {}, occurred_at))

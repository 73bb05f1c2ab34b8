"""One event of the history as its readers see it: tolerant of what it carries, strict in what makes it an event."""

import math
from typing import Any, NamedTuple

import orjson


class HistoryEvent(NamedTuple):
    """One line of the history. Times are Unix seconds; ``timestamp``, the history's own, never goes back."""

    event_id: str
    timestamp: float
    event_type: str
    source: str
    data: dict[str, Any]
    #: By the producer's own clock, where it is known.
    occurred_at: float | None = None

    @property
    def happened_at(self) -> float:
        """When it happened, by its producer's clock where known."""
        return self.timestamp if self.occurred_at is None else self.occurred_at

    def text(self, field: str) -> str | None:
        """Return a text field of the payload; None when it is missing or no text."""
        value = self.data.get(field)
        return value if isinstance(value, str) else None

    def number(self, field: str) -> float | None:
        """Return a finite number of the payload; None when it is missing or no number."""
        value = _number(self.data.get(field))
        return value if value is not None and math.isfinite(value) else None


def event_from_line(line: bytes) -> HistoryEvent | None:
    """Parse a line; None for what is no event."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(raw, dict):
        return None
    event_id, event_type, source = raw.get("event_id"), raw.get("event_type"), raw.get("source")
    if not (isinstance(event_id, str) and isinstance(event_type, str) and isinstance(source, str)):
        return None
    timestamp = _number(raw.get("timestamp"))
    if timestamp is None:
        return None
    data, metadata = raw.get("data"), raw.get("metadata")
    occurred_at = _number(metadata.get("occurred_at")) if isinstance(metadata, dict) else None
    return HistoryEvent(event_id, timestamp, event_type, source, data if isinstance(data, dict) else {}, occurred_at)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)

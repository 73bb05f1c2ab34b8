"""Times as a look back takes them: in UTC, so that a run is the same everywhere."""

import re
from datetime import UTC, datetime

ACCEPTED = "2023-03-16, 2023-03-16T14:05, 2023-03-16T14:05:00Z or Unix milliseconds"
_MILLISECONDS = re.compile(r"[0-9]{12,14}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][ -~]*)?")


class UtcTimeError(ValueError):
    """This is not a time; the message lists what is accepted."""


def utc_ms(argument: str) -> int:
    """Return the Unix milliseconds of a time, in UTC unless it names a zone. Raises UtcTimeError."""
    text = argument.strip()
    try:
        if _MILLISECONDS.fullmatch(text):
            return int(text)
        if _DATE.fullmatch(text):
            moment = datetime.fromisoformat(text.upper())
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        pass
    raise UtcTimeError(f"{argument!r} is not a time: use {ACCEPTED}")

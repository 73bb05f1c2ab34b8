"""Moments in a person's words, by the clock of the place: from ``10m`` or ``14:05`` to Unix seconds, and back."""

import re
from datetime import datetime, timedelta

ACCEPTED_FORMATS = "10m, 2h, 3d, 14:05, 2026-11-22, 2026-11-22T14:05:00Z or Unix seconds"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][ -~]*)?")
#: Fewer digits than these are no date that anybody means.
_UNIX = re.compile(r"[0-9]{9,11}(\.[0-9]+)?")


class TimeArgumentError(ValueError):
    """These words name no moment; the message says what is accepted."""


def parse_time(words: str, now: float) -> float:
    """Return the Unix seconds that words name. Raises MomentError.

    ``10m`` is so long before ``now``; ``14:05`` is the last time when the clocks of this place showed that; a date or
    time without a zone is this place's.
    """
    text = words.strip()
    try:
        if match := _DURATION.fullmatch(text):
            return now - int(match[1]) * _SECONDS[match[2]]
        if match := _CLOCK.fullmatch(text):
            return _last_occurrence(int(match[1]), int(match[2]), int(match[3] or 0), now)
        if _UNIX.fullmatch(text):
            return float(text)
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    raise TimeArgumentError(f"{words!r} is no time: use {ACCEPTED_FORMATS}")


def _last_occurrence(hour: int, minute: int, second: int, now: float) -> float:
    today = datetime.fromtimestamp(now)
    at = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if at > today:
        at -= timedelta(days=1)
    return at.timestamp()


def format_local_time(timestamp: float, now: float) -> str:
    """Return ``14:22:07`` by the clocks of this place, with the date before it when that is not today."""
    try:
        at, today = datetime.fromtimestamp(timestamp), datetime.fromtimestamp(now)
    except (OverflowError, ValueError, OSError):
        return "--:--:--"
    return f"{at:%H:%M:%S}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M:%S}"

"""Times as users write them, in local time: ``10m`` or ``14:05`` to Unix seconds, and back."""

import re
from datetime import datetime, timedelta

ACCEPTED_FORMATS = "10m, 2h, 3d, 14:05, 2026-11-22, 2026-11-22T14:05:00Z or Unix seconds"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][ -~]*)?")
#: Fewer digits would be a date long past.
_UNIX = re.compile(r"[0-9]{9,11}(\.[0-9]+)?")


class TimeArgumentError(ValueError):
    """This is not a time; the message lists the accepted formats."""


def parse_time(argument: str, now: float) -> float:
    """Return the Unix seconds of a time argument. Raises TimeArgumentError.

    ``10m`` is that long before ``now``; ``14:05`` is the latest such local time; a date or time without a zone is
    local.
    """
    text = argument.strip()
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
    raise TimeArgumentError(f"{argument!r} is not a time: use {ACCEPTED_FORMATS}")


def parse_duration(argument: str) -> float:
    """Return the seconds of a duration such as ``30m`` or ``2h``. Raises TimeArgumentError."""
    if (match := _DURATION.fullmatch(argument.strip())) and int(match[1]):
        return float(int(match[1]) * _SECONDS[match[2]])
    raise TimeArgumentError(f"{argument!r} is not a duration: use 90s, 30m, 2h, 3d or 1w")


def parse_end(argument: str, now: float) -> float:
    """Return the Unix seconds of a time to come: ``14:05`` is the next such local time. Raises TimeArgumentError."""
    text = argument.strip()
    if _DURATION.fullmatch(text):
        return now + parse_duration(text)
    end = parse_time(text, now)
    if end <= now and _CLOCK.fullmatch(text):
        end = (datetime.fromtimestamp(end) + timedelta(days=1)).timestamp()
    if end <= now:
        raise TimeArgumentError(f"{argument!r} is over: a time to come is needed")
    return end


def _last_occurrence(hour: int, minute: int, second: int, now: float) -> float:
    today = datetime.fromtimestamp(now)
    at = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if at > today:
        at -= timedelta(days=1)
    return at.timestamp()


def format_local_time(timestamp: float, now: float) -> str:
    """Return ``14:22:07`` in local time, with the date in front if it is not today."""
    try:
        at, today = datetime.fromtimestamp(timestamp), datetime.fromtimestamp(now)
    except (OverflowError, ValueError, OSError):
        return "--:--:--"
    return f"{at:%H:%M:%S}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M:%S}"

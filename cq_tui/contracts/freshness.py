"""How old a report is at this moment: fresh, stale, dated ahead of our clock, or missing. Pure."""

from dataclasses import dataclass

#: Seconds by which two clocks may differ before a time ahead of ours is refused.
CLOCK_TOLERANCE = 2.0
#: Seconds by which the newest event may lie ahead of the clock: event times never go back, so a clock that was set
#: back leaves them ahead.
EVENT_TIME_TOLERANCE = 60.0
#: Seconds that a service may take from its start to its first report, and to being ready without a word.
STARTUP_LIMIT = 60.0

#: The end of what only a person ends (Unix seconds).
NO_END = 253_370_764_800.0


@dataclass(frozen=True, slots=True)
class Fresh:
    """``age`` seconds old, within the limit; 0 when it lies ahead by no more than the tolerance."""

    age: float


@dataclass(frozen=True, slots=True)
class Stale:
    """``age`` seconds old, beyond the limit."""

    age: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """Dated ``seconds`` ahead: it says nothing about now."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no report yet."""


Freshness = Fresh | Stale | Ahead | Missing


def judge_age(last_update_ts: float | None, now: float, limit: float) -> Freshness:
    """Judge a report by its time. Times in Unix seconds, ``limit`` in seconds; None and 0.0 mean "never".

    A clock that was never set may show a time before 1970. Health files cut that off at 0.0, so ``now`` is cut off too.
    """
    now = max(now, 0.0)
    if last_update_ts is None or last_update_ts <= 0 < now:
        return Missing()
    return classify_age(now - last_update_ts, limit)


def classify_age(age: float, limit: float) -> Fresh | Stale | Ahead:
    """Classify an age in seconds; a negative one lies ahead."""
    if age < -CLOCK_TOLERANCE:
        return Ahead(-age)
    return Fresh(max(age, 0.0)) if age <= limit else Stale(age)


def event_time_ahead(newest_event: float, now: float) -> float | None:
    """Return by how many seconds the newest event lies ahead of the clock; None within the tolerance.

    Both in Unix seconds. Until the clock has caught up, all events get the time of the newest one.
    """
    ahead = newest_event - now
    return ahead if ahead > EVENT_TIME_TOLERANCE else None

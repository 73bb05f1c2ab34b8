"""What is quarantined, in words: why, what was counted, and when it ends."""

from typing import TYPE_CHECKING

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.formatting import format_clock, format_datetime, pluralize

if TYPE_CHECKING:
    from cq_tui.contracts.account import QuarantineState
    from cq_tui.contracts.settings import Settings

_DAY = 86_400.0
_COUNTED = {"stops": "stop", "repairs": "repair"}


def count_word(row: "QuarantineState") -> str:
    """Return what was counted, in the singular."""
    return _COUNTED.get(row.cause or "", "failure")


def describe_count(row: "QuarantineState") -> str:
    """Return how often it was counted, or that a person wants it."""
    if not row.failures:
        return "by hand"
    return pluralize(row.failures, count_word(row)) + (" in a row" if row.cause != "repairs" else "")


def describe_reason(row: "QuarantineState") -> str:
    """Return the reason, with the person who gave it."""
    return f"by {row.person}: {row.reason}" if row.person else row.reason


def describe_end(row: "QuarantineState", *, with_date: bool = False) -> str:
    """Return when it ends, or is probed: the time of the day (UTC), with the date if asked or more than a day later."""
    is_far = row.until - row.since > _DAY
    moment = format_datetime(row.until) if with_date or is_far else format_clock(row.until)
    if row.cause != "hand":
        return f"next probe at {moment}"
    return "until it is released" if row.until >= NO_END else f"until {moment}"


def describe_causes(settings: "Settings") -> str:
    """Return what it takes to be quarantined, with the limits in force."""
    failures = pluralize(settings.TRADER_QUARANTINE_FAILURES, "failure")
    stops = pluralize(settings.TRADER_MAX_SYMBOL_STOPS, "losing stop")
    repairs = pluralize(settings.TRADER_MAX_REPAIRS, "repair")
    of_strategy = pluralize(settings.TRADER_MAX_STRATEGY_STOPS, "losing stop")
    return (
        f"A symbol pauses after {failures} or {stops} in a row, or more than {repairs} of its protection in "
        f"{settings.TRADER_REPAIR_WINDOW:g} s; a strategy after {of_strategy} in a row."
    )

"""What is quarantined, in words: why, what was counted, and when it ends."""

from typing import TYPE_CHECKING

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.formatting import format_clock

if TYPE_CHECKING:
    from cq_tui.contracts.account import QuarantineState

_COUNTED = {"stops": "stop", "repairs": "repair"}


def count_word(row: "QuarantineState") -> str:
    """Return what was counted, in the singular."""
    return _COUNTED.get(row.cause or "", "failure")


def describe_reason(row: "QuarantineState") -> str:
    """Return the reason, with the person who gave it."""
    return f"by {row.person}: {row.reason}" if row.person else row.reason


def describe_end(row: "QuarantineState") -> str:
    """Return when it ends, or is probed."""
    if row.cause != "hand":
        return f"next probe at {format_clock(row.until)}"
    return "until it is released" if row.until >= NO_END else f"until {format_clock(row.until)}"

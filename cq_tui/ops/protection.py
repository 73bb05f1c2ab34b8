"""How a position is protected, in a few words."""

from typing import TYPE_CHECKING

from cq_tui.ops.formatting import StatusLevel, format_age, sanitize
from cq_tui.trading.position_life import state_of

if TYPE_CHECKING:
    from cq_tui.contracts.account import PositionState


def describe_protection(position: "PositionState", now: float) -> tuple[str, StatusLevel]:
    """Return words and level. ``now``: Unix seconds by the exchange's clock."""
    reason = f": {sanitize(position.reason)}" if position.reason else ""
    bare = ""
    if position.unprotected_since_ts is not None:
        bare = f"no stop for {format_age(max(now - position.unprotected_since_ts, 0.0))}"
    if position.state is None:
        # Written by an earlier version.
        return sanitize(position.protection or "unknown"), "bad" if position.protection == "missing" else "idle"
    state = state_of(position.state)
    if state is None or state.is_protected:
        return sanitize(position.state), "idle"
    if state.is_unsellable:
        return f"cannot be sold{reason}", "bad"
    if state.is_closing:
        return f"closing{reason}", "look"
    return bare or "being protected", "bad" if position.protection == "missing" else "look"

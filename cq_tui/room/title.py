"""The terminal's title: what a person must know of a room in the background."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState


def room_title(state: "RoomState", now: float) -> str:
    """Return mode, whether trading is stopped, and the worst of the services, such as ``LIVE HALTED · cq-tui``."""
    words = [state.mode.mode.upper()]
    if state.settings.TRADING_STATE != "active":
        words.append(state.settings.TRADING_STATE.upper())
    if not state.guardrails:
        words.append("GUARDRAILS OFF")
    overall = state.overall(now)
    if overall not in ("ok", "starting"):
        words.append(str(overall))
    return f"{' '.join(words)} · cq-tui"

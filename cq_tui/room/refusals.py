"""Why a key cannot act now, in words; such a key is grayed, and pressing it shows them."""

from typing import TYPE_CHECKING

from cq_tui.room.keys import RoomAction

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

_READING = "The data directory is still being read"
#: The setting that an action changes.
_SETTINGS = {
    RoomAction.TOGGLE_GUARDRAILS: "DISABLE_ORDER_GUARDRAILS",
    RoomAction.TOGGLE_HALT: "TRADING_STATE",
}


def refuse_action(action: RoomAction, state: "RoomState | None", view_only: str | None) -> str | None:
    """Return why an action without a target cannot be done now; None if it can. ``view_only`` refuses all that acts."""
    if state is None or not state.is_loaded:
        return _READING
    if action is RoomAction.BUNDLE:
        return None
    if view_only or action not in _SETTINGS:
        return view_only
    return _refuse_setting(_SETTINGS[action], state)


def refuse_service_action(
    action: RoomAction, service: str, state: "RoomState | None", view_only: str | None, *, is_frozen: bool
) -> str | None:
    """Return why a service cannot be started, stopped or restarted now; None if it can.

    What a frozen display shows may be over, so it refuses nothing.
    """
    if state is None or not state.is_loaded:
        return _READING
    if view_only or is_frozen:
        return view_only
    if service not in state.required_services():
        return f"{service} is not needed in {state.mode.mode} mode"
    if action is RoomAction.START and all(state.lock_holders.get(name) for name in (service, "supervisor")):
        return f"{service} is already running"
    if action is RoomAction.STOP and state.is_stopped_on_request(service):
        return f"{service} is already stopped"
    return None


def refuse_reading(state: "RoomState | None") -> str | None:
    """Return why what only reads the data directory cannot be done yet; None if it can."""
    return _READING if state is None else None


def _refuse_setting(key: str, state: "RoomState") -> str | None:
    """Return why changing a setting would have no effect: the environment holds it."""
    loaded = state.loaded_settings
    if not loaded.is_overridden_by_environment(key):
        return None
    held = loaded.environment_state if key == "TRADING_STATE" else getattr(loaded.settings, key)
    return f"The environment sets {key} = {str(held).lower()}, which overrides ssot/env.json. Unset it, then restart"

"""What keeps trading from being active, in words, each with its remedy; and what may be asked for then."""

from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import TRADING_STATES
from cq_tui.store.settings_file import LoadedSettings

_ACTIVE = TRADING_STATES[0]


def what_holds(loaded: LoadedSettings) -> list[str]:
    """Return what keeps trading from being active, by the files and the settings that this process sees."""
    holds = [f"trading is {stop.state} {stop.describe()}" for stop in loaded.stops]
    if loaded.environment_state not in (None, _ACTIVE):
        holds.append(f"the environment sets TRADING_STATE = {loaded.environment_state}. Unset it, then restart")
    if _in_file(loaded) != _ACTIVE:
        holds.append(f"ssot/env.json sets TRADING_STATE = {_in_file(loaded)}")
    if loaded.problem is not None:
        holds.append(f"the settings: {loaded.problem}")
    mode = effective_mode(loaded.settings)
    if mode.blocked is not None:
        holds.append(f"the mode: {mode.blocked}")
    return holds


def possible_requests(loaded: LoadedSettings) -> list[str]:
    """Return what would change something, of halt, reduce and resume; what is meant most likely comes first."""
    state = loaded.settings.TRADING_STATE
    if state == _ACTIVE:
        return ["halt", "reduce"]
    is_in_file = loaded.problem is None and _in_file(loaded) != _ACTIVE
    resume = ["resume"] if loaded.stops or is_in_file else []
    return resume + (["halt"] if state != TRADING_STATES[-1] else [])


def _in_file(loaded: LoadedSettings) -> str:
    """Return the trading state in the last good file."""
    found = (loaded.in_file or {}).get("TRADING_STATE", _ACTIVE)
    return found if isinstance(found, str) else _ACTIVE

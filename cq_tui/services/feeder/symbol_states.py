"""The state of each symbol that the feeder is asked for, and since when."""

from collections.abc import Mapping
from typing import NamedTuple

from cq_tui.contracts.health import SymbolState
from cq_tui.services.feeder.session import FeederSession

#: Nothing is known yet: the feeder has just started, or the symbol is new.
STARTING = "starting"


class Found(NamedTuple):
    """A symbol's state now, and when it began if that is known (Unix seconds)."""

    state: str
    since: float | None = None


def find_states(session: FeederSession, now: float) -> dict[str, Found]:
    """Return the state of every wanted symbol."""
    refresh, silent, filling = session.rules.refresh, session.silent_since(now), session.filling
    fed = {
        symbol: Found("silent", silent[symbol]) if symbol in silent
        else Found("filling" if symbol in filling else "trading")
        for symbol in session.symbols
    }  # fmt: skip
    left_out = {symbol: Found("unusable") for symbol in session.rejected}
    left_out |= {symbol: Found("halted") for symbol in refresh.left_out.keys() & refresh.not_trading}
    left_out |= dict.fromkeys(refresh.delisted, Found("delisted")) | dict.fromkeys(
        refresh.never_listed, Found("unlisted")
    )
    return {symbol: fed.get(symbol) or left_out.get(symbol) or Found(STARTING) for symbol in session.wanted}


class SymbolStates:
    """Keeps since when each symbol is in its state, over sessions and restarts."""

    def __init__(self, known: Mapping[str, SymbolState] | None = None) -> None:
        """``known`` are the states reported before a restart."""
        self._known = dict(known or {})

    def update(self, found: Mapping[str, Found], now: float) -> dict[str, SymbolState]:
        """Return the states with the time that each began; ``now`` in Unix seconds."""
        states = {symbol: self._state_of(symbol, each, now) for symbol, each in found.items()}
        # A halt goes on while it is not known yet whether it does.
        self._known = {
            symbol: self._known.get(symbol, state) if state.state == STARTING else state
            for symbol, state in states.items()
        }
        return states

    def _state_of(self, symbol: str, found: Found, now: float) -> SymbolState:
        known = self._known.get(symbol)
        if known is not None and known.state == found.state:
            return known
        return SymbolState(state=found.state, since=max(0.0, now if found.since is None else found.since))

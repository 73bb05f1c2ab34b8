"""When services were well, by the events of the history: a strategy decides live only then."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, NamedTuple

#: A service that has started and said nothing for so long (seconds) is well: only a change is recorded.
_SILENT_AFTER = 15.0
#: Services without which no signal is made.
_NEEDED = ("ares", "feeder")


class _State(NamedTuple):
    since: float
    #: Why nothing is decided; empty if all is well.
    problem: str


class Uptime:
    """What was the matter with the services that signals need. ``until``: how far the history reaches, Unix seconds."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._states: dict[str, list[_State]] = {name: [] for name in _NEEDED}

    @classmethod
    def of(cls, events: Iterable[tuple[float, str, Mapping[str, Any]]], until: float) -> "Uptime":
        """Read events, oldest first: when (Unix seconds), type, payload."""
        uptime = cls(until)
        for at, event_type, data in events:
            if (states := uptime._states.get(str(data.get("service")))) is not None:
                # What was only assumed for want of an event.
                while states and states[-1].since > at:
                    states.pop()
                states += _told(at, event_type, data)
        return uptime

    def problem(self, begin: float, end: float) -> str:
        """Return why no signal is to be expected at a time, by the state at its begin and all until its end."""
        for name, states in self._states.items():
            index = bisect_right(states, begin, key=lambda state: state.since)
            before = states[index - 1] if index else _State(-inf, f"{name} had not started")
            during = [state for state in states[index:] if state.since <= end]
            for state in (before, *during):
                if state.problem:
                    return state.problem
        return ""


def _told(at: float, event_type: str, data: Mapping[str, Any]) -> list[_State]:
    name = data.get("service")
    if event_type == "service_started":
        return [_State(at, f"{name} was starting"), _State(at + _SILENT_AFTER, "")]
    if event_type == "service_stopped":
        return [_State(at, f"{name} did not run")]
    status = data.get("new_status")
    return [_State(at, "" if status == "ok" else f"{name} was {status}")]

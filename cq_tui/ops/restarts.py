"""Services that stopped by themselves and were started again: what a person who comes later has to know. Pure.

Such a restart leaves nothing else to see, and its reason deserves a look before it happens again. Its alert stays until
10 minutes after somebody could first see it: enough to read it, open the log and come back. If nobody looked it stays
for a night, so that whoever gets up finds what happened. Later the count and the event in the history remain.
"""

from collections.abc import Mapping

from cq_tui.contracts.health import ServiceState
from cq_tui.ops.formatting import Alert, format_clock, sanitize

#: Seconds that an alert stays once it was seen, and if nobody has seen it.
SEEN_LIMIT = 600.0
UNSEEN_LIMIT = 12 * 3600.0


class SeenRestarts:
    """When a person first saw each restart, in Unix seconds."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, float], float] = {}

    def mark(self, states: Mapping[str, ServiceState], now: float) -> None:
        """Note that a person, who has just pressed a key, sees what is shown."""
        for service, state in states.items():
            if state.last_stopped_ts is not None:
                self._seen.setdefault((service, state.last_stopped_ts), now)

    def is_over(self, service: str, stopped: float, now: float) -> bool:
        """Whether the alert of a service that stopped at ``stopped`` has been there for long enough."""
        seen = self._seen.get((service, stopped))
        return now - stopped > UNSEEN_LIMIT or (seen is not None and now - seen > SEEN_LIMIT)


def restart_alerts(states: Mapping[str, ServiceState], now: float, seen: SeenRestarts | None = None) -> list[Alert]:
    """Return an alert for each service that stopped by itself, the newest first.

    ``states`` are what a living supervisor reports. One that gave up is told by its verdict.
    """
    seen = seen or SeenRestarts()
    stopped = [
        (state.last_stopped_ts, service, state)
        for service, state in states.items()
        if state.last_stopped_ts is not None and state.state != "gave_up"
    ]
    stopped.sort(key=lambda row: row[0], reverse=True)
    return [
        Alert("look", describe_restart(service, state))
        for moment, service, state in stopped
        if not seen.is_over(service, moment, now)
    ]


def describe_restart(service: str, state: ServiceState) -> str:
    """Say how a service ended last and how long it was away.

    For example ``feeder was killed by signal SIGKILL; running again after 1.1 s (14:07:12)``; times are UTC.
    """
    stopped, recovered = state.last_stopped_ts or 0.0, state.last_recovered_ts
    reason = sanitize(state.last_stop_reason or "reason unknown")
    if reason.startswith("killed"):
        how = f"was {reason}"
    else:
        how = reason if reason.startswith("hung") else f"ended ({reason})"
    again = f"running again after {recovered - stopped:.1f} s" if recovered is not None else "not running again yet"
    return f"{service} {how}; {again} ({format_clock(stopped)})"

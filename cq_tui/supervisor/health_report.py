"""The supervisor's health report, ``health/supervisor.json``. Pure."""

import os
from collections.abc import Mapping, Sequence

from cq_tui import __version__
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import ServiceState, SupervisorHealth

#: The only kind since every supervisor is a process of its own; up to version 0.1.0 a room could be one.
KIND = "headless"


def build_health(
    states: Mapping[str, ServiceState], problems: Sequence[str], mode: str, *, started_ts: float, now: float
) -> SupervisorHealth:
    """Return the report: an error when it gave up on a service, degraded when there are other problems."""
    gave_up = [name for name, state in states.items() if state.state == "gave_up"]
    reasons = [f"gave up on {', '.join(gave_up)}"] if gave_up else []
    reason = "; ".join([*reasons, *problems])
    status: Status = "error" if gave_up else "degraded" if problems else "ok"
    return SupervisorHealth(
        service="supervisor",
        status=status,
        reason=reason or None,
        last_update_ts=now,
        updated_within_sec=0.0,
        pid=os.getpid(),
        started_ts=started_ts,
        ready=True,
        version=__version__,
        mode=mode,
        services=dict(states),
        kind=KIND,
    )

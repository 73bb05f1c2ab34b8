"""The desired state of a service, running or stopped, and of the supervisor itself; it outlives every supervisor."""

import time
from typing import Literal

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.reserve import Reserve

RunState = Literal["running", "stopped"]

#: Who changed it, in documents of version 0.1.0, whose supervisors and `down` store no state of the supervisor.
_EARLIER = ("room", "headless", "cli")


def read_desired_state(data: DataDir, service: str) -> RunState:
    """Return a service's desired state; running when none is stored."""
    stored = _read(data, service)
    return "running" if stored is None else stored.wanted


def write_desired_state(data: DataDir, service: str, state: RunState, by: str) -> None:
    """Store a service's desired state. Raises OSError."""
    desired = DesiredState(wanted=state, changed_by=by, changed_ts=time.time())
    path = data.desired_state_of(service)
    Reserve(data).spend(lambda: write_document(path, desired), protects=state == "stopped")


def end_was_requested(data: DataDir) -> bool:
    """Whether somebody asked the last supervisor to end; otherwise it died, or there never was one."""
    own = _read(data, "supervisor")
    services = [_read(data, name) for name in SERVICES]
    since = own.changed_ts if own else 0.0
    by_earlier = [each for each in services if each and each.changed_by in _EARLIER and each.changed_ts > since]
    if own is not None and own.wanted == "stopped":
        # Unless an earlier version's supervisor has started since.
        return all(each.wanted == "stopped" for each in by_earlier)
    # An earlier version's supervisor that was asked to end stopped every service, and stored just that.
    return bool(by_earlier) and all(each and each.wanted == "stopped" for each in services)


def will_run(data: DataDir, service: str) -> bool:
    """Whether the next supervisor runs a service; a stop by somebody lasts only if the supervisor died."""
    return read_desired_state(data, service) == "running" or end_was_requested(data)


def _read(data: DataDir, name: str) -> DesiredState | None:
    try:
        return read_document(data.desired_state_of(name), DesiredState)
    except DocumentError:
        return None

"""The desired state of a service, running or stopped, and of the supervisor itself; it outlives every supervisor."""

import time
from typing import Literal

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.reserve import Reserve

RunState = Literal["running", "stopped"]

#: Who changed it, in documents of supervisors up to version 0.1.0. They store no state of their own.
_EARLIER_SUPERVISORS = ("room", "headless")


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
    """Whether somebody asked the last supervisor to end; otherwise it died, or there never was one.

    An earlier version's supervisor that was asked to end stops every service, and stores just that.
    """
    own = _read(data, "supervisor")
    services = [_read(data, name) for name in SERVICES]
    since = own.changed_ts if own else 0.0
    if any(each and each.changed_by in _EARLIER_SUPERVISORS and each.changed_ts > since for each in services):
        return all(each and each.wanted == "stopped" for each in services)
    return own is not None and own.wanted == "stopped"


def _read(data: DataDir, name: str) -> DesiredState | None:
    try:
        return read_document(data.desired_state_of(name), DesiredState)
    except DocumentError:
        return None

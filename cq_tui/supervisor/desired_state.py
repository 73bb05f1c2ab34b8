"""The desired state of a service, running or stopped; it outlives every supervisor."""

import time
from typing import Literal

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.reserve import Reserve

RunState = Literal["running", "stopped"]


def read_desired_state(data: DataDir, service: str) -> RunState:
    """Return a service's desired state; running when none is stored."""
    try:
        return read_document(data.desired_state_of(service), DesiredState).wanted
    except DocumentError:
        return "running"


def write_desired_state(data: DataDir, service: str, state: RunState, by: str) -> None:
    """Store a service's desired state. Raises OSError."""
    desired = DesiredState(wanted=state, changed_by=by, changed_ts=time.time())
    path = data.desired_state_of(service)
    Reserve(data).spend(lambda: write_document(path, desired), protects=state == "stopped")

"""What is wanted of a service, running or stopped: it outlives every supervisor."""

import time
from typing import Literal

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.store.document import DocumentError, read_document, write_document

RunState = Literal["running", "stopped"]


def read_desired_state(data: DataDir, service: str) -> RunState:
    """Return the wish; running when none was ever written."""
    try:
        return read_document(data.desired_state_of(service), DesiredState).wanted
    except DocumentError:
        return "running"


def write_desired_state(data: DataDir, service: str, wanted: RunState, by: str) -> None:
    """Write the wish. Raises OSError."""
    write_document(data.desired_state_of(service), DesiredState(wanted=wanted, changed_by=by, changed_ts=time.time()))

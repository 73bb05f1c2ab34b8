"""What is wanted of a service, running or stopped: it outlives every supervisor."""

import time
from typing import Literal

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import WantedState
from cq_tui.store.document import DocumentError, read_document, write_document

Wanted = Literal["running", "stopped"]


def read_wanted(data: DataDir, service: str) -> Wanted:
    """Return the wish; running when none was ever written."""
    try:
        return read_document(data.wanted_of(service), WantedState).wanted
    except DocumentError:
        return "running"


def write_wanted(data: DataDir, service: str, wanted: Wanted, by: str) -> None:
    """Write the wish. Raises OSError."""
    write_document(data.wanted_of(service), WantedState(wanted=wanted, changed_by=by, changed_ts=time.time()))

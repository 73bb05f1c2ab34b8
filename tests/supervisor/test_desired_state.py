"""Who asked the last supervisor to end: nobody, if it died; told from documents of this version and of 0.1.0."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.supervisor.desired_state import RunState, end_was_requested, read_desired_state, write_desired_state

#: (state, who changed it, when), of the supervisor and of all services but the last, which may differ.
Change = tuple[RunState, str, float]


def write(data: DataDir, name: str, change: Change) -> None:
    wanted, changed_by, changed_ts = change
    stored = DesiredState(wanted=wanted, changed_by=changed_by, changed_ts=changed_ts)
    write_document(data.desired_state_of(name), stored)


@pytest.mark.parametrize(
    ("own", "services", "last", "expected"),
    [
        (None, None, None, False),
        (("running", "supervisor", 10.0), None, None, False),
        (("stopped", "supervisor", 10.0), None, None, True),
        # This version: every service was stopped by itself, or some were when `down` was killed.
        (("running", "supervisor", 10.0), ("stopped", "supervisor", 20.0), ("stopped", "supervisor", 20.0), False),
        (("stopped", "cli", 10.0), ("stopped", "cli", 11.0), ("running", "supervisor", 5.0), True),
        # Version 0.1.0, before any other and after one of this version.
        (None, ("running", "headless", 5.0), ("stopped", "headless", 6.0), False),
        (None, ("stopped", "room", 5.0), ("stopped", "room", 5.0), True),
        (("running", "supervisor", 1.0), ("stopped", "room", 5.0), ("stopped", "room", 5.0), True),
        (("running", "supervisor", 1.0), ("stopped", "cli", 5.0), ("stopped", "cli", 5.0), True),
        (("stopped", "supervisor", 1.0), ("running", "room", 5.0), ("running", "room", 5.0), False),
        (("stopped", "supervisor", 9.0), ("running", "room", 5.0), ("running", "room", 5.0), True),
    ],
)
def test_whether_the_end_was_requested(
    tmp_path: Path, own: Change | None, services: Change | None, last: Change | None, expected: bool
) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    if own:
        write(data, "supervisor", own)
    for name in SERVICES:
        if change := last if name == SERVICES[-1] else services:
            write(data, name, change)
    assert end_was_requested(data) is expected


def test_what_cannot_be_read_is_running(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    write_desired_state(data, "feeder", "stopped", "supervisor")
    assert read_desired_state(data, "feeder") == "stopped"
    data.desired_state_of("feeder").write_bytes(b"{")
    data.desired_state_of("supervisor").write_bytes(b"{")
    assert read_desired_state(data, "feeder") == "running"
    assert not end_was_requested(data)

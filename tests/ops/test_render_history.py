"""What ``cq-tui status`` says of the history."""

import time
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from tests.supervisor.pretend import HEALTH


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


def told(data: DataDir, **fields: Any) -> list[str]:
    write_document(data.health_of("memory"), HEALTH | {"service": "memory", "last_update_ts": time.time()} | fields)
    return [line for line in status_lines(read_status(data)) if "checkpoints" in line]


def test_why_nothing_is_signed_is_logged_once(data: DataDir) -> None:
    assert told(data, integrity_ok=True) == []
    assert told(data, integrity_ok=True, anchor_problem="no key\x1b") == ["  ▲ checkpoints: no key␛"]
    # A fault that stops signing is named once.
    assert told(data, integrity_ok=False, faults=["event 5 was changed"], anchor_problem="event 5 was changed") == []

"""Kills between all steps from the file to its outcome: no signal is lost, and none counts twice."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_killed_before_each_change_of_a_file_no_signal_is_lost_or_doubled(tmp_path: Path) -> None:
    program = "tests.services.ares.outside.killed_everywhere"
    done = subprocess.run(
        [sys.executable, "-m", program, str(tmp_path)], check=True, capture_output=True, text=True, timeout=110
    )
    changes, *faults = done.stdout.split("\n")
    assert int(changes) > 25
    assert [fault for fault in faults if fault] == []

"""The supervisor's log is a regular file, like the services' logs."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.supervisor.log import SupervisorLog


def test_nothing_is_logged_through_a_link(tmp_path: Path) -> None:
    data, target = DataDir(tmp_path / "data"), tmp_path / "elsewhere"
    prepare_data_directory(data)
    data.log_of("supervisor").symlink_to(target)
    with pytest.raises(OSError, match="is a symbolic link"):
        SupervisorLog(data)
    assert not target.exists()

"""A data directory of its own for each test."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    prepare_data_directory(DataDir(tmp_path))
    return DataDir(tmp_path)

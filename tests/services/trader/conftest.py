"""A prepared data directory."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data

"""A data directory of its own for each test."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.folders import prepare


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    prepare(DataDir(tmp_path))
    return DataDir(tmp_path)

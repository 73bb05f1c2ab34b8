"""Quick cycles: the order of things is tested, not the pauses between them."""

from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader import exits, session
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.trading import lifecycle


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    return data


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_CYCLE", 0.05)
    monkeypatch.setattr(session, "_RETRY_PAUSE", 0.05)
    monkeypatch.setattr(session, "_RECONCILE_SOON", 0.1)
    monkeypatch.setattr(session, "_RECONCILE_INTERVAL", 0.3)
    monkeypatch.setattr(exits, "_LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(lifecycle, "NOT_FOUND_MIN_SECONDS", 0.3)
    monkeypatch.setattr(lifecycle, "_FIRST_DELAY", 0.05)
    monkeypatch.setattr(lifecycle, "_LONGEST_DELAY", 0.2)

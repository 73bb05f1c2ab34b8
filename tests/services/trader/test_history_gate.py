"""The trader waits for memory before it takes signals, but with nothing else."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cq_tui.contracts.freshness import STARTUP_LIMIT
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.history_gate import HistoryGate
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from tests.supervisor.pretend import HEALTH


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    return data


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass by the monotonic clock."""
    ahead = [0.0]
    clock = SimpleNamespace(time=time.time, monotonic=lambda: 1000.0 + ahead[0])
    monkeypatch.setattr("cq_tui.services.trader.history_gate.time", clock)

    def move(seconds: float) -> None:
        ahead[0] += seconds

    return move


def report(data: DataDir, *, ready: bool | None, age: float = 0.0) -> None:
    fields = {"service": "memory", "last_update_ts": time.time() - age, "ready": ready}
    write_document(data.health_of("memory"), HEALTH | fields)


@pytest.mark.usefixtures("advance")
@pytest.mark.parametrize(
    ("ready", "age", "is_open"),
    [(True, 0.0, True), (None, 0.0, True), (False, 0.0, False), (True, 30.0, False), (True, -30.0, False)],
)
def test_it_opens_when_memory_is_ready(data: DataDir, ready: bool | None, age: float, is_open: bool) -> None:
    gate = HistoryGate(data)
    assert not gate.is_open()
    report(data, ready=ready, age=age)
    assert gate.is_open() is is_open


def test_once_open_it_stays_open(data: DataDir) -> None:
    gate = HistoryGate(data)
    report(data, ready=True)
    assert gate.is_open()
    report(data, ready=False)
    assert gate.is_open()


def test_it_does_not_wait_for_ever(data: DataDir, advance: Callable[[float], None]) -> None:
    gate = HistoryGate(data)
    advance(STARTUP_LIMIT - 1)
    assert not gate.is_open()
    advance(2)
    assert gate.is_open()

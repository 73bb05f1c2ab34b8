"""What ``cq-tui up`` prints, and how it starts in the background."""

from pathlib import Path

import pytest

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.supervisor.headless import ProgressPrinter, StartupFailed, start_detached


def test_progress_prints_each_change_once() -> None:
    said: list[str] = []
    progress = ProgressPrinter(said.append)
    for name in SERVICES:
        progress.on_state_change(name, ServiceState(state="starting", pid=7))
        progress.on_state_change(name, ServiceState(state="starting", pid=7, reason="waiting for better days"))
    assert said == []
    for name in SERVICES:
        progress.on_state_change(name, ServiceState(state="running", pid=7))
    assert said[:5] == [f"{name} is ready (process 7)" for name in SERVICES]
    assert said[5].startswith("all services are ready after ")
    progress.on_state_change("ares", ServiceState(state="backoff", reason="killed by signal SIGKILL"))
    progress.on_state_change("ares", ServiceState(state="gave_up", reason="crashed 5 times in 60 s"))
    progress.on_state_change(
        "exchange", ServiceState(state="stopped", wanted="stopped", reason="not needed in this mode")
    )
    assert said[6:] == [
        "ares exited (killed by signal SIGKILL); restarting",
        "gave up on ares: crashed 5 times in 60 s",
        "exchange stopped: not needed in this mode",
    ]


def test_a_lost_terminal_does_not_end_supervision() -> None:
    def say(_: str) -> None:
        raise BrokenPipeError

    ProgressPrinter(say).on_state_change("ares", ServiceState(state="running", pid=7))


def test_a_detached_supervisor_that_cannot_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    monkeypatch.setenv("LOG_LEVEL", "chatty")
    with pytest.raises(StartupFailed, match="LOG_LEVEL is 'CHATTY'"):
        start_detached(data)

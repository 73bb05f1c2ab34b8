"""Stopping with a trader that runs: it confirms, is of an older version, or can only be signaled."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.ops import trading_state
from cq_tui.ops.trading_state import StopFailed, resume, stop
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.lock import ProcessLock
from cq_tui.store.settings_in_force import SettingsInForce

HEALTH: dict[str, Any] = {
    "service": "trader", "status": "ok", "last_update_ts": 1.0, "updated_within_sec": 0.0, "pid": os.getpid(),
    "orders_count": 0, "fills_count": 0, "last_order_time": 0.0, "account_balance_ok": True, "ares_health_ok": True,
    "quarantined_symbols": [], "active_positions": 0,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataDir]:
    """A data directory in which this process is the trader."""
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(trading_state, "_PATIENCE", 0.05)
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    lock = ProcessLock(data.lock_of("trader"), "trader")
    lock.acquire()
    yield data
    lock.release()


def report(data: DataDir, **more: object) -> None:
    write_document(data.health_of("trader"), HEALTH | more)


@contextmanager
def no_file_can_be_made(folder: Path) -> Iterator[None]:
    """Make a folder read-only, also for root."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None or os.geteuid() != 0:
        pytest.skip("nothing may be mounted here")
    bound = subprocess.run([mount, "--bind", str(folder), str(folder)], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        subprocess.run([mount, "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        subprocess.run([unmount, "-l", str(folder)], check=True)


def test_a_trader_that_has_heard_confirms(data: DataDir) -> None:
    report(data, trading_state="halted")
    assert stop(data, "halt", "cli").problems == ()
    report(data, trading_state="active")
    assert resume(data, "cli").problems == ()


def test_one_that_is_more_careful_confirms_as_well(data: DataDir) -> None:
    report(data, trading_state="halted")
    assert stop(data, "reduce", "cli") == trading_state.StateChange("trading is reducing")


def test_one_that_has_not_heard_is_named(data: DataDir) -> None:
    report(data, trading_state="active")
    (problem,) = stop(data, "halt", "cli").problems
    assert f"the trader (process {os.getpid()}) reports active" in problem
    assert data.stop_of("halted").exists()
    # As after a signal, or where its own environment says so.
    report(data, trading_state="halted")
    (problem,) = resume(data, "cli", "over").problems
    assert "does not confirm that trading is active" in problem
    (command,) = data.control.glob("*.json")
    assert (read_json(command)["command"], read_json(command)["service"]) == ("resume", "trader")
    assert read_json(command)["arguments"] == {"why": "over"}


def test_what_the_trader_is_blocked_by_is_named(data: DataDir) -> None:
    report(data, trading_state="active", blocked_by=["The last report from ARES is too old."])
    assert resume(data, "cli").problems == ("The last report from ARES is too old.",)


def test_an_older_trader_is_told_by_the_setting(data: DataDir) -> None:
    report(data)
    assert stop(data, "halt", "cli").problems == ()
    assert read_json(data.settings) == {"TRADING_STATE": "halted"}
    assert data.stop_of("halted").exists()
    report(data, blocked_by=["Trading is halted."])
    assert resume(data, "cli").problems == (), "it has not looked yet"
    assert read_json(data.settings) == {"TRADING_STATE": "active"}
    assert not data.stop_of("halted").exists()


def test_where_no_file_can_be_made_the_trader_is_signaled(data: DataDir) -> None:
    heard = list[int]()
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        with no_file_can_be_made(data.control):
            report(data)
            with pytest.raises(StopFailed, match="Stop the trader"):
                stop(data, "halt", "cli")
            assert heard == [], "an older one would end"
            report(data, trading_state="halted")
            done = stop(data, "halt", "cli")
            assert heard == [signal.SIGUSR1]
            assert "by a signal to the trader, since no file can be made" in done.done
            assert "Read-only file system" in done.done
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_without_a_trader_nothing_can_be_bought(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    with no_file_can_be_made(data.control), pytest.raises(StopFailed, match="No trader is running"):
        stop(data, "halt", "cli")
    assert SettingsInForce(data, {}).load().settings.TRADING_STATE == "active"

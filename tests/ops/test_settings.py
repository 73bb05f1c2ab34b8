"""Changing settings: validated, written, recorded; secrets are never recorded."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import SETTING_KEYS, TRADING_STATES
from cq_tui.ops.settings import ModeChangeRefused, set_settings
from cq_tui.store.data_directory import DataDirError, prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_file import SettingsError, load_settings
from cq_tui.store.settings_in_force import SettingsInForce

CANARY = "CaNaRy"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)
    return DataDir(tmp_path / "data")


def remembered(data: DataDir) -> list[dict[str, Any]]:
    """Every event of every spool, as they came: files may have been written within one tick of the file system."""
    lines = [line for path in data.spool.glob("*.ndjson") for line in path.read_bytes().splitlines()]
    return sorted(map(orjson.loads, lines), key=lambda event: (event["occurred_at"], event["seq"]))


def test_a_change_is_written_and_recorded_once_per_key(data: DataDir) -> None:
    done = set_settings(data, {"BINANCE_USE_TESTNET": False, "PAPER_MODE": True, "LOG_LEVEL": "INFO"}, "room")
    assert [change.key for change in done] == ["BINANCE_USE_TESTNET", "PAPER_MODE"]
    events = remembered(data)
    assert [event["data"] for event in events] == [
        {"key": "BINANCE_USE_TESTNET", "old_value": True, "new_value": False, "changed_by": "room"},
        {"key": "PAPER_MODE", "old_value": False, "new_value": True, "changed_by": "room"},
    ]
    assert {(event["event_type"], event["source"]) for event in events} == {("config_changed", "room")}
    assert set_settings(data, {"PAPER_MODE": True}, "cli") == ()
    assert len(remembered(data)) == 2


def test_secrets_are_recorded_only_as_set_or_unset(data: DataDir) -> None:
    for value in (f"{CANARY}1", f"{CANARY}2", ""):
        set_settings(data, {"BINANCE_API_KEY": value, "BINANCE_API_SECRET": value}, "cli")
    words = [(event["data"]["old_value"], event["data"]["new_value"]) for event in remembered(data)]
    assert words == [("unset", "set")] * 2 + [("set", "set")] * 2 + [("set", "unset")] * 2
    for path in data.root.rglob("*"):
        if path.is_file() and path != data.settings:
            assert CANARY.encode() not in path.read_bytes()


def test_a_key_set_in_the_environment_is_named(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISABLE_ORDER_GUARDRAILS", "false")
    monkeypatch.setenv("BINANCE_API_KEY", CANARY)
    for key, value in (("DISABLE_ORDER_GUARDRAILS", True), ("BINANCE_API_KEY", "x")):
        with pytest.raises(SettingsError, match=f"{key} is set in the environment") as caught:
            set_settings(data, {"PAPER_MODE": True, key: value}, "room")
        assert CANARY not in str(caught.value)
    assert not data.settings.exists()


@pytest.mark.parametrize("held", TRADING_STATES)
@pytest.mark.parametrize("wanted", TRADING_STATES)
def test_trading_can_always_be_made_safer(
    data: DataDir, monkeypatch: pytest.MonkeyPatch, held: str, wanted: str
) -> None:
    monkeypatch.setenv("TRADING_STATE", held)
    if TRADING_STATES.index(wanted) < TRADING_STATES.index(held):
        with pytest.raises(SettingsError, match="TRADING_STATE is set in the environment"):
            set_settings(data, {"TRADING_STATE": wanted}, "room")
    else:
        set_settings(data, {"TRADING_STATE": wanted}, "room")
        assert wanted == load_settings(data.settings).settings.TRADING_STATE


def test_an_invalid_value_changes_and_records_nothing(data: DataDir) -> None:
    prepare_data_directory(data)
    data.settings.write_bytes(b"{")
    with pytest.raises(SettingsError, match="not valid JSON"):
        set_settings(data, {"TRADING_STATE": "halted"}, "room")
    assert data.settings.read_bytes() == b"{"
    data.settings.unlink()
    with pytest.raises(SettingsError, match="LOG_LEVEL is 'LOUD'"):
        set_settings(data, {"LOG_LEVEL": "loud"}, "cli")
    assert remembered(data) == []
    assert not data.settings.exists()


def test_a_change_that_cannot_be_recorded_is_reported_as_changed(data: DataDir) -> None:
    prepare_data_directory(data)
    data.spool.rmdir()
    data.spool.write_text("")
    with pytest.raises((SettingsError, DataDirError)) as caught:
        set_settings(data, {"PAPER_MODE": True}, "cli")
    assert str(data.spool) in str(caught.value)


@pytest.mark.parametrize("who", ["room", "cli"])
def test_no_caller_changes_the_mode_while_something_is_open(data: DataDir, who: str) -> None:
    prepare_data_directory(data)
    data.account.write_bytes(b"\x00")
    with pytest.raises(ModeChangeRefused, match="cannot read what is open") as caught:
        set_settings(data, {"SIMULATION_MODE": False}, who)
    assert (caught.value.before, caught.value.after) == ("simulation", "testnet")
    assert not data.settings.exists()
    assert remembered(data) == []
    set_settings(data, {"LOG_LEVEL": "DEBUG", "SIMULATION_MODE": True}, who)
    assert read_json(data.settings)["LOG_LEVEL"] == "DEBUG"


def test_what_leaves_a_refused_switch_refused_may_change_while_something_is_open(data: DataDir) -> None:
    prepare_data_directory(data)
    services = SettingsInForce(data, {}, writes=True)
    services.load()
    write_document(data.settings, {"SIMULATION_MODE": False})
    services.load()
    data.account.write_bytes(b"\x00")
    set_settings(data, {"LOG_LEVEL": "DEBUG"}, "cli")
    set_settings(data, {"DISABLE_ORDER_GUARDRAILS": True}, "cli")
    with pytest.raises(ModeChangeRefused) as caught:
        set_settings(data, {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}, "cli")
    assert (caught.value.before, caught.value.after) == ("simulation", "testnet")
    set_settings(data, {"SIMULATION_MODE": True}, "cli")
    assert services.load().problem is None


LIVE = {
    "TRADING_MODE": "live", "SIMULATION_MODE": False, "BINANCE_USE_TESTNET": False, "LIVE_TRADING_ENABLED": True,
    "BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret",
}  # fmt: skip


def test_in_live_mode_the_guardrails_cannot_be_turned_off_and_the_mode_stays(data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, LIVE)
    services = SettingsInForce(data, {}, writes=True)
    assert effective_mode(services.load().settings).mode == "live"
    for value in (True, "true"):
        with pytest.raises(SettingsError, match="DISABLE_ORDER_GUARDRAILS: live mode requires the guardrails"):
            set_settings(data, {"DISABLE_ORDER_GUARDRAILS": value, "LOG_LEVEL": "DEBUG"}, "cli")
    assert read_json(data.settings) == LIVE
    loaded = services.load()
    assert (effective_mode(loaded.settings).mode, loaded.problem) == ("live", None)
    set_settings(data, {"DISABLE_ORDER_GUARDRAILS": True, "SIMULATION_MODE": True}, "cli")
    assert effective_mode(services.load().settings).mode == "simulation", "elsewhere it may be off"


def test_the_file_keeps_what_others_wrote(data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, {"x_later": [1], "PAPER_MODE": False})
    set_settings(data, {"PAPER_MODE": True}, "cli")
    assert read_json(data.settings) == {"x_later": [1], "PAPER_MODE": True}

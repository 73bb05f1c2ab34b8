"""Settings of another installation: what is taken over, and what is only named."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import SETTING_KEYS, Settings
from cq_tui.ops.migrate.old_settings import RENAMED, asks_for_live, read_settings, take_settings

SECRET = "s" * 64


def taken(old: dict[str, Any], **present: Any) -> dict[str, Any]:
    return take_settings(old, present, live=asks_for_live(old)).values


def test_each_other_name_leads_to_a_setting() -> None:
    assert set(RENAMED.values()) <= set(SETTING_KEYS)
    assert set(RENAMED).isdisjoint(SETTING_KEYS)


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ({"ORDER_COOLDOWN": "2"}, {"TRADER_ORDER_COOLDOWN": 2.0}),
        ({"SYMBOL": "ethusdt"}, {"SYMBOLS": ["ETHUSDT"]}),
        ({"KLINE_INTERVAL": "5m"}, {"ARES_BASE_INTERVAL": "5m"}),
        ({"LOG_LEVEL": "debug"}, {"LOG_LEVEL": "DEBUG"}),
        ({"BINANCE_API_KEY": f" {SECRET} "}, {"BINANCE_API_KEY": SECRET}),
        ({"PAPER_MODE": "0"}, {"PAPER_MODE": False}),
        ({"BINANCE_API_KEY": "your_api_key_here"}, {}),
        ({"BINANCE_API_SECRET": "<secret>"}, {}),
        ({"LOG_LEVEL": ""}, {}),
        ({"LOG_LEVEL": "LOUD"}, {}),
        ({"DISABLE_ORDER_GUARDRAILS": "true"}, {}),
        ({"DISABLE_ORDER_GUARDRAILS": "false"}, {"DISABLE_ORDER_GUARDRAILS": False}),
        ({"TEST_ALLOW_DEFAULT_SIGNAL": "1"}, {}),
        ({"BINANCE_REST_URL": "https://example.com"}, {}),
        ({"FRESHNESS_THRESHOLD": "300"}, {}),
    ],
)
def test_values(old: dict[str, Any], expected: dict[str, Any]) -> None:
    assert taken(old) == expected


@pytest.mark.parametrize("asks", [{"TRADING_MODE": "live"}, {"TRADING_MODE": " LIVE "}, {"LIVE_TRADING_ENABLED": "1"}])
def test_nothing_makes_it_live(asks: dict[str, str]) -> None:
    old = {"SIMULATION_MODE": "false", "BINANCE_USE_TESTNET": "false", "TRADING_MODE": "testnet"} | asks
    found = take_settings(old | {"BINANCE_API_KEY": SECRET, "BINANCE_API_SECRET": SECRET}, {}, live=True)
    assert effective_mode(Settings.model_validate(found.values)).mode == "simulation"
    assert {each.name for each in found.not_taken} == set(old)
    assert all(each.command for each in found.not_taken)
    assert SECRET not in str(found.not_taken)


def test_a_password_in_an_address_is_not_told() -> None:
    found = take_settings({"BINANCE_REST_URL": "https://me:hidden@example.com"}, {}, live=False)
    assert found.not_taken[0].command == "cq-tui config set BINANCE_REST_URL=-"


def test_a_dry_run_stays_one() -> None:
    old = {"TRADING_MODE": "testnet", "SIMULATION_MODE": "false", "DRY_RUN": "1"}
    found = take_settings(old, {}, live=False)
    assert found.values["SIMULATION_MODE"] is True
    assert "no order leaves this computer" in found.notes[0]


def test_who_did_not_trade_by_itself_does_not_start_to() -> None:
    old = {"TRADING_MODE": "testnet", "SIMULATION_MODE": "false", "AUTO_TRADING_ENABLED": "0"}
    assert taken(old)["TRADING_STATE"] == "halted"
    assert "TRADING_STATE" not in taken(old | {"SIMULATION_MODE": "true"})
    assert "TRADING_STATE" not in taken(old, TRADING_STATE="active")


def test_what_is_there_stays_and_is_named() -> None:
    found = take_settings({"LOG_LEVEL": "DEBUG", "ORDER_COOLDOWN": "1"}, {"LOG_LEVEL": "INFO"}, live=False)
    assert found.values == {"TRADER_ORDER_COOLDOWN": 1.0}
    assert [(each.name, each.why) for each in found.not_taken] == [("LOG_LEVEL", "LOG_LEVEL is set already, and stays")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"A=1\r\nB = two words # said\r\n", {"A": "1", "B": "two words"}),
        (b"\xef\xbb\xbfexport A='1'\n# B=2\nno line\n", {"A": "1"}),
        ('A="ü"\n'.encode("utf-16"), {"A": "ü"}),
        (b"A=x=y\n", {"A": "x=y"}),
        (b"A=\"x\"   # mine\nB='a # b'#c\nC=# none\nD=a#b\tE\t# d\n", {"A": "x", "B": "a # b", "C": "", "D": "a#b\tE"}),
    ],
)
def test_lines_of_a_file(tmp_path: Path, content: bytes, expected: dict[str, str]) -> None:
    path = tmp_path / "config.env"
    path.write_bytes(content)
    assert read_settings(path) == expected

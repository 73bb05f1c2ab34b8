"""``cq-tui mode``: what each mode takes and lacks, and the change to one in one write."""

import os
import pty
import subprocess
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.ops.mode import LIVE_WORD
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import read_json, write_document
from cq_tui.store.settings_in_force import SettingsInForce
from tests.cli.conftest import CommandResult, command

Cq = Callable[..., CommandResult]
KEYS = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
ACCOUNT: dict[str, Any] = {
    "timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0,
    "positions": {"A": {"symbol": "A", "size": 2.0, "entry_price": 3.5, "unrealized_pnl": 0.0, "opened_ts": 1.0}},
}  # fmt: skip


def mode_of(data: DataDir) -> str:
    return effective_mode(SettingsInForce(data, {}).load().settings).mode


def test_each_mode_says_what_it_takes_and_lacks(cq: Cq) -> None:
    told = cq("mode", code=0).out.splitlines()
    assert told == [
        "simulation (SIMULATION_MODE is true)",
        "  simulation  in force",
        "  paper       takes SIMULATION_MODE=false PAPER_MODE=true",
        "  testnet     takes SIMULATION_MODE=false; lacks BINANCE_API_KEY and BINANCE_API_SECRET"
        " (`cq-tui config set KEY=-` asks for each)",
        "  live        takes SIMULATION_MODE=false BINANCE_USE_TESTNET=false TRADING_MODE=live"
        f' LIVE_TRADING_ENABLED=true and the word "{LIVE_WORD}"; lacks BINANCE_API_KEY and BINANCE_API_SECRET'
        " (`cq-tui config set KEY=-` asks for each)",
    ]
    found = orjson.loads(cq("mode", "--json", code=0).out)
    assert (found["mode"], found["modes"]["paper"]["takes"]) == (
        "simulation",
        {"SIMULATION_MODE": False, "PAPER_MODE": True},
    )


def test_a_mode_is_set_in_one_write(cq: Cq, data: DataDir) -> None:
    told = cq("mode", "paper", code=0)
    assert "PAPER_MODE: false -> true" in told.out
    assert read_json(data.settings) == {"SIMULATION_MODE": False, "PAPER_MODE": True}
    assert mode_of(data) == "paper"
    assert cq("mode", "paper", code=0).out == "the mode is paper already\n"
    cq("mode", "simulation", code=0)
    assert mode_of(data) == "simulation"
    cq("mode", "reality", code=2)


def test_what_lacks_is_named_and_nothing_is_changed(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "testnet lacks BINANCE_API_KEY and BINANCE_API_SECRET" in cq("mode", "testnet", code=1).err
    prepare_data_directory(data)
    write_document(data.settings, KEYS | {"BINANCE_REST_URL": "nonsense"})
    told = cq("mode", "testnet", code=1).err
    assert "testnet lacks a usable BINANCE_REST_URL" in told
    write_document(data.settings, KEYS)
    monkeypatch.setenv("SIMULATION_MODE", "true")
    assert "SIMULATION_MODE is set in the environment: unset it there" in cq("mode", "testnet", code=1).err
    monkeypatch.delenv("SIMULATION_MODE")
    write_document(data.account, ACCOUNT)
    told = cq("mode", "testnet", code=1).err
    assert "the mode cannot change while positions or orders are open:\n  A: 2 held, entry price 3.5" in told
    shown = cq("mode", code=0).out
    assert "lacks the end of what is open in simulation" in shown
    assert "open in simulation:\n  A: 2 held" in shown
    assert read_json(data.settings) == KEYS
    data.account.unlink()
    book = {"positions": [{"symbol": "A", "state": "protected"}]}
    write_document(data.state_of("trader"), {"seq": 1, "books": {}, "accounts": {"simulated:7": book}})
    told = cq("mode", "testnet", code=1).err
    assert "account.json is missing: start the services with `cq-tui up`" in told
    assert "A: protected on simulated:7, as recorded last" in told
    assert read_json(data.settings) == KEYS
    data.state_of("trader").unlink()
    cq("mode", "testnet", code=0)
    assert mode_of(data) == "testnet"


def test_a_key_that_waits_is_what_its_mode_lacks(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, KEYS | {"SIMULATION_MODE": False})
    SettingsInForce(data, {}, writes=True).load()
    write_document(data.account, ACCOUNT | {"mode": "testnet", "account": "testnet:1"})
    told = cq("config", "set", "BINANCE_API_KEY=new", code=0)
    assert told.out == "BINANCE_API_KEY: set -> set\n", "a key may be rotated at any time"
    assert "waits until the exchange says whose account it leads to (open here: A: 2 held" in told.err
    shown = cq("mode", code=0)
    assert "testnet     lacks a key and address of the account where something is open" in shown.out
    assert "waits until the exchange says" in shown.err


def test_a_key_that_is_taken_away_leaves_what_is_open_alone_and_says_so(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, KEYS | {"SIMULATION_MODE": False})
    SettingsInForce(data, {}, writes=True).load()
    assert cq("config", "set", "BINANCE_API_KEY=", code=0).err == ""
    cq("config", "set", "BINANCE_API_KEY=key", code=0)
    write_document(data.account, ACCOUNT | {"mode": "testnet", "account": "testnet:1"})
    told = cq("config", "set", "BINANCE_API_KEY=", code=0).err
    assert "testnet needs BINANCE_API_KEY and BINANCE_API_SECRET: until they are back nobody looks after what" in told
    assert "  A: 2 held, entry price 3.5" in told


def test_an_administrator_can_forbid_live(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = data.root.with_name("limits.toml")
    limits.write_text("LIVE_TRADING_ENABLED = false")
    monkeypatch.setenv("CQ_LIMITS_FILE", str(limits))
    prepare_data_directory(data)
    write_document(data.settings, KEYS)
    told = cq("mode", "live", "--confirm", LIVE_WORD, code=1).err
    assert f"live lacks LIVE_TRADING_ENABLED, which {limits} forbids" in told
    told = cq("config", "set", "LIVE_TRADING_ENABLED=true", code=4).err
    assert f"LIVE_TRADING_ENABLED = True is looser than the limit False in {limits}" in told
    shown = cq("config", "show", code=0).out
    assert f"default (limit false, {limits})" in shown
    assert "warning: " in shown, "the file is ours"
    write_document(
        data.settings,
        KEYS
        | {
            "TRADING_MODE": "live",
            "SIMULATION_MODE": False,
            "BINANCE_USE_TESTNET": False,
            "LIVE_TRADING_ENABLED": True,
        },
    )
    assert f"limits ({limits})" in cq("config", "show", code=0).out
    assert cq("mode", code=0).out.startswith("paper (TRADING_MODE is live, but LIVE_TRADING_ENABLED is false)")


def test_live_asks_for_words(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, KEYS)
    assert "live needs a terminal to ask on" in cq("mode", "live", stdin="y\n", code=1).err
    assert "this was not the word" in cq("mode", "live", "--confirm", "yes", code=1).err
    assert mode_of(data) == "simulation"
    cq("mode", "live", "--confirm", LIVE_WORD, code=0)
    assert mode_of(data) == "live"
    assert cq("mode", "live", code=0).out == "the mode is live already\n"
    cq("mode", "simulation", code=0)
    assert "LIVE_TRADING_ENABLED" not in cq("mode", code=0).out.splitlines()[4]


@pytest.mark.parametrize(("typed", "mode"), [("y", "simulation"), (LIVE_WORD, "live")])
def test_on_a_terminal_the_words_are_typed(data: DataDir, typed: str, mode: str) -> None:
    prepare_data_directory(data)
    write_document(data.settings, KEYS)
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    asked = subprocess.run(
        command("--data-dir", str(data.root), "mode", "live"), stdin=theirs, capture_output=True, text=True, timeout=120
    )
    os.close(theirs)
    os.close(ours)
    assert f'Type "{LIVE_WORD}" to go on' in asked.stdout + asked.stderr
    assert (asked.returncode, mode_of(data)) == (int(mode == "simulation"), mode)

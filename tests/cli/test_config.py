"""``cq-tui config``: reading and changing settings; secrets stay hidden, the environment is named."""

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.ops.prompting import prompt_secret
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import write_document
from cq_tui.store.settings_file import SettingsError
from cq_tui.store.settings_in_force import SettingsInForce
from tests.cli.conftest import CommandResult

Cq = Callable[..., CommandResult]
CANARY = "canary that must never be seen"


def spooled(data: DataDir) -> list[dict[str, Any]]:
    return [orjson.loads(line) for path in sorted(data.spool.glob("cli-*")) for line in path.read_bytes().splitlines()]


def test_a_change_is_written_printed_and_recorded(cq: Cq, data: DataDir) -> None:
    assert cq("config", "get", "TRADER_MAX_POSITIONS", code=0).out == "5\n"
    told = cq("config", "set", "TRADER_MAX_POSITIONS=3", "SYMBOLS=BTCUSDT,ETHUSDT", code=0)
    assert "TRADER_MAX_POSITIONS: 5 -> 3\n" in told.out
    assert cq("config", "get", "TRADER_MAX_POSITIONS").out == "3\n"
    assert cq("config", "get", "SYMBOLS").out == "BTCUSDT,ETHUSDT\n"
    assert orjson.loads(data.settings.read_bytes())["TRADER_MAX_POSITIONS"] == 3
    assert data.settings.stat().st_mode & 0o777 == 0o600
    events = [(event["event_type"], event["data"]["key"], event["data"]["new_value"]) for event in spooled(data)]
    assert events[0] == ("config_changed", "TRADER_MAX_POSITIONS", 3)
    assert {event["data"]["changed_by"] for event in spooled(data)} == {"cli"}


def test_a_setting_of_a_strategy_has_a_dotted_key(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    told = cq("config", "set", "STRATEGIES.mine.period=30", 'STRATEGIES.mine.symbols=["BTCUSDT"]', code=0).out
    assert told == "STRATEGIES.mine.period: unset -> 30\nSTRATEGIES.mine.symbols: unset -> BTCUSDT\n"
    assert cq("config", "get", "STRATEGIES.mine.period", code=0).out == "30\n"
    assert cq("config", "get", "STRATEGIES.mine.other", code=0).out == "unset\n"
    assert [event["data"]["key"] for event in spooled(data)] == ["STRATEGIES.mine.period", "STRATEGIES.mine.symbols"]
    monkeypatch.setenv("STRATEGIES__MINE__PERIOD", "40")
    shown = cq("config", "show", code=0).out.splitlines()
    assert [line.split() for line in shown if line.startswith("STRATEGIES.")] == [
        ["STRATEGIES.mine.period", "40", "environment"],
        ["STRATEGIES.mine.symbols", "BTCUSDT", "file"],
    ]
    assert "environment" in cq("config", "set", "STRATEGIES.mine.period=5", code=4).err
    assert "unknown setting STRATEGIES.mine" in cq("config", "set", "STRATEGIES.mine=5", code=4).err


def test_the_same_value_is_no_change(cq: Cq, data: DataDir) -> None:
    cq("config", "set", "TRADER_MAX_POSITIONS=3", code=0)
    assert cq("config", "set", "TRADER_MAX_POSITIONS=3", code=0).out == "nothing changed\n"
    assert len(spooled(data)) == 1


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("NO_SUCH_KEY=1", ["unknown setting NO_SUCH_KEY", "config show"]),
        ("LOG_LEVEL", ["'LOG_LEVEL' is not KEY=VALUE"]),
        ("LOG_LEVEL=loud", ["LOG_LEVEL", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"]),
        ("TRADER_MAX_POSITIONS=-1", ["TRADER_MAX_POSITIONS is -1", "greater than or equal to 0"]),
        ("TRADER_MAX_POSITIONS=many", ["TRADER_MAX_POSITIONS is 'many'", "integer"]),
        ("TRADER_ORDER_QUOTE=Infinity", ["TRADER_ORDER_QUOTE"]),
        ("TRADER_MAX_EXPOSURE=1.5", ["TRADER_MAX_EXPOSURE is 1.5", "less than or equal to 1"]),
        ("ARES_BASE_INTERVAL=7s", ["ARES_BASE_INTERVAL is '7s'", "one of 1s, 1m"]),
        ("SYMBOLS=btc usdt", ["SYMBOLS is 'btc usdt'"]),
        ("SYMBOLS=", ["SYMBOLS"]),
        ("SIMULATION_MODE=perhaps", ["SIMULATION_MODE is 'perhaps'", "boolean"]),
        ("TRADING_MODE=casino", ["TRADING_MODE is 'casino'"]),
    ],
)
def test_a_bad_value_is_named_with_its_rule(cq: Cq, data: DataDir, pair: str, words: list[str]) -> None:
    cq("config", "set", "TRADER_MAX_POSITIONS=4", code=0)
    before = data.settings.read_bytes()
    told = cq("config", "set", pair, code=4)
    assert told.err.startswith("cq-tui: ")
    assert [word for word in words if word not in told.err] == []
    assert data.settings.read_bytes() == before


def test_several_values_are_written_all_or_none(cq: Cq, data: DataDir) -> None:
    cq("config", "set", "TRADER_MAX_POSITIONS=4", "LOG_LEVEL=loud", code=4)
    assert not data.settings.exists()


def test_an_unknown_key_is_named(cq: Cq) -> None:
    assert "unknown setting NO_SUCH_KEY" in cq("config", "get", "NO_SUCH_KEY", code=4).err


def test_show_lists_every_key_with_its_source(cq: Cq, monkeypatch: pytest.MonkeyPatch) -> None:
    cq("config", "set", "TRADER_MAX_POSITIONS=4", code=0)
    monkeypatch.setenv("LOG_LEVEL", "debug")
    lines = cq("config", "show", code=0).out.splitlines()
    assert [line.split()[0] for line in lines] == list(SETTING_KEYS)
    sources = {line.split()[0]: line.split()[-1] for line in lines}
    assert (sources["TRADER_MAX_POSITIONS"], sources["LOG_LEVEL"]) == ("file", "environment")
    shown = orjson.loads(cq("config", "show", "--json", code=0).out)
    assert shown["LOG_LEVEL"] == {"value": "DEBUG", "source": "environment"}
    assert shown["BINANCE_API_KEY"] == {"value": "unset", "source": "default"}


def test_a_key_set_in_the_environment_is_named(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    told = cq("config", "set", "LOG_LEVEL=INFO", "TRADER_MAX_POSITIONS=4", code=4)
    assert "LOG_LEVEL is set in the environment" in told.err
    assert not data.settings.exists()


def test_a_bad_value_in_the_environment_is_named(cq: Cq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_MAX_POSITIONS", "many")
    for words in (["config", "show"], ["config", "set", "LOG_LEVEL=DEBUG"], ["status"], ["up"], ["service", "memory"]):
        told = cq(*words, code=4)
        assert "the environment: TRADER_MAX_POSITIONS is 'many'" in told.err


@pytest.mark.parametrize("content", [b'{"LOG_LEVEL": ', b"\x00\x01", b"[1]", b'{"LOG_LEVEL": "loud"}', b""])
def test_a_bad_file_is_named_and_never_overwritten(cq: Cq, data: DataDir, content: bytes) -> None:
    prepare_data_directory(data)
    data.settings.write_bytes(content)
    problem = cq("config", "show", code=0).out.splitlines()[-1]
    assert problem.startswith("problem: ")
    assert "env.json" in problem
    assert "env.json" in cq("config", "get", "LOG_LEVEL", code=0).err
    assert "env.json" in cq("status", code=2).out
    assert "env.json" in cq("config", "set", "TRADER_MAX_POSITIONS=4", code=4).err
    assert data.settings.read_bytes() == content


def test_unknown_keys_in_the_file_are_kept(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, {"OF_ANOTHER_VERSION": {"a": [1]}, "LOG_LEVEL": "INFO"})
    cq("config", "set", "LOG_LEVEL=DEBUG", code=0)
    assert orjson.loads(data.settings.read_bytes()) == {"OF_ANOTHER_VERSION": {"a": [1]}, "LOG_LEVEL": "DEBUG"}
    assert "OF_ANOTHER_VERSION" in cq("config", "show").out


def test_secrets_are_never_printed(cq: Cq, data: DataDir) -> None:
    told = [cq("config", "set", f"BINANCE_API_KEY={CANARY}", "BINANCE_API_SECRET=-", stdin=f"{CANARY}\n", code=0)]
    assert "BINANCE_API_KEY: unset -> set\n" in told[0].out
    assert orjson.loads(data.settings.read_bytes()) == {"BINANCE_API_KEY": CANARY, "BINANCE_API_SECRET": CANARY}
    told.append(cq("config", "get", "BINANCE_API_KEY"))
    assert told[-1].out == "set\n"
    told += [cq("config", "show"), cq("config", "show", "--json"), cq("status"), cq("status", "--json")]
    told += [cq("config", "set", f"BINANCE_API_KEY={CANARY}", "LOG_LEVEL=loud", code=4)]
    assert CANARY not in "".join(each.out + each.err for each in told)
    assert CANARY not in orjson.dumps(spooled(data)).decode()


def test_a_minus_prompts_for_the_value(cq: Cq) -> None:
    assert cq("config", "set", "BINANCE_API_KEY=-", stdin="", code=4).err.startswith("cq-tui: BINANCE_API_KEY=- reads")
    assert cq("config", "set", "TRADER_MAX_POSITIONS=-", stdin="7\n", code=0).out == "TRADER_MAX_POSITIONS: 5 -> 7\n"


def test_a_private_key_is_read_to_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----"
    monkeypatch.setattr(sys, "stdin", StringIO(f"{key}\nmore\n"))
    assert prompt_secret("BINANCE_API_SECRET") == key
    monkeypatch.setattr(sys, "stdin", StringIO("-----BEGIN PRIVATE KEY-----\nabc\n"))
    with pytest.raises(SettingsError, match="there was none"):
        prompt_secret("BINANCE_API_SECRET")


def account(data: DataDir, **fields: Any) -> None:
    prepare_data_directory(data)
    basis = {"timestamp": 1.0, "mode": "simulation", "equity": 1.0, "available_balance": 1.0}
    write_document(data.account, basis | fields)


POSITION = {"symbol": "BTCUSDT", "size": 0.5, "entry_price": 60000.0, "unrealized_pnl": 0.0, "opened_ts": 1.0}
ORDER = {
    "client_order_id": "x", "symbol": "ETHUSDT", "side": "SELL", "order_type": "LIMIT", "leg": "target", "size": 1.0,
}  # fmt: skip


def test_the_mode_does_not_change_while_something_is_open(cq: Cq, data: DataDir) -> None:
    account(data, positions={"BTCUSDT": POSITION}, orders=[ORDER | {"status": "NEW"}])
    told = cq("config", "set", "SIMULATION_MODE=false", code=1)
    assert "BTCUSDT: 0.5 held" in told.err
    assert "ETHUSDT: SELL target order new" in told.err
    assert not data.settings.exists()
    # What does not change the mode is free.
    cq("config", "set", "TRADER_MAX_POSITIONS=4", "BINANCE_USE_TESTNET=false", code=0)
    account(data, orders=[ORDER | {"status": "FILLED"}])
    cq("config", "set", "SIMULATION_MODE=false", "PAPER_MODE=true", code=0)


def test_an_unreadable_account_forbids_the_change_too(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.account.write_text("{")
    assert "cannot read what is open" in cq("config", "set", "SIMULATION_MODE=false", code=1).err


def test_a_file_that_cannot_be_written_is_named(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.settings.parent.rmdir()
    data.settings.parent.write_text("")
    told = cq("config", "set", "LOG_LEVEL=DEBUG", code=4)
    assert str(data.settings.parent) in told.err


def test_the_first_setting_creates_the_directory(cq: Cq, data: DataDir, tmp_path: Path) -> None:
    cq("config", "set", "LOG_LEVEL=DEBUG", code=0)
    assert data.root.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "shared_data").exists()


def test_a_directory_that_was_open_to_others_is_told_once(cq: Cq, data: DataDir) -> None:
    data.root.mkdir(mode=0o755)
    assert "was open to other users" in cq("config", "set", "LOG_LEVEL=DEBUG", code=0).err
    assert cq("config", "set", "LOG_LEVEL=INFO", code=0).err == ""
    assert data.root.stat().st_mode & 0o777 == 0o700


def in_force(data: DataDir) -> SettingsInForce:
    """What services remember."""
    return SettingsInForce(data, {}, writes=True)


@pytest.mark.parametrize("spoil", ["comma", "gone", "folder"])
def test_restore_writes_the_last_good_settings_and_keeps_what_was_there(cq: Cq, data: DataDir, spoil: str) -> None:
    prepare_data_directory(data)
    good = {"SIMULATION_MODE": False, "BINANCE_API_SECRET": CANARY, "x_later": [1]}
    write_document(data.settings, good)
    in_force(data).load()
    data.settings.unlink()
    if spoil == "comma":
        data.settings.write_text('{"BINANCE_API_SECRET": "' + CANARY + '",}')
        data.settings.chmod(0o644)
    elif spoil == "folder":
        data.settings.mkdir()
    told = cq("config", "set", "LOG_LEVEL=DEBUG", code=0 if spoil == "gone" else 4)
    assert ("config restore" in told.err) == (spoil != "gone")
    if spoil == "gone":
        assert orjson.loads(data.settings.read_bytes()) == good | {"LOG_LEVEL": "DEBUG"}
        data.settings.unlink()
    told = cq("config", "restore", code=0)
    assert CANARY not in told.out + told.err
    assert orjson.loads(data.settings.read_bytes()) == good
    assert data.settings.stat().st_mode & 0o777 == 0o600
    kept = [path for path in data.settings.parent.iterdir() if ".broken-" in path.name]
    assert [path.stat().st_mode & 0o777 for path in kept if path.is_file()] == ([0o600] if spoil == "comma" else [])
    assert len(kept) == (spoil != "gone")
    assert "nothing to restore" in cq("config", "restore", code=4).err
    assert in_force(data).load().problem is None


def test_set_says_that_the_services_do_not_follow(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    in_force(data).load()
    told = cq("config", "set", "SIMULATION_MODE=false", code=0)
    assert told.out == "SIMULATION_MODE: true -> false\n"
    assert "testnet needs BINANCE_API_KEY and BINANCE_API_SECRET" in told.err
    assert "the services stay in simulation, reducing" in told.err


def test_set_says_that_the_mode_stays(cq: Cq) -> None:
    told = cq("config", "set", "BINANCE_USE_TESTNET=false", "TRADING_MODE=live", code=0)
    assert "the mode stays simulation: SIMULATION_MODE is true. `cq-tui mode`" in told.err
    assert cq("config", "set", "LOG_LEVEL=DEBUG", code=0).err == ""
    assert "the mode stays" not in cq("config", "set", "SIMULATION_MODE=false", "PAPER_MODE=true", code=0).err


def test_restore_says_that_nothing_is_known(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.settings.write_text("{")
    assert "no earlier settings are known" in cq("config", "restore", code=4).err
    assert data.settings.read_text() == "{"


def test_show_and_get_name_the_problem_and_the_values_that_hold(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    write_document(data.settings, {"TRADER_ORDER_QUOTE": 70.0})
    in_force(data).load()
    data.settings.write_text('{"TRADER_ORDER_QUOTE": 90,}')
    told = cq("config", "get", "TRADER_ORDER_QUOTE", code=0)
    assert told.out == "70.0\n"
    assert "line 1 column 26" in told.err
    assert "the last good settings hold: the services stay in simulation, reducing" in cq("config", "show", code=0).out

"""The commands in this process: help, invalid arguments, unusable directories."""

import os
import platform
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cq_tui import __version__
from cq_tui.cli import app
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from tests.cli.conftest import CommandResult

Cq = Callable[..., CommandResult]

COMMANDS = {
    "": [
        "up",
        "down",
        "status",
        "service",
        "halt",
        "reduce",
        "resume",
        "flatten",
        "quarantine",
        "release",
        "accept",
        "adopt",
        "events",
        "verify",
        "prove",
        "check-proof",
        "acknowledge",
        "bundle",
        "backup",
        "restore",
        "exchange",
        "config",
        "--view",
        "--replay",
        "--seed",
        "--version",
    ],
    "up": ["--detach", "--replay", "--seed", "Ctrl-C"],
    "down": ["supervisor"],
    "status": ["--json", "0 ok, 1 degraded, 2 error"],
    "halt": ["--why", "full disk", "4 could not be done"],
    "reduce": ["--why", "closed"],
    "resume": ["SYMBOL", "--why", "1 something still holds"],
    "quarantine": ["--until", "--for", "--why", "stays protected"],
    "release": ["Quarantine", "`accept`"],
    "accept": ["--why", "account", "owner", "drawdown", "written off"],
    "adopt": ["--stop", "--target", "--quantity", "--strategy", "It is yours"],
    "events": ["--follow", "--type", "--symbol", "--since", "2026-11-22T14:05:00Z", "-n", "--json", "1 some lines"],
    "service": [*SERVICES],
    "bundle": ["no secret"],
    "backup": ["[FILE]", "--with-keys", "1 written, but"],
    "restore": ["FILE", "--replace", "--check", "--damaged", "2 damaged backup"],
    "exchange": ["--port", "--seed", "--symbols", "--replay", "--json", "Binance"],
    "config get": ["KEY"],
    "config set": ["KEY=VALUE", "- as VALUE"],
    "config show": ["--json"],
}


@pytest.mark.parametrize(("command", "words"), COMMANDS.items())
def test_help_lists_commands_and_options(command: str, words: list[str]) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=80)
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert [word for word in [*words, "--data-dir"] if word not in text] == []
    assert "--take-over" not in result.output
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80
    # Nothing is cut off, neither a description nor a sentence.
    assert not any(line.endswith("...") for line in lines if not line.startswith("Usage"))


def test_the_exchange_has_no_default_data_directory(cq: Cq) -> None:
    assert "./shared_data" not in cq("exchange", "--help", code=0).out


def test_help_names_every_exit_code() -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    for code in (
        "0 done",
        "1 failed",
        "2 wrong usage",
        "3 already running",
        "4 unusable data directory",
        "5 unsupported",
        "130",
    ):
        assert code in text


def test_version(cq: Cq) -> None:
    assert cq("--version", code=0).out == f"cq-tui {__version__} (Python {platform.python_version()})\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance"], "No such command 'dance'"),
        (["up", "--sideways"], "No such option: --sideways"),
        (["--seed", "-4"], "--seed"),
        (["--seed", "four"], "--seed"),
        (["up", "--replay", "/no/such/recording"], "--replay /no/such/recording: no such file or folder"),
        (["service", "butler"], "unknown service 'butler'. The services are exchange, memory, feeder, ares, trader"),
        (["service"], "Missing argument"),
        (["exchange", "--port", "70000"], "--port"),
        (["config", "set"], "Missing argument"),
        (["accept", "BTCUSDT"], "--why"),
        (["accept", "btcusdt", "--why", "x"], "symbols are written in capitals, such as BTCUSDT"),
        (["accept", "BTCUSDT", "--why", " "], "a reason is needed"),
        (["adopt", "BTCUSDT"], "--stop"),
        (["adopt", "BTC/USDT", "--stop", "1"], "'BTC/USDT' is not a symbol"),
        (["adopt", "BTCUSDT", "--stop", "1,000"], "stop '1,000' is not a positive number such as 95000.5"),
        (["adopt", "BTCUSDT", "--stop", "-5"], "stop '-5' is not a positive number"),
        (["adopt", "BTCUSDT", "--stop", "5", "--target", "4"], "target 4 is not above stop 5"),
        (["adopt", "BTCUSDT", "--stop", "5", "--strategy", "a b"], "'a b' is not the name of a strategy"),
    ],
)
def test_invalid_arguments_are_named(cq: Cq, data: DataDir, words: list[str], said: str) -> None:
    prepare_data_directory(data)
    told = cq(*words, code=2)
    assert said in told.err
    assert told.out == ""
    assert list(data.control.glob("*.json")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--symbols", ","], "--symbols is empty"),
        (["--symbols", "BTC/USDT"], "BTC/USDT"),
        (["--symbols", "NOSUCH"], "'NOSUCH' has no known quote asset"),
        (["--replay", "/no/such/recording"], "/no/such/recording"),
    ],
)
def test_invalid_exchange_options_are_refused(cq: Cq, words: list[str], said: str) -> None:
    assert said in cq("exchange", *words, code=1).err


def test_the_room_needs_a_terminal(cq: Cq) -> None:
    told = cq(code=5)
    assert "needs a terminal" in told.err


@pytest.mark.parametrize("words", [["down"], ["bundle"]])
def test_a_missing_directory_is_not_created(cq: Cq, data: DataDir, words: list[str]) -> None:
    assert f"data directory {data.root} does not exist" in cq(*words, code=4).err
    assert not data.root.exists()


def test_status_creates_nothing(cq: Cq, data: DataDir) -> None:
    assert "is not running" in cq("status", code=2).out
    assert not data.root.exists()


USING = [
    ["up"],
    ["up", "--detach"],
    ["service", "memory"],
    ["config", "set", "LOG_LEVEL=DEBUG"],
    ["down"],
    ["bundle"],
    [],
]


@pytest.mark.parametrize("words", USING)
def test_a_file_instead_of_the_directory_is_named(cq: Cq, data: DataDir, words: list[str]) -> None:
    data.root.write_text("mine")
    error = cq(*words, code=4).err
    assert str(data.root) in error
    assert "not a directory" in error
    assert data.root.read_text() == "mine"


@pytest.mark.parametrize("words", USING)
def test_an_unwritable_place_is_named(words: list[str]) -> None:
    place = "/proc/cq-tui"
    result = CliRunner().invoke(app, [*words, "--data-dir", place], catch_exceptions=False)
    assert result.exit_code == 4
    assert place in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_directory_is_only_watched(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "read-only" in cq("up", code=4).err
        assert "view-only" in cq(code=5).err
        assert cq("status", code=2).out
    finally:
        data.root.chmod(0o700)


def test_a_folder_instead_of_a_lock_is_named(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    data.lock_of("supervisor").mkdir()
    assert str(data.lock_of("supervisor")) in cq("up", code=4).err
    data.lock_of("memory").mkdir()
    assert str(data.lock_of("memory")) in cq("service", "memory", code=4).err


def test_bundle_prints_its_path(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    path = Path(cq("bundle", code=0).out.strip())
    assert path.parent == data.root
    assert path.stat().st_mode & 0o777 == 0o600


def test_down_with_nothing_running(cq: Cq, data: DataDir) -> None:
    data.root.mkdir()
    assert cq("down", code=0).out == "nothing was running\n"
    assert list(data.root.iterdir()) == []


ASKING = [
    ["flatten"],
    ["resume", "BTCUSDT"],
    ["quarantine", "trend_multi_tf", "--for", "2h", "--why", "x"],
    ["release", "BTCUSDT"],
    ["accept", "BTCUSDT", "--why", "x"],
    ["adopt", "BTCUSDT", "--stop", "1"],
    ["acknowledge", "all"],
]


@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_a_command_in_an_empty_folder_says_how_to_start(cq: Cq, data: DataDir, words: list[str]) -> None:
    data.root.mkdir()
    assert "Start them with `cq-tui up`" in cq(*words, code=4).err
    assert list(data.root.iterdir()) == []


def test_the_directory_may_come_before_or_after_the_command_or_from_the_environment(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = CliRunner()
    monkeypatch.chdir(tmp_path)
    run.invoke(app, ["config", "set", "TRADER_MAX_POSITIONS=1"])
    run.invoke(app, ["config", "set", "TRADER_MAX_POSITIONS=2", "--data-dir", str(tmp_path / "behind")])
    run.invoke(app, ["--data-dir", str(tmp_path / "before"), "config", "set", "TRADER_MAX_POSITIONS=3"])
    monkeypatch.setenv("CQ_DATA_DIR", str(tmp_path / "environment"))
    run.invoke(app, ["config", "set", "TRADER_MAX_POSITIONS=4"])
    for value, name in enumerate(["shared_data", "behind", "before", "environment"], 1):
        got = run.invoke(app, ["config", "get", "TRADER_MAX_POSITIONS", "--data-dir", str(tmp_path / name)])
        assert got.stdout == f"{value}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_directory_of_another_owner_can_be_read_and_is_used_by_no_process(cq: Cq, data: DataDir) -> None:
    prepare_data_directory(data)
    os.chown(data.root, 54_321, 54_321)
    for words in (["up"], ["service", "feeder"], ["exchange"], ["config", "set", "LOG_LEVEL=DEBUG"]):
        assert f"{data.root} belongs to user 54321" in cq(*words, code=4).err
    for words in (["status"], ["verify"], ["events"], ["config", "show"], ["bundle"], ["down"]):
        told = cq(*words)
        assert "belongs to" not in told.out + told.err
    assert not data.settings.exists()
    assert data.root.stat().st_uid == 54_321

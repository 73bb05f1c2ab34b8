"""Halting, reducing and resuming by command: without a trader, with broken settings, with a dead supervisor."""

from collections.abc import Callable

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import read_json, write_document
from cq_tui.store.person import person_here
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.trading_state import standing_stops
from tests.cli.conftest import CommandResult
from tests.cli.fake_service import service_that_answers

Cq = Callable[..., CommandResult]


def state(data: DataDir) -> str:
    return SettingsInForce(data, {}).load().settings.TRADING_STATE


def spooled(data: DataDir) -> list[dict[str, object]]:
    lines = [line for path in data.spool.glob("cli-*.ndjson") for line in path.read_bytes().splitlines()]
    events = sorted(map(orjson.loads, lines), key=lambda event: event["occurred_at"])
    return [event["data"] for event in events if event["event_type"] == "trading_state_changed"]


def test_halt_and_resume_in_a_folder_that_has_nothing_yet(cq: Cq, data: DataDir) -> None:
    data.root.mkdir()
    assert cq("halt", "--why", " news ", code=0).out == "trading is halted\n"
    assert state(data) == "halted"
    again = cq("halt", code=0).out
    assert again.startswith(f"trading is halted already, by {person_here()} since 2")
    assert again.endswith(": news\n")
    assert cq("reduce", code=0).out == "trading is halted\n"
    assert cq("resume", "--why", "over", code=0).out == "trading is active\n"
    assert state(data) == "active"
    assert standing_stops(data) == ()
    common = {"by": "command", "person": person_here()}
    assert spooled(data) == [
        common | {"old_state": "active", "new_state": "halted", "why": "news"},
        common | {"old_state": "halted", "new_state": "halted"},
        common | {"old_state": "halted", "new_state": "active", "why": "over"},
    ]
    assert cq("resume", code=0).out == "trading is active\n"
    assert len(spooled(data)) == 3, "nothing changed"


def test_resume_ends_what_an_earlier_version_set(cq: Cq, data: DataDir) -> None:
    data.settings.parent.mkdir(parents=True)
    write_document(data.settings, {"TRADING_STATE": "halted", "LOG_LEVEL": "ERROR"})
    assert cq("resume", code=0).out == "trading is active\n"
    assert read_json(data.settings) == {"TRADING_STATE": "active", "LOG_LEVEL": "ERROR"}
    assert [(told["old_state"], told["new_state"]) for told in spooled(data)] == [("halted", "active")]


def test_a_setting_lifts_no_halt_and_says_so(cq: Cq, data: DataDir) -> None:
    data.root.mkdir()
    cq("halt", "--why", "news", code=0)
    told = cq("config", "set", "TRADING_STATE=active", code=0)
    assert told.err.startswith(f"cq-tui: trading is halted by {person_here()} since 2")
    assert told.err.endswith(": news. Run `cq-tui resume`\n")
    assert "TRADING_STATE" in cq("config", "show").out
    assert "halted" in cq("config", "get", "TRADING_STATE").out
    assert cq("config", "set", "LOG_LEVEL=DEBUG", code=0).err == ""


@pytest.mark.parametrize("held", ["halted", "reducing"])
def test_resume_names_what_still_holds(cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch, held: str) -> None:
    data.root.mkdir()
    cq("halt", code=0)
    monkeypatch.setenv("TRADING_STATE", held)
    told = cq("resume", code=1)
    assert told.out == f"trading is {held}\n"
    assert told.err == f"cq-tui: the environment sets TRADING_STATE = {held}. Unset it, then restart\n"
    assert standing_stops(data) == ()


@pytest.mark.parametrize("content", [b'{"TRADING_STATE": "halted",}', b"{", b"[]", b""])
def test_broken_settings_keep_nobody_from_halting(cq: Cq, data: DataDir, content: bytes) -> None:
    data.settings.parent.mkdir(parents=True)
    data.settings.write_bytes(content)
    assert cq("halt", code=0).out.startswith("trading is halted")
    assert state(data) == "halted"
    told = cq("resume", code=1)
    assert "the settings: " in told.err
    assert str(data.settings) in told.err
    assert data.settings.read_bytes() == content
    assert standing_stops(data) == ()


def test_a_bad_setting_in_the_environment_keeps_nobody_from_halting(
    cq: Cq, data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.root.mkdir()
    monkeypatch.setenv("TRADER_ORDER_QUOTE", "a lot")
    cq("halt", code=0)
    assert data.stop_of("halted").exists()
    assert "TRADER_ORDER_QUOTE is 'a lot'" in cq("resume", code=1).err
    assert not data.stop_of("halted").exists()


def test_a_mode_that_lacks_its_keys_is_named(cq: Cq, data: DataDir) -> None:
    data.settings.parent.mkdir(parents=True)
    write_document(data.settings, {"SIMULATION_MODE": False})
    assert "the mode: testnet needs BINANCE_API_KEY" in cq("resume", code=1).err


@pytest.mark.parametrize("why", ["", "  ", "two\nlines", "x" * 501])
def test_a_reason_that_cannot_be_kept_is_refused(cq: Cq, data: DataDir, why: str) -> None:
    data.root.mkdir()
    assert "--why" in cq("resume", "--why", why, code=2).err


def test_a_symbol_is_unlocked_by_the_trader(cq: Cq, data: DataDir) -> None:
    with service_that_answers(data, "trader", lambda _: ("done", "BTCUSDT may trade again")) as asked:
        assert cq("resume", "BTCUSDT", "--why", "looked at it", code=0).out == "BTCUSDT may trade again\n"
    (command,) = asked
    assert (command.command, command.target, command.arguments) == ("resume", "BTCUSDT", {"why": "looked at it"})
    assert "capitals" in cq("resume", "btcusdt", code=2).err


def test_what_cannot_be_taken_away_is_named(cq: Cq, data: DataDir) -> None:
    (data.stop_of("halted") / "kept").mkdir(parents=True)
    told = cq("resume", code=4)
    assert "control/halted" in told.err

"""The keys that act on the stack: confirmation with 'no' focused, obstacles, changes and toasts."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from textual.pilot import Pilot

from cq_tui.ops.mode import LIVE_WORD
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import Choice, Dialog
from cq_tui.store.person import person_here
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.supervisor.desired_state import write_desired_state
from tests.room.conftest import (
    MakeRoom,
    screen_text,
    state_of,
    toasts,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_idle,
    wait_until_loaded,
)
from tests.room.stage import Stage

SIZE = (100, 36)


def trading(stage: Stage) -> str:
    return SettingsInForce(stage.data, {}).load().settings.TRADING_STATE


def spooled(stage: Stage, writers: str) -> list[dict[str, Any]]:
    lines = [line for path in stage.data.spool.glob(f"{writers}.ndjson") for line in path.read_bytes().splitlines()]
    return sorted(map(orjson.loads, lines), key=lambda event: event["occurred_at"])


def settings(stage: Stage) -> dict[str, object]:
    try:
        value: dict[str, object] = orjson.loads(stage.data.settings.read_bytes())
    except FileNotFoundError:
        return {}
    return value


def remembered(stage: Stage) -> list[tuple[str, object]]:
    lines = [line for path in stage.data.spool.glob("room-*.ndjson") for line in path.read_bytes().splitlines()]
    events = [orjson.loads(line) for line in lines]
    return [(event["data"]["key"], event["data"]["new_value"]) for event in events]


def nothing_open(stage: Stage) -> None:
    stage.account(positions={}, orders=[])


async def closed(pilot: Pilot[int]) -> None:
    await wait_until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))


async def test_no_has_the_focus_and_the_opening_key_does_not_confirm(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        for key in ("t", "g", "H", "F", "x", "r", "q"):
            await pilot.press(key)
            await wait_for_question(pilot)
            focused = app.focused
            assert isinstance(focused, Choice)
            assert focused.answer.label in ("no", "stay")
            await pilot.press(key, key)
            assert isinstance(app.screen, Dialog)
            await pilot.press("enter")
            await closed(pilot)
        assert settings(stage) == {}
        assert app.is_running
        assert list(stage.data.control.glob("*.json")) == []


async def test_g_writes_the_guardrails_and_records_the_change(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("g")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "limits about appetite")
        await pilot.press("y")
        await wait_for_text(pilot, "GUARDRAILS OFF")
        await wait_until_idle(pilot)
        assert settings(stage) == {"DISABLE_ORDER_GUARDRAILS": True}
        assert remembered(stage) == [("DISABLE_ORDER_GUARDRAILS", True)]
        await pilot.press("g")
        await wait_for_question(pilot)
        await pilot.press("right", "enter")
        await wait_for_text(pilot, "guardrails on")
        assert settings(stage) == {"DISABLE_ORDER_GUARDRAILS": False}


async def test_halt_and_resume_each_need_one_confirmation(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, f"trading is halted by {person_here()} since 2")
        await wait_until_idle(pilot)
        assert (settings(stage), trading(stage)) == ({}, "halted")
        await pilot.press("H")
        await wait_for_question(pilot)
        await wait_for_text(pilot, f"· trading is halted by {person_here()} since 2")
        await pilot.press("y")
        await wait_until(pilot, lambda: trading(stage) == "active")
    told = [told for told in spooled(stage, "room-*") if told["event_type"] == "trading_state_changed"]
    assert [(told["data"]["new_state"], told["data"]["by"], told["data"]["person"]) for told in told] == [
        ("halted", "room", person_here()),
        ("active", "room", person_here()),
    ]


async def test_a_reason_is_optional_and_its_letters_answer_nothing(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "w say why (optional)")
        await pilot.press("w", *"yrn")
        await pilot.press("escape", "enter")
        await wait_until_idle(pilot)
        assert trading(stage) == "active", "escape drops the reason, and no has the focus again"
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("w", *"try again")
        await wait_for_text(pilot, "try again")
        await pilot.press("enter")
        assert trading(stage) == "active", "the reason alone is no answer"
        await pilot.press("enter")
        await wait_for_text(pilot, f"trading is halted by {person_here()} since 2")
        await wait_for_text(pilot, ": try again")
        await wait_until_idle(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("w", *"over", "tab", "y")
        await wait_until(pilot, lambda: trading(stage) == "active")
    told = [told["data"] for told in spooled(stage, "room-*") if told["event_type"] == "trading_state_changed"]
    assert [each["why"] for each in told] == ["try again", "over"]


async def test_reducing_can_become_halted_and_a_setting_of_before_is_resumed(stage: Stage, make_room: MakeRoom) -> None:
    stage.data.settings.write_text('{"TRADING_STATE": "reducing"}')
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "· ssot/env.json sets TRADING_STATE = reducing")
        await pilot.press("h")
        await wait_for_text(pilot, f"trading is halted by {person_here()} since 2")
        await wait_until_idle(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: trading(stage) == "active")
        assert settings(stage) == {"TRADING_STATE": "active"}
        await wait_until(pilot, lambda: "HALTED" not in screen_text(pilot))
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("r")
        await wait_until(pilot, lambda: trading(stage) == "reducing")


async def test_settings_that_cannot_be_used_prevent_no_halt(stage: Stage, make_room: MakeRoom) -> None:
    stage.data.settings.write_text("{")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, "HALTED")
        await wait_until_idle(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, "Trading is reducing")
        await wait_for_text(pilot, "· the settings: ")
        assert trading(stage) == "reducing"
        assert stage.data.settings.read_text() == "{"


async def test_t_shows_what_each_mode_takes_and_lacks(stage: Stage, make_room: MakeRoom) -> None:
    nothing_open(stage)
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("t")
        await wait_for_question(pilot)
        text = screen_text(pilot)
        assert "The mode is SIMULATION (SIMULATION_MODE is true)." in text
        assert "paper: takes SIMULATION_MODE=false PAPER_MODE=true" in text
        assert "lacks BINANCE_API_KEY and" in text
        assert "3 testnet, enter its keys" in text
        assert "4 live" not in text
        await pilot.press("2")
        await wait_for_text(pilot, "PAPER")
        await wait_until_idle(pilot)
        assert settings(stage) == {"SIMULATION_MODE": False, "PAPER_MODE": True}
        assert remembered(stage) == [("SIMULATION_MODE", False), ("PAPER_MODE", True)]


async def test_t_offers_nothing_while_something_is_open_and_lists_it(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("t")
        await wait_for_question(pilot)
        text = screen_text(pilot)
        assert "Open in simulation:" in text
        assert "· BTCUSDT: 0.00148 held" in text
        assert "2 paper" not in text
        await pilot.press("2", "n")
        await closed(pilot)
        assert settings(stage) == {}


async def test_t_asks_for_a_typed_word_before_live(stage: Stage, make_room: MakeRoom) -> None:
    nothing_open(stage)
    stage.data.settings.write_bytes(orjson.dumps(KEYS))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)

        async def choose_live() -> None:
            await pilot.press("t")
            await wait_for_question(pilot)
            await pilot.press("4")
            await wait_for_text(pilot, f'Type "{LIVE_WORD}" to go on')
            await wait_for_question(pilot)

        for typed in (("y", "enter"), ("r", "e", "escape")):
            await choose_live()
            await pilot.press(*typed)
            await closed(pilot)
            await wait_until_idle(pilot)
            assert settings(stage) == KEYS
        await choose_live()
        await pilot.press("x", "backspace", *("minus" if sign == "-" else sign for sign in LIVE_WORD))
        await wait_until(pilot, lambda: settings(stage) == KEYS | LIVE)


KEYS = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
LIVE = {"SIMULATION_MODE": False, "BINANCE_USE_TESTNET": False, "TRADING_MODE": "live", "LIVE_TRADING_ENABLED": True}


async def test_g_leaves_the_guardrails_on_in_live_mode(stage: Stage, make_room: MakeRoom) -> None:
    nothing_open(stage)
    stage.data.settings.write_bytes(orjson.dumps(LIVE))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("g")
        await wait_for_question(pilot)
        assert "The guardrails stay on" in screen_text(pilot)
        await pilot.press("y", "enter")
        await closed(pilot)
        assert settings(stage) == LIVE


async def test_a_position_opened_during_the_question_prevents_the_change(stage: Stage, make_room: MakeRoom) -> None:
    nothing_open(stage)
    stage.data.settings.write_bytes(orjson.dumps(LIVE))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("t")
        await wait_for_question(pilot)
        stage.account()
        await pilot.press("2")
        await wait_for_text(pilot, "Cannot change the mode from live to paper now")
        assert settings(stage) == LIVE


async def test_g_says_that_turning_the_guardrails_on_means_live(stage: Stage, make_room: MakeRoom) -> None:
    nothing_open(stage)
    stage.data.settings.write_bytes(orjson.dumps(LIVE | {"DISABLE_ORDER_GUARDRAILS": True, **KEYS}))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("g")
        await wait_for_question(pilot)
        text = screen_text(pilot)
        assert "Orders will go to Binance, with REAL MONEY" in text
        assert "After: LIVE" in text
        await pilot.press("y")
        await wait_for_text(pilot, f'Type "{LIVE_WORD}" to go on')


async def test_keys_of_settings_held_by_the_environment_are_grayed_and_say_so(
    stage: Stage, make_room: MakeRoom
) -> None:
    held = {
        "g": ("DISABLE_ORDER_GUARDRAILS", "true"),
        "H": ("TRADING_STATE", "halted"),
    }
    app = make_room(stage.data, dict(held.values()))
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        for key, (name, value) in held.items():
            assert not app.room.active_bindings[key].enabled
            await pilot.press(key, "y")
            await wait_until(pilot, lambda: bool(toasts(app)))
            assert f"The environment sets {name} = {value}" in toasts(app)[0]
            app.clear_notifications()
            await wait_until_idle(pilot)
        assert settings(stage) == {}


async def test_the_environment_prevents_no_halt(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data, {"TRADING_STATE": "active"})
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        assert app.room.active_bindings["H"].enabled
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: trading(stage) == "halted")


async def test_start_and_stop_are_grayed_where_nothing_would_change(stage: Stage, make_room: MakeRoom) -> None:
    write_desired_state(stage.data, "feeder", "stopped", "cli")
    stage.data.lock_of("feeder").write_bytes(b"")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("1", "home")
        await wait_until(pilot, lambda: app.room.selected_service == "exchange")
        enabled = {key: app.room.active_bindings[key].enabled for key in "sxr"}
        assert enabled == {"s": False, "x": True, "r": True}
        await pilot.press("s")
        await wait_for_text(pilot, "exchange is already running")
        await pilot.press("down", "down")
        await wait_until(pilot, lambda: app.room.selected_service == "feeder")
        enabled = {key: app.room.active_bindings[key].enabled for key in "sxr"}
        assert enabled == {"s": True, "x": False, "r": True}
        await pilot.press("x")
        await wait_for_text(pilot, "feeder is already stopped")
        # Services that run without a supervisor get one from s.
        stage.data.lock_of("supervisor").write_bytes(b"")
        state_of(app).refresh_lock_holders()
        await pilot.press("home")
        await wait_until(pilot, lambda: app.room.selected_service == "exchange")
        assert app.room.active_bindings["s"].enabled


async def test_an_invalid_settings_file_is_left_alone(stage: Stage, make_room: MakeRoom) -> None:
    stage.data.settings.write_text("{ my notes")
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("g")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, "The setting was not changed")
        assert "is not valid JSON" in screen_text(pilot)
        assert stage.data.settings.read_text() == "{ my notes"


async def test_b_writes_a_bundle_and_copies_its_path(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(200, 50), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("b")
        await wait_until(pilot, lambda: bool(app.clipboard))
        path = Path(app.clipboard)
        assert path.parent == stage.data.root
        assert orjson.loads(path.read_bytes())["configuration"]["effective_mode"] == "simulation"
        await wait_for_text(pilot, path.name)


async def test_a_full_disk_is_reported(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("cq_tui.ops.bundle.write_document", refuse)
    app = RoomApp(stage.data, supervise=False, environment={})
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("b")
        await wait_for_text(pilot, "No space left on device")
        assert app.is_running


async def test_service_keys_show_the_service_they_act_on(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        for key, words in {"x": "Stop exchange?", "r": "Restart exchange?"}.items():
            await pilot.press("2", key)
            await wait_for_text(pilot, words)
            assert app.room.active is app.room.panes[0]
            await pilot.press("n")
            await closed(pilot)

"""``S``: the settings with origin, type and range; a change shows what follows before it is written."""

import orjson
import pytest

from cq_tui.contracts.settings import SETTING_KEYS, Settings
from cq_tui.ops.setting_table import judge_value, read_value, setting_rows
from cq_tui.room.screens.form import FormDialog
from cq_tui.room.screens.settings import SettingsScreen
from cq_tui.store.settings_file import LoadedSettings, SettingsError
from tests.room.conftest import (
    MakeRoom,
    find_in_palette,
    screen_text,
    toasts,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_idle,
    wait_until_loaded,
)
from tests.room.stage import Stage

SIZE = (120, 35)


def settings(stage: Stage) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(stage.data.settings.read_bytes()) if stage.data.settings.exists() else {}
    return found


def test_every_setting_has_type_and_meaning() -> None:
    rows = {row.key: row for row in setting_rows(LoadedSettings(Settings()))}
    assert set(rows) == set(SETTING_KEYS) - {"STRATEGIES"}
    assert all(row.kind and row.meaning for row in rows.values())
    assert (rows["TRADER_MAX_POSITIONS"].value, rows["TRADER_MAX_POSITIONS"].kind) == ("5", "integer ≥ 0, ≤ 1,000")


def test_a_secret_is_never_shown() -> None:
    loaded = LoadedSettings(Settings.model_validate({"BINANCE_API_KEY": "hidden-away"}))
    assert "hidden-away" not in str(setting_rows(loaded))
    assert next(row.value for row in setting_rows(loaded) if row.key == "BINANCE_API_KEY") == "set"


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [("TRADER_MAX_POSITIONS", "many", "TRADER_MAX_POSITIONS"), ("TRADER_MAX_EXPOSURE", "2", "less than or equal to 1"),
     ("LOG_LEVEL", "LOUD", "LOG_LEVEL"), ("SYMBOLS", "btc", "capital letters")],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(key: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        judge_value(LoadedSettings(Settings()), key, text)


def test_what_follows_is_said() -> None:
    assert judge_value(LoadedSettings(Settings()), "LOG_LEVEL", "DEBUG") == ""
    assert judge_value(LoadedSettings(Settings()), "SIMULATION_MODE", "false").startswith("The mode changes from sim")
    assert read_value("TRADER_MAX_ORDER_NOTIONAL", "") is None


async def test_a_setting_is_changed_after_its_diff(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("S")
        await wait_for_text(pilot, "TRADER_MAX_POSITIONS")
        await pilot.press("slash", *"max_positions", "enter")
        await wait_for_text(pilot, "Maximum number of open positions")
        await pilot.press("enter")
        await wait_for_text(pilot, "Change TRADER_MAX_POSITIONS?")
        await wait_for_question(pilot)
        await pilot.press("ctrl+u", *"x")
        await wait_for_text(pilot, "TRADER_MAX_POSITIONS is 'x'")
        await pilot.press("enter", "enter")
        assert isinstance(app.screen, FormDialog), "what cannot be is not written"
        await pilot.press("backspace", *"7")
        await wait_for_text(pilot, "TRADER_MAX_POSITIONS: 5 → 7")
        await pilot.press("enter", "y")
        await wait_until(pilot, lambda: "TRADER_MAX_POSITIONS is now 7" in toasts(app))
        assert settings(stage) == {"TRADER_MAX_POSITIONS": 7}
        assert isinstance(app.screen, SettingsScreen)
        await wait_for_text(pilot, "file")
        await pilot.press("slash", *["backspace"] * 20, "enter", "c")
        screen = app.screen
        await wait_until(pilot, lambda: list(screen.table.rows) == ["TRADER_MAX_POSITIONS"])


async def test_a_strategy_is_turned_off(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("S", "slash", *"trend enabled", "enter")
        await wait_for_text(pilot, "STRATEGIES.trend_multi_tf.enabled")
        await pilot.press("enter")
        await wait_for_text(pilot, "Change STRATEGIES.trend_multi_tf.enabled?")
        await wait_for_question(pilot)
        await pilot.press("ctrl+u", *"false", "enter", "y")
        await wait_until(pilot, lambda: settings(stage) == {"STRATEGIES": {"trend_multi_tf": {"enabled": False}}})


async def test_the_testnet_s_keys_are_typed_hidden_and_change_the_mode(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(positions={}, orders=[])
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "held 0 of 5")
        await pilot.press("t")
        await wait_for_text(pilot, "testnet, enter its keys")
        await wait_for_question(pilot)
        await pilot.press("3")
        await wait_for_text(pilot, "The keys of your testnet account")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "Still missing: API key and secret.")
        await pilot.press(*"abc", "enter", *"file", "colon", *"def", "enter")
        assert "abc" not in screen_text(pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: "BINANCE_API_KEY" in settings(stage))
        assert settings(stage) == {
            "BINANCE_API_KEY": "abc", "BINANCE_API_SECRET": "file:def", "SIMULATION_MODE": False,
        }  # fmt: skip
        assert stage.data.settings.stat().st_mode & 0o77 == 0


async def test_a_setting_that_leads_to_live_takes_a_typed_word_however_it_is_written(
    stage: Stage, make_room: MakeRoom
) -> None:
    stage.account(positions={}, orders=[])
    # All that live takes but the end of the simulation; "no" is false, and yet a text.
    nearly = {
        "BINANCE_USE_TESTNET": "false", "TRADING_MODE": "live", "LIVE_TRADING_ENABLED": "true",
        "BINANCE_API_KEY": "a", "BINANCE_API_SECRET": "b",
    }  # fmt: skip
    app = make_room(stage.data, nearly)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "held 0 of 5")
        await pilot.press("colon", *"set simulation_mode")
        await find_in_palette(pilot, "Set SIMULATION_MODE")
        await pilot.press("enter")
        await wait_for_text(pilot, "Change SIMULATION_MODE?")
        await wait_for_question(pilot)
        await pilot.press("ctrl+u", *"no")
        await wait_for_text(pilot, "The mode changes from simulation to live.")
        await pilot.press("enter", "y")
        await wait_for_text(pilot, "REAL MONEY from now on")
        await wait_for_question(pilot)
        await pilot.press("escape")
        await wait_until_idle(pilot)
        assert settings(stage) == {}


@pytest.mark.parametrize(
    ("key", "value", "takes_word"), [("TRADING_STATE", "halted", False), ("LOG_LEVEL", "DEBUG", True)]
)
async def test_in_live_a_change_takes_the_word_unless_it_stops(
    stage: Stage, make_room: MakeRoom, key: str, value: str, takes_word: bool
) -> None:
    live = {
        "SIMULATION_MODE": "false", "BINANCE_USE_TESTNET": "false", "TRADING_MODE": "live",
        "LIVE_TRADING_ENABLED": "true", "BINANCE_API_KEY": "a", "BINANCE_API_SECRET": "b",
    }  # fmt: skip
    app = make_room(stage.data, live)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("colon", *f"set {key.lower()}")
        await find_in_palette(pilot, f"Set {key}")
        await pilot.press("enter")
        await wait_for_text(pilot, f"Change {key}?")
        await wait_for_question(pilot)
        await pilot.press("ctrl+u", *value)
        await wait_for_text(pilot, f"→ {value}")
        await pilot.press("enter", "y")
        if takes_word:
            await wait_for_text(pilot, "REAL MONEY from now on")
            await wait_for_question(pilot)
            await pilot.press(*"real-money")
        await wait_until(pilot, lambda: stage.data.settings.exists() and settings(stage) == {key: value})


async def test_a_room_that_only_views_shows_them_and_changes_none(stage: Stage) -> None:
    from cq_tui.room.app import RoomApp
    from cq_tui.room.controls import OPENED_TO_VIEW
    from tests.room.stage import NOW, staged_holder

    app = RoomApp(
        stage.data, environment={}, now=lambda: NOW, find_holder=staged_holder, view_only=OPENED_TO_VIEW, terminal={}
    )
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("S")
        await wait_for_text(pilot, "TRADER_MAX_POSITIONS")
        await pilot.press("enter")
        await wait_until(pilot, lambda: any("View only" in toast for toast in toasts(app)))
        assert isinstance(app.screen, SettingsScreen)

"""The room in use: panes, keys, filter, zoom, freeze, sizes, and bad files of every kind."""

import os

import orjson
import pytest
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Input

from cq_tui.contracts.health import FeederHealth
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.ops.formatting import Alert
from cq_tui.ops.money_line import money_figures
from cq_tui.room.app import RoomApp
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.keys import APP_BINDINGS, FOOTER_BINDINGS, HIDDEN_BINDINGS, PANE_NAMES
from cq_tui.room.messages import StateChanged
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.help import Help
from cq_tui.room.screens.history import HistoryScreen
from cq_tui.room.screens.logs import Logs
from cq_tui.room.screens.palette import Palette
from cq_tui.room.state import RoomState
from cq_tui.room.widgets.line_table import LineTable
from cq_tui.store.document import write_document
from tests.room.conftest import (
    MakeRoom,
    find_in_palette,
    screen_text,
    state_of,
    wait_for_clipboard,
    wait_for_text,
    wait_until,
    wait_until_loaded,
)
from tests.room.stage import NOW, Stage, staged_holder
from tests.room.test_state import FILES, SPOILS

SMALL, LARGE = (80, 24), (160, 45)


async def test_all_panes_show_the_files(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "67,412.10")
        text = screen_text(pilot)
        for words in (
            "SIMULATION", "guardrails on", "all services ok", "history intact · complete to 11, 2 not anchored yet",
            "equity 10,042.18 USDT", "+0.42 %",
            "14:22:07 UTC", "all services ok", "14 symbols", "trader · 8 sent · 6 fills · 2 positions", "DOGEUSDT",
            "NOTIONAL (-1013)", "└ target", "works", "○ nothing held", "balance too smal", "config_changed",
        ):  # fmt: skip
            assert words in text, words


async def test_a_changed_file_changes_only_its_pane(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        stage.tickers(prices={"BTCUSDT": 70123.45})
        await wait_for_text(pilot, "70,123.45")
        stage.account(equity=9000.0)
        await wait_for_text(pilot, "equity 9,000.00")
        stage.history([(1.0, "signal_generated", "ares", stage.signal("NEARUSDT", "BUY", 5.1, 5.0, 5.4, 0.9, "s", 1))])
        await wait_for_text(pilot, "NEARUSDT")
        await wait_for_text(pilot, "no outcome yet")


async def test_any_size_works(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(20, 5)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("3", "down", "z", "z", "slash", "b", "escape")
        for width, height in ((1, 1), (59, 14), (60, 15), SMALL, (100, 50), (118, 34), (200, 55), (20, 5)):
            await pilot.resize_terminal(width, height)
            if width > 10:
                await wait_for_text(pilot, "SIMULATION")


async def test_sizes_may_change_while_it_runs(stage: Stage, make_room: MakeRoom) -> None:
    stage.data.settings.write_text('{"TRADING_STATE": "halted"}')
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.resize_terminal(40, 8)
        await wait_for_text(pilot, "trading is halted")
        await pilot.resize_terminal(*SMALL)
        await wait_for_text(pilot, "6 memory")
        await pilot.resize_terminal(*LARGE)
        await wait_for_text(pilot, "config_changed")


async def test_small_terminals_open_one_pane_at_a_time(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "67,412.10")
        expected = {"1": "restarts", "3": "○ nothing held", "4": "└ target", "5": "next probe", "6": "backlog"}
        for key, words in expected.items():
            await pilot.press(key)
            await wait_for_text(pilot, words)
            text = screen_text(pilot)
            assert all(f"{number} {name}" in text for number, name in enumerate(PANE_NAMES, 1))
            assert "67,412.10  " not in text or key == "4"
        await pilot.press("8", "tab")
        await wait_until(pilot, lambda: app.room.active is app.room.panes[0])
        await pilot.press("shift+tab")
        await wait_until(pilot, lambda: app.room.active is app.room.panes[-1])
        await wait_until(pilot, lambda: app.focused is app.room.panes[-1].focus_target)


async def test_a_filter_survives_new_data_and_another_pane(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("slash", *"btc", "enter")
        await wait_for_text(pilot, "filter: btc")
        assert "ETHUSDT" not in screen_text(pilot)
        await pilot.press("1", "2")
        stage.tickers(prices={"ETHUSDT": 1.0, "BTCUSDT": 2.0})
        await wait_for_text(pilot, " 2.00 ")
        assert "ETHUSDT" not in screen_text(pilot)
        await pilot.press("escape")
        await wait_for_text(pilot, "ETHUSDT")
        await pilot.press("slash", *"zzz")
        await wait_for_text(pilot, "No symbol matches the filter.")
        await pilot.press("escape")
        await wait_for_text(pilot, "ETHUSDT")
        assert not isinstance(app.focused, Input)


async def test_letters_in_a_filter_are_not_commands(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("slash", *"qtgx1")
        await wait_until(pilot, lambda: app.room.active.filter_text == "qtgx1")
        assert app.screen is app.room


async def test_zoom_shows_one_pane_alone(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("3", "z")
        await wait_for_text(pilot, "68,055.00")
        assert "last 60 s" not in screen_text(pilot)
        await pilot.press("escape")
        await wait_for_text(pilot, "last 60 s")


async def test_a_frozen_display_does_not_change_and_says_so(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("p")
        await wait_for_text(pilot, "FROZEN 14:22:07 · p resumes")
        await wait_until(pilot, lambda: app._watcher is not None and app._watcher.frozen)
        stage.tickers(prices={"BTCUSDT": 70123.45})
        await pilot.pause(0.2)
        assert "67,412.10" in screen_text(pilot)
        assert state_of(app).tickers["BTCUSDT"].price == 67412.10
        await pilot.press("p")
        await wait_for_text(pilot, "70,123.45")
        assert "FROZEN" not in screen_text(pilot)


def test_a_change_that_rounds_to_zero_has_no_color(stage: Stage) -> None:
    stage.account(equity=9999.9)
    state = RoomState(stage.data, {}, staged_holder)
    state.poll_files()
    assert state.account is not None
    figures = money_figures(state.account, state.tickers, 5, fees=None, old=None)
    assert [(figure.text, figure.level) for figure in figures[:2]] == [("9,999.90 USDT", ""), ("0.00 %", "idle")]


@pytest.mark.parametrize("spoil", ["missing", "half", "huge", "wrong types", "folder"])
async def test_bad_files_are_reported_and_the_rest_keeps_working(stage: Stage, make_room: MakeRoom, spoil: str) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        for name in FILES:
            if spoil == "folder":
                (stage.data.root / name).unlink(missing_ok=True)
            SPOILS[spoil](stage.data.root / name)
        if spoil == "missing":
            await wait_for_text(pilot, "all services missing")
        else:
            await wait_for_text(pilot, "unreadable")
            assert "env.json" in screen_text(pilot)
        if spoil != "folder":
            stage.healthy()
            await wait_for_text(pilot, "all services ok")


async def test_text_from_outside_is_only_text(stage: Stage, make_room: MakeRoom) -> None:
    hostile = ["[red]", "\x1b[2J", "a[/]b", "日本語", "[@click=app.quit]x", "\u202eabc"]
    ticker = Ticker(1.0, 0.0, 0.9, 1.1, 5.0, NOW + 900, 2)
    write_document(stage.data.tickers, tickers_to_bytes(NOW, dict.fromkeys(hostile, ticker)))
    feeder = {"service": "feeder", "status": "error", "reason": "[b]\x1b]0;x\x07", "last_update_ts": NOW}
    more = {"updated_within_sec": 0, "symbols": hostile, "ws_connected": False, "rest_api_ok": False}
    health = FeederHealth.model_validate(feeder | more | {"symbols_count": 6, "last_symbol_update": NOW + 1e6})
    stage.health(health)
    event = {"symbol": "[red]", "side": "[blink]", "reason": "\x1b[31m[/]", "entry_price": 1, "strategy": "[b]"}
    with stage.data.events.open("ab") as file:
        for kind in ("signal_generated", "order_rejected", "[blink]\x1b"):
            line = {"event_id": f"[{kind}]", "timestamp": NOW, "event_type": kind, "source": "[i]\x07", "data": event}
            file.write(orjson.dumps(line) + b"\n")
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "[red]")
        text = screen_text(pilot)
        assert "\x1b" not in text
        assert "␛[2J" in text
        assert "[@click" in text
        assert "ahead" in text
        for pane in "123456":
            await pilot.press(pane, "enter", *([] if pane == "6" else ["enter"]))
            await wait_until(pilot, lambda: isinstance(app.screen, (Detail, HistoryScreen)))
            assert "\x1b" not in screen_text(pilot)
            await pilot.press("escape", "escape")
            await wait_until(pilot, lambda: app.screen is app.room)
        await pilot.press("2", "slash", *"[red]", "enter")
        await wait_for_text(pilot, "filter: [red]")


async def test_enter_shows_a_row_s_details(stage: Stage, make_room: MakeRoom) -> None:
    expected = {
        "1": "desired running", "2": "protection", "3": "reward / risk", "4": "client order id", "5": "next probe",
    }  # fmt: skip
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        for pane, words in expected.items():
            await pilot.press(pane, "enter")
            await wait_until(pilot, lambda: isinstance(app.screen, Detail))
            await pilot.press("c")
            await wait_for_clipboard(pilot, words)
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is app.room)


async def test_a_long_value_is_wrapped_under_itself(stage: Stage, make_room: MakeRoom) -> None:
    reason = " ".join(["long_story"] * 12)
    stage.health(stage.trader(status="degraded", reason=reason))
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("1", "end", "enter")
        await wait_for_text(pilot, "helpful key")
        await wait_until(pilot, lambda: screen_text(pilot).count("long_story") == 12)
        lines = [line for line in screen_text(pilot).splitlines() if "story" in line]
        lines = [line for line in lines if "long_story" in line and not line.startswith(" equity")]
        assert len(lines) > 2
        column = lines[0].index("▲")
        assert all(len(line) - len(line.lstrip("│ ")) == column for line in lines[1:])


async def test_logs_are_followed_filtered_and_sanitized(stage: Stage, make_room: MakeRoom) -> None:
    stage.log("trader", [{"ts": NOW, "level": "warning", "event": "order \x1b[31m refused", "code": -2010}])
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("4", "l")
        await wait_until(pilot, lambda: isinstance(app.screen, Logs))
        await wait_for_text(pilot, "order ␛[31m refused  code=-2010")
        stage.log("trader", [{"ts": NOW, "level": "info", "event": f"line {number}"} for number in range(300)])
        await wait_for_text(pilot, "line 299")
        await pilot.press("up", "up")
        await wait_for_text(pilot, "paused")
        stage.log("trader", [{"ts": NOW, "level": "info", "event": "later"}])
        await wait_until(pilot, lambda: app.screen.query_one("LineTable").virtual_size.height == 302)
        assert "later" not in screen_text(pilot)
        await pilot.press("f")
        await wait_for_text(pilot, "later")
        await pilot.press("slash", *"refused", "enter")
        await wait_for_text(pilot, "filter: refused")
        await wait_for_text(pilot, "code=-2010")
        assert "later" not in screen_text(pilot)
        await pilot.press("left")
        await wait_for_text(pilot, "logs/ares.log is empty")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.room)


async def test_a_log_that_becomes_something_else_is_named_in_the_title_until_it_is_a_log_again(
    stage: Stage, make_room: MakeRoom
) -> None:
    stage.log("trader", [{"ts": NOW, "level": "info", "event": "before"}])
    path = stage.data.log_of("trader")
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("4", "l")
        await wait_for_text(pilot, "before")
        path.unlink()
        os.mkfifo(path)
        await wait_for_text(pilot, "✖ logs/trader.log: is a pipe. Move it away")
        assert "before" in screen_text(pilot)
        path.unlink()
        path.write_bytes(b"x" * 4_300_000 + b"\n")
        stage.log("trader", [{"ts": NOW, "level": "info", "event": "after"}])
        await wait_for_text(pilot, "after")
        assert "… 4.3 MB cut · xxx" in screen_text(pilot)
        assert "Move it away" not in screen_text(pilot)
        assert "following" in screen_text(pilot)


async def test_help_is_written_from_the_bindings(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        app.set_keymap({"room.testnet": "f9"})
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: isinstance(app.screen, Help))
        text = screen_text(pilot)
        missing = [one.id for one in (*FOOTER_BINDINGS, *HIDDEN_BINDINGS, *APP_BINDINGS) if one.tooltip not in text]
        assert not missing
        assert "f9  Change the mode" in text
        assert "enter  Show the selected row's details" in text
        assert "^p  Open the command palette" in text
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.room)


def test_every_key_has_an_id_and_a_tooltip() -> None:
    for screen in (type(RoomApp.BINDINGS), Logs, Help, Detail, HistoryScreen):
        for binding in getattr(screen, "BINDINGS", ()):
            assert binding.id
            assert binding.tooltip
    ids = [binding.id for binding in (*FOOTER_BINDINGS, *HIDDEN_BINDINGS, *APP_BINDINGS)]
    assert len(set(ids)) == len(ids)


async def test_the_palette_lists_every_key(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SMALL) as pilot:
        await wait_until_loaded(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert {binding.description.capitalize() for binding in FOOTER_BINDINGS} <= set(titles)
        assert titles.count("Quit") == 1
        for title in ("Close BTCUSDT", "Release DOGEUSDT", "Restart feeder", "Set TRADER_MAX_POSITIONS", "Go to orders",
                      "Show NEARUSDT", "Strategy trend_multi_tf on or off", "Theme room-contrast"):  # fmt: skip
            assert titles.count(title) == 1, title
        assert not {"Maximize", "Keys", "Screenshot"} & set(titles)


async def test_the_palette_acts_on_an_object(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("colon")
        await wait_until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press(*"close btc")
        await find_in_palette(pilot, "Close BTCUSDT")
        await pilot.press("enter")
        await wait_for_text(pilot, "Close BTCUSDT?")
        await pilot.press("escape", "2", "slash", *"24:>2", "enter")
        await wait_until(pilot, lambda: app.room.active.filter_text == "24:>2")


async def test_an_empty_directory_says_what_it_waits_for(make_room: MakeRoom, stage: Stage) -> None:
    app = make_room(type(stage.data)(stage.data.root / "nowhere"))
    async with app.run_test(size=LARGE) as pilot:
        await wait_until_loaded(pilot)
        shown = (
            "all services stopped",
            "Waiting for market/tickers.json",
            "Waiting for the trader",
            "no report yet",
        )
        for words in shown:
            await wait_for_text(pilot, words)
        Stage(stage.data.root / "nowhere").write_all()
        await wait_for_text(pilot, "all services ok")


async def test_a_notice_is_shown_once_the_room_is_open(stage: Stage) -> None:
    app = RoomApp(stage.data, supervise=False, environment={}, notice="the folder [was] open")
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await wait_for_text(pilot, "the folder [was] open")


async def test_a_screen_without_its_widgets_takes_messages(stage: Stage, make_room: MakeRoom) -> None:
    """A resize or a change may come before they are mounted, or while the room closes."""
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        room, panes = app.room, app.room.panes
        await room.query("*").remove()
        assert not list(room.query("*"))
        room.post_message(Resize(Size(160, 45), Size(160, 45)))
        room.post_message(StateChanged(Changes(set(Topic))))
        room.post_message(LineTable.Selected(panes[0].table, "feeder"))
        room.action_freeze()
        room.show_changes(Changes(set(Topic)))
        app._show_alert("watch", Alert("look", "something"))
        await pilot.pause()
        assert app.is_running

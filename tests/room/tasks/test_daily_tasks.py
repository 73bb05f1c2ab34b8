"""Each daily task in at most four keys, besides typed text and moving between rows."""

from typing import Any

import orjson
from textual.pilot import Pilot

from cq_tui.room.screens.detail import Detail
from tests.cli.fake_service import service_that_answers
from tests.room.conftest import (
    MakeRoom,
    find_in_palette,
    screen_text,
    state_of,
    toasts,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_loaded,
)
from tests.room.stage import NOW, Stage

SIZE = (120, 35)


class Hands:
    """Counts the keys that are pressed; typed text and moves between rows or fields are free."""

    def __init__(self, pilot: Pilot[int]) -> None:
        self._pilot = pilot
        self.keys = 0

    async def press(self, *keys: str) -> None:
        self.keys += len(keys)
        assert self.keys <= 4, "a daily task takes at most four keys"
        await self._pilot.press(*keys)

    async def move(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self._pilot.press(*("space" if one == " " else one for one in text))


def settings(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(stage.data.settings.read_bytes())
    return found


async def test_guardrails_off_and_on(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("g")
        await wait_for_question(pilot)
        await hands.press("y")
        await wait_for_text(pilot, "GUARDRAILS OFF")
        await hands.press("g")
        await wait_for_question(pilot)
        await hands.press("y")
        await wait_for_text(pilot, "guardrails on")


async def test_export_a_bundle(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await Hands(pilot).press("b")
        await wait_until(pilot, lambda: any("Debug bundle written" in toast for toast in toasts(app)))


async def test_a_position_s_profit(stage: Stage, make_room: MakeRoom) -> None:
    for size in ((80, 24), SIZE):
        app = make_room(stage.data)
        async with app.run_test(size=size) as pilot:
            await wait_until_loaded(pilot)
            await Hands(pilot).press("7")
            await wait_for_text(pilot, "+0.42 %")


async def test_close_it_and_stop_everything(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "held 1 of 5")
        with service_that_answers(stage.data, "trader", lambda _: ("done", "", [])) as asked:
            close = Hands(pilot)
            await close.press("c")
            await wait_for_question(pilot)
            await close.press("y")
            await wait_until(pilot, lambda: len(asked) == 1)
            everything = Hands(pilot)
            await everything.press("F")
            await wait_for_question(pilot)
            await everything.press("y")
            await wait_until(pilot, lambda: len(asked) == 2)
        assert [(one.command, one.target) for one in asked] == [("close", "BTCUSDT"), ("flatten", None)]
        assert stage.data.stop_of("halted").exists()


async def test_the_log_line_of_an_error(stage: Stage, make_room: MakeRoom) -> None:
    stage.log("ares", [{"ts": NOW, "level": "error", "event": "strategy raised"}])
    stage.log("trader", [{"ts": NOW, "level": "info", "event": "all is well"}])
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("l", "0", "e")
        await wait_for_text(pilot, "strategy raised")
        assert "all is well" not in screen_text(pilot)


async def test_change_a_setting(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("colon")
        await hands.type("set log_level")
        await find_in_palette(pilot, "Set LOG_LEVEL")
        await hands.press("enter")
        await wait_for_question(pilot)
        await pilot.press("ctrl+u")
        await hands.type("DEBUG")
        await hands.press("enter", "y")
        await wait_until(pilot, lambda: stage.data.settings.exists() and settings(stage) == {"LOG_LEVEL": "DEBUG"})


async def test_release_a_symbol(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "DOGEUSDT")
        with service_that_answers(stage.data, "trader", lambda _: ("done", "")) as asked:
            hands = Hands(pilot)
            await hands.press("u")
            await wait_for_question(pilot)
            await hands.press("y")
            await wait_until(pilot, lambda: len(asked) == 1)
        assert (asked[0].command, asked[0].target) == ("release", "DOGEUSDT")


async def test_yesterday_s_trades(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("T")
        await wait_for_text(pilot, "2026-08-01 UTC, today")
        await hands.press("left")
        await wait_for_text(pilot, "2026-07-31 UTC, yesterday")
        await wait_until(pilot, lambda: "Reading the books" not in screen_text(pilot))


async def test_testnet_with_keys(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(positions={}, orders=[])
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "held 0 of 5")
        hands = Hands(pilot)
        await hands.press("t")
        await wait_for_question(pilot)
        await hands.press("3")
        await wait_for_text(pilot, "The keys of your testnet account")
        await wait_for_question(pilot)
        await hands.type("one")
        await hands.move("down")
        await hands.type("two")
        await hands.press("enter", "y")
        await wait_until(pilot, lambda: stage.data.settings.exists() and "BINANCE_API_SECRET" in settings(stage))


async def test_copy_an_order_id(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ADAUSDT")
        hands = Hands(pilot)
        await hands.press("4")
        await hands.move("down")
        await hands.press("y")
        await wait_until(pilot, lambda: app.clipboard == "cq-btc-stop")


async def test_compare_two_symbols(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ETHUSDT")
        hands = Hands(pilot)
        await hands.press("space")
        await hands.move("down", "down")
        await hands.press("space", "8", "z")
        await wait_for_text(pilot, "BTCUSDT and BNBUSDT · bars of 5 s")
        lines = screen_text(pilot).splitlines()
        assert any("BTCUSDT" in line and "BNBUSDT" in line and "and" not in line for line in lines)
        assert any("67,412.10" in line for line in lines)
        assert any("612.4" in line for line in lines)


async def test_follow_one(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ETHUSDT")
        hands = Hands(pilot)
        await hands.move("down")
        await hands.press("equals_sign")
        await wait_until(pilot, lambda: list(app.room.panes[1].table.rows) == ["ETHUSDT"])
        assert "only ETHUSDT" in screen_text(pilot)


async def test_are_data_fresh_and_help(stage: Stage, make_room: MakeRoom) -> None:
    stage.tickers(ages={"SOLUSDT": 30.0})
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "14 symbols · 1 stale")
        assert "✖ stale" in screen_text(pilot)
        hands = Hands(pilot)
        await hands.press("question_mark")
        await wait_for_text(pilot, "keys and icons")


async def test_leave_and_come_back(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("q")
        await wait_for_question(pilot)
        await hands.press("d")
        await wait_until(pilot, lambda: app._exit)
    again = make_room(stage.data)
    async with again.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "14:22:01  BTCUSDT")
        assert state_of(again).account is not None


async def test_an_order_s_whole_life(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        hands = Hands(pilot)
        await hands.press("4", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, Detail))
        await wait_for_text(pilot, "its life")

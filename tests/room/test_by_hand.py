"""``u`` releases, ``L`` locks, ``n`` enters, ``A`` accepts, ``c`` cancels what waits: asked first, in full."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from textual.pilot import Pilot

from cq_tui.contracts.account import QuarantineState, WaitingEntryState
from cq_tui.contracts.commands import Command
from cq_tui.contracts.outside_signals import OutsideOutcome
from cq_tui.room.screens.dialog import Dialog
from cq_tui.room.screens.form import FormDialog
from cq_tui.store.lock import ProcessLock
from cq_tui.store.outside_signals import SignalInbox
from tests.cli.fake_service import service_that_answers
from tests.room.conftest import (
    MakeRoom,
    screen_text,
    toasts,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_idle,
    wait_until_loaded,
)
from tests.room.stage import NOW, Stage

SIZE = (120, 35)


@contextmanager
def answering(stage: Stage, service: str, message: str = "") -> Iterator[list[Command]]:
    with service_that_answers(stage.data, service, lambda _: ("done", message)) as asked:
        yield asked


async def form(pilot: Pilot[int]) -> FormDialog:
    question = await wait_for_question(pilot)
    assert isinstance(question, FormDialog)
    return question


async def test_u_releases_the_selected_symbol_for_a_reason(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "DOGEUSDT")
        with answering(stage, "trader", "DOGEUSDT released") as asked:
            await pilot.press("5", "u")
            await wait_for_text(pilot, "Release DOGEUSDT?")
            text = screen_text(pilot)
            assert "3 failures" in text
            assert "Filter failure: NOTIONAL" in text
            assert "Open now: BTCUSDT 0.00148, +0.42 USDT" in text
            await wait_for_question(pilot)
            await pilot.press("u", "enter")
            await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
            assert asked == [], "no has the focus"
            await pilot.press("u")
            await wait_for_question(pilot)
            await pilot.press("w", "o", "k", "enter", "enter")
            await wait_until(pilot, lambda: "DOGEUSDT released" in toasts(app))
        assert [(one.command, one.target, one.arguments) for one in asked] == [("release", "DOGEUSDT", {"why": "ok"})]


async def test_u_asks_which_of_several_and_resumes_what_was_flattened(stage: Stage, make_room: MakeRoom) -> None:
    paused = QuarantineState(symbol="trend_multi_tf", reason="3 stops", failures=3, since=NOW - 9, until=NOW + 9)
    stage.account(locks={"SOLUSDT": "by kim: news"}, quarantined_strategies={"trend_multi_tf": paused})
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "SOLUSDT")
        with answering(stage, "trader") as asked:
            await pilot.press("u")
            await wait_for_text(pilot, "Which one do you want to release?")
            await wait_for_question(pilot)
            await pilot.press("3")
            await wait_for_text(pilot, "Locked: by kim: news")
            await wait_for_question(pilot)
            await pilot.press("y")
            await wait_until(pilot, lambda: len(asked) == 1)
        assert [(one.command, one.target) for one in asked] == [("resume", "SOLUSDT")]


async def test_nothing_to_release_is_said(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(quarantine={})
    stage.health(stage.trader(quarantined_symbols=[]))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "5 quarantine · none")
        await pilot.press("u")
        await wait_until(pilot, lambda: "Nothing is quarantined or locked" in toasts(app))


async def test_l_locks_a_symbol_until_a_time_and_says_what_is_missing(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "ETHUSDT")
        with answering(stage, "trader", "ETHUSDT opens nothing") as asked:
            await pilot.press("down", "L")
            await form(pilot)
            await wait_for_text(pilot, "A reason is needed")
            await pilot.press("down", *"soon", "down", *"fed")
            await wait_for_text(pilot, "is not a time")
            await pilot.press("enter", "enter")
            assert isinstance(app.screen, FormDialog), "what is wrong is not sent"
            await pilot.press("up", *["backspace"] * 4, *"30m")
            await wait_for_text(pilot, "ETHUSDT opens nothing until")
            await pilot.press("enter", "enter", "y")
            await wait_until(pilot, lambda: "ETHUSDT opens nothing" in toasts(app))
        [command] = asked
        assert (command.command, command.target, command.arguments["why"]) == ("quarantine", "ETHUSDT", "fed")
        assert float(command.arguments["until"]) == pytest.approx(time.time() + 1800, abs=60)


async def test_c_cancels_an_entry_that_waits(stage: Stage, make_room: MakeRoom) -> None:
    waiting = WaitingEntryState(
        symbol="ETHUSDT", strategy="manual", limit_price=3400.0, until_ts=NOW + 600, signal_key="manual:id:1"
    )
    stage.account(positions={}, waiting_entries=[waiting])
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "held 0 of 5")
        with answering(stage, "trader") as asked:
            await pilot.press("c")
            await wait_for_text(pilot, "Cancel the entry in ETHUSDT?")
            assert "manual waits for 3,400.00 until 14:32:07" in screen_text(pilot)
            await wait_for_question(pilot)
            await pilot.press("y")
            await wait_until(pilot, lambda: len(asked) == 1)
        assert [(one.command, one.target) for one in asked] == [("close", "ETHUSDT")]


async def test_a_accepts_a_doubt_with_a_reason(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(doubts={"SOLUSDT": ["0.5 SOL fewer than the book"]})
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "1 in doubt")
        with answering(stage, "trader", "accepted") as asked:
            await pilot.press("A")
            await form(pilot)
            await wait_for_text(pilot, "0.5 SOL fewer than the book")
            await pilot.press(*"sold", "enter", "y")
            await wait_until(pilot, lambda: "Accepted" in toasts(app))
        assert [(one.command, one.target, one.arguments) for one in asked] == [("accept", "SOLUSDT", {"why": "sold"})]


async def test_a_without_anything_to_accept_says_so(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("A")
        await wait_until(pilot, lambda: any("Nothing waits for a person" in toast for toast in toasts(app)))


@contextmanager
def ares(stage: Stage) -> Iterator[list[dict[str, Any]]]:
    """Take signals in the place of ARES, and refuse them; yield their fields."""
    lock = ProcessLock(stage.data.lock_of("ares"), "ares")
    lock.acquire()
    taken: list[dict[str, Any]] = []
    ended = threading.Event()

    def serve() -> None:
        inbox = SignalInbox(stage.data)
        while not ended.wait(0.005):
            for file in inbox.take():
                taken.append(orjson.loads(file.content))
                said = {"outcome": "refused", "message": "BTCUSDT has no price", "taken_ts": 1.0, "file": file.digest}
                inbox.answer(file, OutsideOutcome.model_validate(said))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()
        lock.release()


async def test_n_sends_an_entry_with_stop_and_target(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "67,412.10")
        with ares(stage) as taken:
            await pilot.press("n")
            await form(pilot)
            await wait_for_text(pilot, "Stop is missing")
            await pilot.press("down", "down", *"69000", "down", *"70000")
            await wait_for_text(pilot, "the stop must be below and the target above")
            await pilot.press("up", "ctrl+u", *"66000", "enter", "down", *"0.001", "down", "down", "down", *"dip")
            await wait_for_text(pilot, "stop −2.09 %, target +3.84 %, reward / risk 1.83")
            await pilot.press("enter", "y")
            await wait_for_text(pilot, "BTCUSDT has no price")
        [fields] = taken
        assert {name: fields[name] for name in ("side", "symbol", "stop", "target", "size", "strategy", "reason")} == {
            "side": "BUY", "symbol": "BTCUSDT", "stop": "66000", "target": "70000", "size": "0.001",
            "strategy": "manual", "reason": "dip",
        }  # fmt: skip
        assert "limit_price" not in fields
        assert fields["source"] == "command"


async def test_a_room_that_only_views_sends_nothing(stage: Stage, make_room: MakeRoom) -> None:
    from cq_tui.room.app import RoomApp
    from cq_tui.room.controls import OPENED_TO_VIEW
    from tests.room.stage import staged_holder

    app = RoomApp(
        stage.data, environment={}, now=lambda: NOW, find_holder=staged_holder, view_only=OPENED_TO_VIEW, terminal={}
    )
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        for key in "cuLnA":
            await pilot.press(key)
            await wait_until(pilot, lambda: any("View only" in toast for toast in toasts(app)))
            assert not isinstance(app.screen, Dialog)


LIVE = {
    "SIMULATION_MODE": "false", "BINANCE_USE_TESTNET": "false", "TRADING_MODE": "live", "LIVE_TRADING_ENABLED": "true",
}  # fmt: skip


async def test_in_live_what_may_open_risk_takes_a_typed_word(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data, LIVE)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "DOGEUSDT")
        with answering(stage, "trader", "released") as asked:
            for word, count in (("no", 0), ("real-money", 1)):
                await pilot.press("u")
                await wait_for_text(pilot, "Release DOGEUSDT?")
                await wait_for_question(pilot)
                await pilot.press("y")
                await wait_for_text(pilot, "REAL MONEY from now on")
                await wait_for_question(pilot)
                await pilot.press(*word, *(["escape"] if not count else []))
                await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
                await wait_until_idle(pilot)
                assert len(asked) == count


async def test_in_live_resuming_takes_a_typed_word(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data, LIVE)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("H")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, " HALTED ")
        await pilot.press("H")
        await wait_for_text(pilot, "Trading is halted.")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_for_text(pilot, "REAL MONEY from now on")
        await wait_for_question(pilot)
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
        assert stage.data.stop_of("halted").exists()

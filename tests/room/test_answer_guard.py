"""A question takes no answer before it can have been read, and what was typed too early acts nowhere."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.settings import Settings
from cq_tui.room import actions
from cq_tui.room.answer_guard import READING_TIME, AnswerGuard
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import notice_dialog
from cq_tui.room.screens.palette import Palette
from cq_tui.store.settings_in_force import SettingsInForce
from tests.room.conftest import (
    key_event,
    screen_text,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_loaded,
    write_at_once,
)
from tests.room.stage import NOW, Stage, staged_holder


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def opened(
    stage: Stage, clock: Clock, size: tuple[int, int] = (160, 45)
) -> AsyncIterator[tuple[RoomApp, Pilot[int]]]:
    app = RoomApp(stage.data, supervise=False, environment={}, now=lambda: NOW, clock=clock, find_holder=staged_holder)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        yield app, pilot


def settings(stage: Stage) -> Settings:
    return SettingsInForce(stage.data, {}).load().settings


def test_the_guard_counts_from_the_paint_and_not_from_the_opening() -> None:
    clock = Clock()
    guard = AnswerGuard(clock, ["u"])
    clock.now += 60
    assert not guard.is_over
    assert guard.refuses("y")
    guard.mark_painted()
    clock.now += READING_TIME / 2
    guard.mark_painted()
    assert guard.refuses("y")
    clock.now += 1
    assert not guard.refuses("y")
    assert guard.notice == "too early: u y y — press them again"


def test_one_early_key_and_very_many_are_named_in_a_line() -> None:
    assert AnswerGuard(Clock()).notice == ""
    assert AnswerGuard(Clock(), ["y"]).notice == "too early: y — press it again"
    many = AnswerGuard(Clock(), ["y"] * 5000).notice
    assert many.startswith("too early: … y y")
    assert len(many) < 60


@pytest.mark.parametrize("typed", ["guy", "Hey", "tly", "xyy", "ryy", "qaa", "qdd", "Hyn", "gyg"])
async def test_a_word_in_one_write_changes_nothing(stage: Stage, clock: Clock, typed: str) -> None:
    before = settings(stage)
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, *typed)
        dialog = await wait_for_question(pilot)
        assert f"too early: {' '.join(typed[1:])}" in screen_text(pilot)
        assert app.screen_stack == [app.room, dialog]
        await write_at_once(pilot, *typed[1:])
        assert app.screen is dialog
        await write_at_once(pilot, "escape")
        await wait_until(pilot, lambda: app.screen is app.room)
    assert settings(stage) == before
    assert not [path for path in (stage.data.root / "control").rglob("*") if path.is_file()]


async def test_an_answer_counts_once_the_question_could_be_read(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "H")
        dialog = await wait_for_question(pilot)
        for early in ("y", "enter", "space", "right", "n"):
            await write_at_once(pilot, early)
            assert app.screen is dialog
        clock.now += 1
        await write_at_once(pilot, "y")
        await wait_until(pilot, lambda: settings(stage).TRADING_STATE == "halted")
        assert app.screen is app.room


@pytest.mark.parametrize("size", [(60, 15), (50, 12), (40, 10)])
@pytest.mark.parametrize(
    ("opens", "shown"),
    [("q", ("Quit cq-tui?", "n stay")), ("g", ("Entries will skip", "n no")), ("t", ("The mode is", "n no"))],
)
async def test_a_small_terminal_shows_the_question_the_answers_and_what_came_early(
    stage: Stage, clock: Clock, size: tuple[int, int], opens: str, shown: tuple[str, str]
) -> None:
    async with opened(stage, clock, size) as (_, pilot):
        await write_at_once(pilot, opens, "u")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "too early: u — press it again")
        assert all(text in screen_text(pilot) for text in shown)


async def test_a_click_is_an_answer_too(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "H")
        dialog = await wait_for_question(pilot)
        answer = dialog.query_one("#answer-halt").region
        await pilot.click("#answer-halt")
        assert app.screen is dialog
        await wait_for_text(pilot, "too early: click")
        # What names it moves no answer away from the pointer.
        assert dialog.query_one("#answer-halt").region == answer
        clock.now += 1
        await pilot.click("#answer-halt")
        await wait_until(pilot, lambda: settings(stage).TRADING_STATE == "halted")


@pytest.fixture
def slow_obstacles(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Reading what prevents a change of the mode takes until this is set."""
    done = threading.Event()

    def read(*_: object) -> tuple[tuple[object, ...], list[str]]:
        done.wait(30)
        return (), []

    monkeypatch.setattr(actions, "_mode_offers", read)
    yield done
    done.set()


async def test_keys_typed_while_a_question_is_on_its_way_act_nowhere(
    stage: Stage, clock: Clock, slow_obstacles: threading.Event
) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, *"tbHxl6z?q")
        await write_at_once(pilot, "b", "enter")
        assert app.screen is app.room
        slow_obstacles.set()
        dialog = await wait_for_question(pilot)
        assert "too early: … x l 6 z ? q b" in screen_text(pilot)
        assert app.screen_stack == [app.room, dialog]
        assert app.room.active.label == "feeder"
        assert not list(stage.data.root.glob("debug_bundle_*"))


@pytest.mark.parametrize("key", ["escape", "ctrl+q", "ctrl+c"])
async def test_a_question_on_its_way_can_be_taken_back(
    stage: Stage, clock: Clock, slow_obstacles: threading.Event, key: str
) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "t", key)
        if key != "escape":
            await wait_for_text(pilot, "Quit cq-tui?")
        slow_obstacles.set()
        await wait_until(pilot, lambda: not any(w.group == "actions" and not w.is_finished for w in app.workers))
        await asyncio.sleep(0.05)
        assert len(app.screen_stack) == (1 if key == "escape" else 2)
        if key == "escape":
            await write_at_once(pilot, "z")
            assert app.room.has_class("-zoomed")


async def test_the_keys_that_quit_open_one_question(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "q", "ctrl+q", "ctrl+c")
        await wait_for_question(pilot)
        clock.now += 1
        await write_at_once(pilot, "ctrl+q", "ctrl+c", "ctrl+q")
        assert len(app.screen_stack) == 2


async def test_an_entry_of_the_palette_asks_and_its_enter_does_not_answer(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "ctrl+p", *"halt", "enter", "enter")
        assert "halt" in screen_text(pilot)
        assert len(app.screen_stack) == 2
        await wait_until(pilot, lambda: isinstance(app.screen, Palette) and app.screen.guard.is_painted)
        clock.now += 1
        await write_at_once(pilot, "enter", "enter", "y")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "too early: enter y")
        assert len(app.screen_stack) == 2
        await write_at_once(pilot, "enter", "y")
        assert settings(stage).TRADING_STATE == "active"


async def test_the_palette_chooses_what_was_typed_and_not_what_was_listed_before(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        await write_at_once(pilot, "ctrl+p")
        await wait_until(pilot, lambda: isinstance(app.screen, Palette) and app.screen.guard.is_painted)
        clock.now += 1
        await write_at_once(pilot, *"halt", "enter")
        await wait_for_question(pilot)
        await wait_for_text(pilot, "Halted: nothing is opened.")


async def test_a_terminal_that_takes_nothing_shows_no_question(
    stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = [True]
    monkeypatch.setattr(RoomApp, "is_terminal_behind", property(lambda _: behind[0]))
    async with opened(stage, clock) as (_, pilot):
        await write_at_once(pilot, "H")
        await wait_for_text(pilot, "yes, halt")
        clock.now += 60
        await write_at_once(pilot, "y")
        await wait_for_text(pilot, "too early: y")
        behind[0] = False
        await wait_for_question(pilot)
        clock.now += 1
        await write_at_once(pilot, "y")
        await wait_until(pilot, lambda: settings(stage).TRADING_STATE == "halted")


async def test_a_key_that_comes_before_the_question_has_its_widgets_is_named(stage: Stage, clock: Clock) -> None:
    async with opened(stage, clock) as (app, pilot):
        dialog = notice_dialog("Read?", [], None)
        dialog.guard = AnswerGuard(clock)
        app.push_screen(dialog)
        assert not dialog.admits(key_event("o"))
        await wait_for_question(pilot)
        assert "too early: o" in screen_text(pilot)

"""Keys of another keyboard layout: nothing acts, and a hint says why."""

import pytest

from cq_tui.room.keyboard_layout import HINT_INTERVAL, layout_hint
from cq_tui.room.screens.dialog import Dialog
from tests.room.conftest import MakeRoom, screen_text, toasts, wait_until, wait_until_loaded
from tests.room.stage import Stage

KEYS = frozenset("tgbHsxrzlpq")
HINT = "These keys are Latin letters: switch the keyboard layout"


@pytest.mark.parametrize("typed", "йцЙπΣשكแㅂあアＴｑ中१１？")
def test_another_script_gets_a_hint_that_names_the_letter(typed: str) -> None:
    assert layout_hint(typed, KEYS) == f"{HINT} (you typed {typed})"


@pytest.mark.parametrize("typed", ["T", "Q"])
def test_a_capital_that_is_no_key_gets_a_hint_at_caps_lock(typed: str) -> None:
    assert layout_hint(typed, KEYS) == f"Is Caps Lock on? {typed.lower()} is a key, {typed} is none"


@pytest.mark.parametrize(
    "typed", ["H", "t", "w", "W", "1", "é", "ß", "ñ", "ø", "ª", "€", "×", "§", "\x1b", "\u200b", "", None, "йц"]
)
def test_what_a_latin_layout_types_gets_none(typed: str | None) -> None:
    assert layout_hint(typed, KEYS) is None


async def test_nothing_acts_and_one_hint_shows(stage: Stage, make_room: MakeRoom) -> None:
    moment = 0.0
    app = make_room(stage.data)
    app.clock = lambda: moment
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        before = screen_text(pilot)
        await pilot.press("й", "н", "G")
        await wait_until(pilot, lambda: bool(toasts(app)))
        assert toasts(app) == [f"{HINT} (you typed й)"]
        app.clear_notifications()
        await wait_until(pilot, lambda: screen_text(pilot) == before)
        moment += HINT_INTERVAL - 0.1
        await pilot.press("ш")
        assert toasts(app) == []
        moment += 0.1
        await pilot.press("G")
        assert toasts(app) == ["Is Caps Lock on? g is a key, G is none"]


async def test_a_question_gets_no_answer_but_the_hint(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("g")
        await wait_until(pilot, lambda: isinstance(app.screen, Dialog) and app.focused is not None)
        await pilot.press("н")
        await wait_until(pilot, lambda: toasts(app) == [f"{HINT} (you typed н)"])
        assert isinstance(app.screen, Dialog)


async def test_a_filter_takes_every_script(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("slash", "й", "T")
        await wait_until(pilot, lambda: app.room.active.filter_text == "йT")
        assert toasts(app) == []

"""Keys that arrive in one write: each goes where it would have gone, typed slowly."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual._xterm_parser import XTermParser

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import Dialog
from cq_tui.room.screens.logs import Logs
from cq_tui.room.widgets.filter_input import FilterInput
from tests.room.conftest import MakeRoom, key_event, wait_until, wait_until_idle, wait_until_loaded, write_at_once
from tests.room.stage import NOW, Stage, staged_holder

#: (size of the terminal, what is typed before the slash)
PLACES: list[tuple[tuple[int, int], tuple[str, ...]]] = [
    *(((160, 45), before) for before in ((), ("6", "z"), ("l",))),
    *(((80, 24), before) for before in ((), ("4",), ("l",))),
    ((50, 12), ()),
]


def files(stage: Stage) -> dict[Path, bytes]:
    """Every file that a key could write."""
    root = stage.data.root
    places = [*root.glob("debug_bundle_*"), *(root / "control").rglob("*"), *(root / "ssot").rglob("*")]
    return {path: path.read_bytes() for path in places if path.is_file()}


def filter_of(app: RoomApp) -> str:
    screen = app.screen
    return screen.query_one(FilterInput).value if isinstance(screen, Logs) else app.room.active.filter_text


@pytest.mark.parametrize(("size", "before"), PLACES)
async def test_all_that_follows_a_slash_is_the_filters(
    stage: Stage, make_room: MakeRoom, size: tuple[int, int], before: tuple[str, ...]
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        kept = files(stage)
        await write_at_once(pilot, *before, "/", *"btcHgxsr")
        await wait_until_idle(pilot)
        assert filter_of(app) == "btcHgxsr"
        assert not isinstance(app.screen, Dialog)
        assert files(stage) == kept


@pytest.mark.parametrize("size", [(60, 8), (20, 3), (1, 1)])
async def test_an_open_filter_keeps_the_keys_when_its_pane_is_hidden(
    stage: Stage, make_room: MakeRoom, size: tuple[int, int]
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until_loaded(pilot)
        kept = files(stage)
        await write_at_once(pilot, "/", "a")
        await wait_until_idle(pilot)
        await pilot.resize_terminal(*size)
        await wait_until(pilot, lambda: app.room.has_class("-tiny") and app.room.focused is None)
        await write_at_once(pilot, *"btH")
        await wait_until_idle(pilot)
        assert filter_of(app) == "abtH"
        assert not isinstance(app.screen, Dialog)
        assert files(stage) == kept


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30), max_size=40))
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_after_a_slash_is_the_filters(staged: Path, texts: list[str]) -> None:
    """Through the terminal's parser, in one write for each text."""
    asyncio.run(_filter_with(staged, texts))


async def _filter_with(staged: Path, texts: list[str]) -> None:
    data = DataDir(staged)
    kept = {path: path.stat() for path in staged.rglob("*")}
    app = RoomApp(data, supervise=False, environment={}, now=lambda: NOW, find_holder=staged_holder)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        for text in texts:
            await write_at_once(pilot, *XTermParser().feed(f"/{text}"))
            assert app.room.active.filter_text == text
            assert app.screen is app.room
            await write_at_once(pilot, "escape", "escape")
            assert app.room.active.filter_text == ""
    assert {path: path.stat().st_mtime_ns for path in staged.rglob("*")} == {
        path: stat.st_mtime_ns for path, stat in kept.items()
    }


@pytest.mark.parametrize("steps", [0, 10, 40])
async def test_keys_that_still_settle_when_the_room_ends_are_no_defect(
    stage: Stage, make_room: MakeRoom, steps: int
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        for number in range(60):
            app.post_message(key_event("down" if number % 2 else "up"))
        await asyncio.sleep(0)
        while app.keys.is_idle:
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
    (settling,) = [task for task in asyncio.all_tasks() if task.get_name() == "key queue"]
    await settling
    assert app._exception is None

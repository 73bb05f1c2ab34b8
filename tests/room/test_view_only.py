"""A room that only views: it says so, its keys are grayed and say why, and nothing it does changes a file."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from textual.command import Command, CommandList
from textual.pilot import Pilot

from cq_tui.contracts.layout import SERVICES
from cq_tui.room.app import RoomApp
from cq_tui.room.controls import OPENED_TO_VIEW, Controls, RequestRefused
from cq_tui.room.keys import FOOTER_BINDINGS, RoomAction
from cq_tui.room.messages import ActionRequested
from cq_tui.room.screens.dialog import Dialog
from cq_tui.room.screens.help import Help
from cq_tui.room.stack import Stack
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
from tests.room.stage import NOW, Stage, staged_holder

SIZE = (160, 45)
#: Everything that any question of the room takes as consent.
#: What answers a question; in the short form, what answers every one.
ANSWERS = ("y", "l", "a", "enter", "space") if os.environ.get("CQ_HEAVY_TESTS") else ("y", "enter")
ACTING = [binding for binding in FOOTER_BINDINGS if "perform" in binding.action or "service" in binding.action]


def viewer(stage: Stage, view_only: str = OPENED_TO_VIEW) -> RoomApp:
    return RoomApp(stage.data, environment={}, now=lambda: NOW, find_holder=staged_holder, view_only=view_only)


def tree(root: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time of the last change and content of every file and folder."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def hits(app: RoomApp) -> list[Any]:
    """The entries of the command palette."""
    return [option.hit for option in app.screen.query_one(CommandList).options if isinstance(option, Command)]


async def close_dialogs(pilot: Pilot[int]) -> None:
    await pilot.press("escape")
    await wait_until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("part", range(3))
async def test_no_key_and_no_answer_changes_a_file(stage: Stage, part: int) -> None:
    before = tree(stage.data.root)
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        # Those of lists and of Textual only move.
        own = [key for key, found in app.room.active_bindings.items() if (found.binding.id or "").startswith("room.")]
        keys = [key for key in own if key not in ("q", "ctrl+q", "ctrl+c", "ctrl+p")]
        assert {"t", "g", "H", "b", "s", "x", "r"} <= set(keys)
        for key in keys[part::3]:
            await pilot.press(*(one for answer in ANSWERS for one in (key, answer)))
            while len(app.screen_stack) > 1:
                await pilot.press("escape")
        await pilot.press("1", *("down", "s", "y", "x", "y", "r", "y") * len(SERVICES))
        await wait_until_idle(pilot)
    assert tree(stage.data.root) == before


ON_SYMBOL = (RoomAction.CLOSE, RoomAction.RELEASE, RoomAction.LOCK, RoomAction.ENTER)


async def test_no_request_changes_a_file_whichever_way_it_comes(stage: Stage) -> None:
    before = tree(stage.data.root)
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        for action in RoomAction:
            on_service = action in (RoomAction.START, RoomAction.STOP, RoomAction.RESTART)
            target = "BTCUSDT" if action in ON_SYMBOL else "feeder" if on_service else None
            if action is RoomAction.SETTING:
                target = "LOG_LEVEL"
            app.room.post_message(ActionRequested(action, target))
            await wait_until(pilot, lambda: isinstance(app.screen, Dialog) or len(toasts(app)) > 0)
            await pilot.press("y")
            # The question was answered; what refuses is told in a second one, or in a toast.
            while isinstance(app.screen, Dialog):
                await close_dialogs(pilot)
            app.clear_notifications()
            await wait_until_idle(pilot)
    assert tree(stage.data.root) == before


async def test_the_object_that_acts_refuses(stage: Stage) -> None:
    before = tree(stage.data.root)
    controls = Controls(stage.data, OPENED_TO_VIEW)
    stack = Stack(stage.data, controls)
    requests: list[Any] = [
        controls.send_command("shut_down", None),
        controls.change_settings({"TRADING_STATE": "halted"}),
        controls.change_trading("halt"),
        controls.change_trading("resume"),
        controls.stop_stack(),
        stack.stop_all(),
        *(stack._carry(command, "feeder") for command in ("start_service", "stop_service", "restart_service")),
    ]
    for request in requests:
        with pytest.raises(RequestRefused, match="View only: this room was opened with --view"):
            await request
    with pytest.raises(RequestRefused, match="View only"):
        controls.start_supervisor(stage.data, False)
    assert tree(stage.data.root) == before


@pytest.mark.parametrize("binding", ACTING, ids=lambda binding: binding.id)
async def test_a_key_that_cannot_act_is_grayed_and_says_why_once(stage: Stage, binding: Any) -> None:
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        if "bundle" in binding.id:
            assert app.room.active_bindings[binding.key].enabled
            return
        assert not app.room.active_bindings[binding.key].enabled
        await pilot.press(binding.key, binding.key, binding.key)
        await wait_for_text(pilot, "View only: this room was opened with --view")
        assert len(toasts(app)) == 1
        assert app.screen is app.room


async def test_a_click_on_a_grayed_key_says_why(stage: Stage) -> None:
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.click("KeyLine", offset=(24, 0))
        await wait_for_text(pilot, "View only: this room was opened with --view")
        assert app.screen is app.room


async def test_the_palette_says_why_and_does_nothing(stage: Stage) -> None:
    before = tree(stage.data.root)
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("ctrl+p")
        await wait_for_text(pilot, "Search for commands")
        await pilot.press(*"guardrails")
        await wait_for_text(pilot, "View only")
        (name,) = [hit.match_display for hit in hits(app) if hit.text == "Guardrails"]
        assert "$rule" in str(name.spans)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.screen is app.room and bool(toasts(app)))
        assert "View only" in toasts(app)[0]
    assert tree(stage.data.root) == before


async def test_the_help_shows_keys_that_cannot_act_in_gray(stage: Stage) -> None:
    app = viewer(stage)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("question_mark")
        await wait_for_text(pilot, "keys and icons")
        assert isinstance(app.screen, Help)
        lines = {line.plain.strip().partition("  ")[0]: str(line.spans) for line in app.screen.lines}
        assert {key for key, styles in lines.items() if "$rule" in styles} == {*"tgHFcuLnAsxr"}


async def test_leaving_offers_no_stop(stage: Stage) -> None:
    app = viewer(stage)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("q")
        await wait_for_text(pilot, "Quit cq-tui?")
        assert "stop all" not in screen_text(pilot).lower()
        await pilot.press("a")
        assert isinstance(app.screen, Dialog)


async def test_its_bundle_goes_to_the_working_directory(stage: Stage, working_directory: Path) -> None:
    before = tree(stage.data.root)
    app = viewer(stage)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("b")
        await wait_until(pilot, lambda: bool(app.clipboard))
        assert Path(app.clipboard).parent == working_directory
        assert Path(app.clipboard).exists()
    assert tree(stage.data.root) == before


async def test_a_bundle_never_goes_into_the_data_directory(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(stage.data.logs)
    assert (await Controls(stage.data, OPENED_TO_VIEW).write_bundle()).parent == tmp_path
    assert (await Controls(stage.data).write_bundle()).parent == stage.data.root


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (118, 34), (160, 45), (200, 55)])
@pytest.mark.parametrize("worst", [False, True])
async def test_the_bar_says_it_at_every_size(stage: Stage, size: tuple[int, int], worst: bool) -> None:
    if worst:
        stage.data.settings.write_text('{"DISABLE_ORDER_GUARDRAILS": true, "TRADING_STATE": "reducing"}')
    app = viewer(stage)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        bar = "\n".join(screen_text(pilot).splitlines()[:2])
        for words in ("SIMULATION", "VIEW ONLY", *(("GUARDRAILS OFF", "REDUCING") if worst else ("guardrails on",))):
            assert words in bar
        await pilot.press("p")
        await wait_for_text(pilot, "FROZEN")
        bar = "\n".join(screen_text(pilot).splitlines()[:2])
        assert "VIEW ONLY" in bar
        assert "FROZEN" in bar


async def test_a_room_that_may_not_write_says_why(stage: Stage) -> None:
    app = viewer(stage, f"data directory {stage.data.root} is read-only")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "View only: data directory")
        assert "VIEW ONLY" in screen_text(pilot).splitlines()[0]


async def test_a_room_without_the_option_acts(stage: Stage, make_room: MakeRoom) -> None:
    """The tests above can fail: the same keys change files in a room that may act."""
    before = tree(stage.data.root)
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        assert "VIEW ONLY" not in screen_text(pilot)
        await pilot.press("g")
        await wait_for_question(pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: tree(stage.data.root) != before)
    assert os.path.exists(stage.data.settings)

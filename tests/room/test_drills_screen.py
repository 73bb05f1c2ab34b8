"""Drills in the room: a list with results, live progress, and no process that outlives the room."""

import asyncio
import gc
import os
import sys
from pathlib import Path

import orjson
import psutil
import pytest

from cq_tui.contracts.drills import DrillReport
from cq_tui.ops.drills.names import DRILL_NAMES
from cq_tui.room.app import RoomApp
from cq_tui.room.controls import OPENED_TO_VIEW, Controls
from cq_tui.room.drill_runner import DrillRunner
from cq_tui.room.screens.drills import DrillsScreen
from cq_tui.store.document import write_document
from tests.room.conftest import MakeRoom, screen_text, toasts, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage, staged_holder
from tests.services.waiting import until

SIZE = (120, 30)
#: Says what a drill says: a step, then waits for a line on a pipe, then a result.
_PRETENDS = """
import sys
name, pipe = sys.argv[1:]
def tell(text): print(text, flush=True)
tell('{"drill": "%s", "seconds": 1.5, "step": "the feeder is killed"}' % name)
if open(pipe).read():
    tell('{"drill": "%s", "evidence": "/e", "report": %s}' % (name, sys.stdin.readline().strip()))
"""


def report(name: str, **changes: object) -> DrillReport:
    plain: dict[str, object] = {
        "drill": name, "description": "…", "version": "1", "started_ts": NOW, "seconds": 12.25, "passed": True,
    }  # fmt: skip
    return DrillReport.model_validate(plain | changes)


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Written to, it lets the pretended drill go on."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def pretend(controls: Controls, name: str) -> asyncio.subprocess.Process:
        controls.check()
        words = [sys.executable, "-c", _PRETENDS, "ban" if name == "all" else name, str(pipe)]
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(orjson.dumps(report("ban", passed=False, problem="the stop is gone").model_dump()) + b"\n")
        return process

    monkeypatch.setattr(Controls, "start_drill", pretend)
    return pipe


async def test_the_list_shows_last_results_and_descriptions(stage: Stage, make_room: MakeRoom) -> None:
    folder = stage.data.drill_at("20260801T140000", "ban")
    folder.mkdir(parents=True)
    write_document(folder / "report.json", report("ban"))
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("D")
        await wait_for_text(pilot, "1 of 13 passed")
        text = screen_text(pilot)
        assert all(name in text for name in DRILL_NAMES)
        await pilot.press("down", "down", "down", "enter")
        await wait_for_text(pilot, "The address is banned (418)")
        await pilot.press("escape", "escape")
        await wait_until(pilot, lambda: app.screen is app.room)


async def test_a_drill_goes_on_while_the_room_is_used(stage: Stage, make_room: MakeRoom, pipe: Path) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("D")
        await wait_for_text(pilot, "feeder-outage")
        await pilot.press("A")
        await wait_for_text(pilot, "the feeder is killed")
        await pilot.press("r")
        await wait_until(pilot, lambda: "Drills are running; x ends them" in toasts(app))
        drills = app.room.drills
        assert drills is not None
        told = [row.steps for row in drills.rows.values() if row.steps]
        assert told == [("   0.0 s  the feeder is killed",)], "since it began"
        await pilot.press("escape", "q")
        await wait_for_text(pilot, "the drills that run end with this room")
        await pilot.press("escape", "z")
        await wait_until(pilot, lambda: app.screen is app.room and app.room.has_class("-zoomed"))
        await asyncio.to_thread(pipe.write_text, "go on")
        await wait_until(pilot, lambda: app.room.drills is not None and not app.room.drills.is_running)
        await pilot.press("D")
        await wait_for_text(pilot, "the stop is gone")
        assert "FAIL" in screen_text(pilot)


@pytest.mark.usefixtures("pipe")
@pytest.mark.parametrize("ends_by_key", [True, False])
async def test_no_process_outlives_the_room(stage: Stage, make_room: MakeRoom, *, ends_by_key: bool) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("D")
        await wait_for_text(pilot, "feeder-outage")
        await pilot.press("r")
        await wait_for_text(pilot, "the feeder is killed")
        runner = app.room.drills
        assert isinstance(runner, DrillRunner)
        assert runner.process is not None
        pid = runner.process.pid
        if ends_by_key:
            await pilot.press("x")
            await wait_for_text(pilot, "ended before it was over")
            assert not psutil.pid_exists(pid)
    await until(lambda: not psutil.pid_exists(pid))
    # A pipe that nobody closed would be complained of here.
    del runner
    gc.collect()


async def test_a_room_that_only_views_runs_none(stage: Stage, pipe: Path) -> None:
    app = RoomApp(stage.data, environment={}, now=lambda: NOW, find_holder=staged_holder, view_only=OPENED_TO_VIEW)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("D")
        await wait_for_text(pilot, "feeder-outage")
        await pilot.press("r")
        await wait_until(pilot, lambda: any("View only" in toast for toast in toasts(app)))
        assert isinstance(app.screen, DrillsScreen)
        assert app.room.drills is not None
        assert not app.room.drills.is_running

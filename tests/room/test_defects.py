"""A defect anywhere in the room ends it with 70 and leaves a report without values; a worker's leaves an alert too."""

import asyncio
import gc
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

from cq_tui.contracts.layout import DataDir
from cq_tui.room import run as room_run
from cq_tui.room.app import RoomApp
from cq_tui.room.defects import Defects
from cq_tui.room.launch import RoomOptions, open_room
from tests.room.conftest import MakeRoom, wait_for_text, wait_until_loaded
from tests.room.stage import Stage

SECRET = "s3cr3t-value-of-a-key"


class Defect(Exception):
    pass


def fail(*_: object, **__: object) -> None:
    api_secret = SECRET  # noqa: F841 - a local variable that no report may show
    raise Defect(f"broken with {SECRET}")


async def fail_later() -> None:
    await asyncio.sleep(0)
    fail()


def in_a_timer(app: RoomApp) -> None:
    app.set_timer(0.01, fail)


def in_a_callback(app: RoomApp) -> None:
    app.call_later(fail)


def in_the_event_loop(_: RoomApp) -> None:
    asyncio.get_running_loop().call_soon(fail)


def in_a_task_that_nobody_awaits(app: RoomApp) -> None:
    task = asyncio.get_running_loop().create_task(fail_later())
    task.add_done_callback(lambda _: app.set_timer(0.01, gc.collect))
    del task


def in_a_thread(_: RoomApp) -> None:
    threading.Thread(target=fail, name="some thread").start()


def in_on_mount(_: RoomApp) -> None:
    fail()


PLACES: list[Callable[[RoomApp], None]] = [
    in_a_timer,
    in_a_callback,
    in_the_event_loop,
    in_a_task_that_nobody_awaits,
    in_a_thread,
    in_on_mount,
]


@pytest.fixture
def run_room(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Run a room without a terminal to its end, and return its exit code."""
    monkeypatch.setattr(room_run, "check_terminal", lambda *_, **__: None)
    monkeypatch.setattr(room_run, "_terminate", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setenv("BINANCE_API_SECRET", SECRET)
    monkeypatch.setattr(RoomApp, "run", lambda app: App.run(app, headless=True, size=(80, 24)))
    return lambda: room_run.run_room(stage.data, view_only="a test")


def reports(data: DataDir) -> list[Path]:
    return sorted(data.logs.glob("room-*.crash"))


def check(data: DataDir, error: str) -> None:
    (path,) = reports(data)
    report = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Defect: broken with [secret]" in report
    assert "test_defects.py" in report
    assert "textual 8." in report
    assert SECRET not in report
    words = error.splitlines()
    assert len(words) == 2, error
    assert SECRET not in error
    assert words[0].startswith("cq-tui: internal error: Defect: broken")
    assert "The services keep running" in words[0]
    assert words[1] == f"cq-tui: the report is in {path}"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_defect_ends_the_room_with_70_and_a_report(
    stage: Stage,
    run_room: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    place: Callable[[RoomApp], None],
) -> None:
    mount = RoomApp.on_mount

    def on_mount(app: RoomApp) -> None:
        mount(app)
        place(app)

    monkeypatch.setattr(RoomApp, "on_mount", on_mount)
    assert run_room() == 70
    check(stage.data, capfd.readouterr().err)


def test_what_fails_while_the_room_closes_is_only_reported(
    stage: Stage, run_room: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def on_mount(app: RoomApp) -> None:
        app.call_later(fail)
        app.exit(0)

    monkeypatch.setattr(RoomApp, "on_mount", on_mount)
    assert run_room() == 0
    # A screen that was never composed may fail as well.
    found = [path.read_text() for path in reports(stage.data)]
    assert any("Defect: broken" in report for report in found)
    assert all("(the app, closing)" in report for report in found)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["compose", "on_mount"])
def test_a_defect_of_the_screen(
    stage: Stage,
    run_room: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setattr(f"cq_tui.room.app.RoomScreen.{name}", fail)
    assert run_room() == 70
    check(stage.data, capfd.readouterr().err)


@pytest.mark.parametrize("name", ["cq_tui.room.run.check_terminal", "cq_tui.room.app.RoomApp.__init__"])
def test_a_defect_before_the_app_runs(
    stage: Stage,
    run_room: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setattr(name, fail)
    assert open_room(RoomOptions(data_dir=stage.data.root, view=True)) == 70
    check(stage.data, capfd.readouterr().err)


async def test_a_worker_that_fails_is_an_alert_and_leaves_a_report(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        for _ in range(3):
            app.run_worker(fail_later(), name="some work", exit_on_error=False)
            await wait_for_text(pilot, "some work failed: Defect")
        assert app.is_running
    (report,) = reports(stage.data)
    assert "internal error in the room (worker some work)" in report.read_text()


def test_only_the_newest_reports_are_kept(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.logs.mkdir()
    (data.logs / "memory.crash").touch()
    for number in range(14):
        Defects(data, lambda number=number: 1_800_000_000.0 + number).report(Defect(str(number)), "a test", fatal=False)  # type: ignore[misc]
    kept = [path.read_text() for path in reports(data)]
    assert len(kept) == 10
    assert "Defect: 13" in kept[-1]
    assert (data.logs / "memory.crash").exists()


def test_a_room_that_fails_again_and_again_writes_ten_reports_at_most(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.logs.mkdir()
    defects = Defects(data, iter(range(100)).__next__)
    for number in range(30):
        defects.report(Defect(str(number % 20)), "a test", fatal=False)
    assert len(reports(data)) == 10
    defects.report(Defect("the last"), "a test", fatal=True)
    assert defects.is_fatal
    assert "Defect: the last" in reports(data)[-1].read_text()


def test_where_no_report_can_be_written_standard_error_has_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    defects = Defects(DataDir(tmp_path / "nothing"))
    try:
        fail()
    except Defect as error:
        defects.report(error, "a test", fatal=True)
    defects.print_fatal()
    told = capfd.readouterr().err
    assert "could not be written" in told
    assert "in fail" in told
    assert os.listdir(tmp_path) == []


def test_the_report_of_a_control_character_is_harmless(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = DataDir(tmp_path)
    data.logs.mkdir()
    defects: Any = Defects(data)
    defects.report(Defect("\x1b]0;title\x07 and\nmore"), "a test", fatal=True)
    defects.print_fatal()
    told = capfd.readouterr().err
    assert "\x1b" not in told
    assert len(told.splitlines()) == 2

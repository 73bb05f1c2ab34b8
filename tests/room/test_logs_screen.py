"""The log screen: all services by time, what they printed and what ended them, errors alone, wrapped lines."""

from pathlib import Path

from cq_tui.room.merged_log import MergedLog
from cq_tui.room.screens.logs import Logs
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage


def write_logs(stage: Stage) -> None:
    third = {"ts": NOW - 3, "level": "error", "event": "third", "client_order_id": "cq-btc-entry"}
    stage.log("trader", [{"ts": NOW - 9, "level": "info", "event": "first"}, third])
    stage.log("ares", [{"ts": NOW - 6, "level": "info", "event": "second"}])


def test_lines_of_all_services_are_merged_by_time(stage: Stage) -> None:
    write_logs(stage)
    log = MergedLog(stage.data.logs, ("trader", "ares"))
    assert [(line.service, line.text.split()[0]) for line in log.read_new()] == [
        ("trader", "first"), ("ares", "second"), ("trader", "third"),
    ]  # fmt: skip
    stage.log("ares", [{"ts": NOW, "level": "info", "event": "fourth"}])
    assert [line.text for line in log.read_new()] == ["fourth"]
    assert log.problem is None


def test_what_was_printed_and_what_crashed_stands_among_them(tmp_path: Path) -> None:
    (tmp_path / "ares.log").write_text('{"ts": 5.0, "level": "info", "event": "before"}\n')
    (tmp_path / "ares.out").write_text("Segmentation fault\n\n")
    (tmp_path / "ares.crash").write_text("Traceback\n  line\n")
    lines = MergedLog(tmp_path, ("ares",)).read_new()
    assert [(line.level, line.severity, line.text) for line in lines] == [
        ("info", "good", "before"), ("printed", "look", "Segmentation fault"), ("crash", "bad", "Traceback"),
        ("crash", "bad", "  line"),
    ]  # fmt: skip


def test_what_the_supervisor_prints_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "supervisor.out").write_text("feeder is ready (process 12)\n")
    [line] = MergedLog(tmp_path, ("supervisor",)).read_new()
    assert (line.level, line.severity) == ("printed", "good")


async def test_left_leads_to_all_and_e_to_the_errors(stage: Stage, make_room: MakeRoom) -> None:
    write_logs(stage)
    app = make_room(stage.data)
    async with app.run_test(size=(120, 35)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("1", "home", "l", "left")
        await wait_for_text(pilot, "second")
        assert "trader      error     third" in screen_text(pilot)
        await pilot.press("e")
        await wait_until(pilot, lambda: "second" not in screen_text(pilot))
        assert "third" in screen_text(pilot)
        await pilot.press("e", "slash", *"level:info !first", "enter")
        await wait_until(pilot, lambda: "third" not in screen_text(pilot) and "second" in screen_text(pilot))


async def test_an_inspected_order_opens_the_lines_that_name_it(stage: Stage, make_room: MakeRoom) -> None:
    write_logs(stage)
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("4", "enter", "l")
        await wait_for_text(pilot, "filter: cq-btc-entry")
        await wait_for_text(pilot, "third")
        assert "second" not in screen_text(pilot)


async def test_w_wraps_long_lines(stage: Stage, make_room: MakeRoom) -> None:
    stage.log("feeder", [{"ts": NOW, "level": "info", "event": " ".join(f"word{n}" for n in range(40))}])
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("l")
        await wait_for_text(pilot, "word1 ")
        assert "word39" not in screen_text(pilot)
        await pilot.press("w")
        await wait_for_text(pilot, "word39")
        assert isinstance(app.screen, Logs)
        await pilot.press("w")
        await wait_until(pilot, lambda: "word39" not in screen_text(pilot))

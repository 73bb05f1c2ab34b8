"""``ui.toml``: what can be used is used, and everything else is named with file, field and remedy."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cq_tui.ops.formatting import format_clock, format_datetime, show_times_in, zone_name
from cq_tui.room.app import RoomApp
from cq_tui.room.ui_settings import LOCAL, TEMPLATE, UiSettings, read_ui_settings, write_template
from tests.room.conftest import quick_clock, screen_text, toasts, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage, staged_holder

WINTER = 1_767_225_600.0


@pytest.fixture(autouse=True)
def utc_afterwards() -> object:
    yield
    show_times_in(UTC)


def written(tmp_path: Path, text: str) -> UiSettings:
    path = tmp_path / "ui.toml"
    path.write_text(text)
    return read_ui_settings(path)


def test_without_a_file_everything_is_as_shipped(tmp_path: Path) -> None:
    assert read_ui_settings(None) == read_ui_settings(tmp_path / "none") == UiSettings()


def test_everything_can_be_set(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        'theme = "room-light"\ntimezone = "Europe/Berlin"\nflash = false\nstart = "orders"\nzoomed = true\n'
        'pins = ["ETHUSDT"]\n[keys]\n"room.halt" = "f9"\n[columns]\nfeeder = ["symbol", "price"]\n',
    )
    assert found == UiSettings(
        "room-light", ZoneInfo("Europe/Berlin"), False, "orders", True, ("ETHUSDT",), {"room.halt": "f9"},
        {"feeder": ("symbol", "price")},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = 3", "ui.toml: theme must be text in quotes"),
        ("timezone = 'Mars/Olympus'", "ui.toml: timezone 'Mars/Olympus' is none: use"),
        ("timezone = '../../etc/passwd'", "is none: use"),
        ("flash = 1", "ui.toml: flash must be true or false"),
        ("start = 'attic'", "ui.toml: start 'attic' is no pane: use services"),
        ("pins = 'BTCUSDT'", "ui.toml: pins must be a list of names"),
        ("keys = 5", "ui.toml: keys must be a table: write [keys]"),
        ("[keys]\n'room.halt' = 9", "ui.toml: keys.room.halt must be a key in quotes"),
        ("[columns]\nattic = ['x']", "ui.toml: columns.attic is no pane with columns"),
        ("mood = 'red'", "ui.toml: mood is not known. Known are columns, "),
        ("theme = ", "ui.toml is no TOML, so none of it is used"),
        ("theme = 'a'\ntheme = 'b'", "is no TOML"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_counts(tmp_path: Path, text: str, words: str) -> None:
    found = written(tmp_path, text)
    [problem] = found.problems
    assert words in problem
    assert problem.startswith(str(tmp_path))
    assert found.theme is None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ui.toml"
    path.mkdir()
    [problem] = read_ui_settings(path).problems
    assert str(path) in problem


def test_the_template_is_all_defaults_and_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config" / "ui.toml"
    assert write_template(path)
    assert path.read_text() == TEMPLATE
    assert read_ui_settings(path) == UiSettings()
    path.write_text('theme = "nord"')
    assert not write_template(path)
    assert path.read_text() == 'theme = "nord"'


def test_times_are_shown_in_a_zone_with_its_name() -> None:
    show_times_in(ZoneInfo("Europe/Berlin"))
    assert format_clock(WINTER) == "01:00:00"
    assert format_datetime(WINTER) == "2026-01-01 01:00:00 CET"
    assert zone_name(WINTER + 180 * 86_400) == "CEST"
    show_times_in(LOCAL)
    assert format_clock(WINTER) == datetime.fromtimestamp(WINTER).strftime("%H:%M:%S")
    assert zone_name(WINTER) == datetime.fromtimestamp(WINTER).astimezone().tzname()


def room(stage: Stage, ui: UiSettings) -> RoomApp:
    return RoomApp(
        stage.data, supervise=False, environment={}, now=lambda: NOW, clock=quick_clock(), find_holder=staged_holder,
        ui=ui, terminal={},
    )  # fmt: skip


async def test_a_room_follows_it(stage: Stage) -> None:
    ui = UiSettings(
        theme="room-contrast", timezone=ZoneInfo("Asia/Tokyo"), start="orders", pins=("NEARUSDT",),
        keys={"room.help": "f1", "room.nonsense": "f2"}, columns={"feeder": ("24 h", "symbol", "mood")},
        problems=("ui.toml: flash must be true or false",),
    )  # fmt: skip
    app = room(stage, ui)
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "NEARUSDT")
        text = screen_text(pilot)
        assert "23:22:07 JST" in text
        assert app.theme == "room-contrast"
        assert app.room.active.label == "orders"
        assert app.room.panes[1].table.rows[0] == "NEARUSDT"
        assert app.room.panes[1].table.headings == ["24 h", "symbol"]
        said = " ".join(toasts(app))
        for words in ("flash must be true", "keys.room.nonsense is no key's id", "columns.feeder has no mood. It has"):
            assert words in said
        await pilot.press("f1")
        await wait_for_text(pilot, "keys and icons")


async def test_the_terminals_background_is_followed_until_a_theme_is_chosen(stage: Stage) -> None:
    app = room(stage, UiSettings())
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        assert app.follows_background
        app.note_background(False)
        await wait_until(pilot, lambda: app.theme == "room-light")
        app.note_background(True)
        await wait_until(pilot, lambda: app.theme == "room-dark")
        app.theme = "room-contrast"
        await pilot.pause()
        app.note_background(False)
        await pilot.pause()
        assert app.theme == "room-contrast"


async def test_a_theme_of_ui_toml_is_kept_whatever_the_terminal_says(stage: Stage) -> None:
    app = room(stage, UiSettings(theme="room-light"))
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        app.note_background(True)
        await pilot.pause()
        assert app.theme == "room-light"

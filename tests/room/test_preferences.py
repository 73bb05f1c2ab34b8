"""The theme that a room opens with, and what happens to the file that remembers it."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.preferences import PreferencesError, preferences_path, read_pins, read_theme, remember
from cq_tui.room.themes import choose_theme
from tests.room.conftest import wait_until

MakeThemed = Callable[[], RoomApp]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "room.json"


@pytest.fixture
def themed(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeThemed:
    """Make rooms of one user over a data directory that only others may write."""
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    return lambda: RoomApp(DataDir(tmp_path / "nowhere"), supervise=False, environment={}, preferences=path)


def toasts(app: RoomApp) -> str:
    return "\n".join(notification.message for notification in app._notifications)


async def test_a_chosen_theme_is_kept_for_the_next_room(themed: MakeThemed, path: Path) -> None:
    app = themed()
    async with app.run_test() as pilot:
        assert app.theme == "room-dark"
        await pilot.pause()
        assert not path.exists(), "nothing was chosen"
        app.theme = "nord"
        app.theme = "room-light"
        await wait_until(pilot, lambda: path.exists() and read_theme(path) == "room-light")
    again = themed()
    async with again.run_test() as pilot:
        assert again.theme == "room-light"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_environment_wins_and_its_mistakes_are_told(
    themed: MakeThemed, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(path, "theme", "room-light")
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    assert themed().theme == "nord"
    monkeypatch.setenv("TEXTUAL_THEME", "noord")
    app = themed()
    async with app.run_test() as pilot:
        assert app.theme == "room-light"
        await wait_until(pilot, lambda: "TEXTUAL_THEME names no theme: noord" in toasts(app))


async def test_a_theme_that_cannot_be_remembered_is_told(themed: MakeThemed, path: Path) -> None:
    path.parent.write_text("no folder")
    app = themed()
    async with app.run_test() as pilot:
        app.theme = "nord"
        await wait_until(pilot, lambda: "The theme is not remembered" in toasts(app))
        assert app.theme == "nord"


BAD = {
    "not JSON": b"{",
    "no object": b"[]",
    "no text": b'{"theme": 5}',
    "not UTF-8": b'{"theme": "caf\xe9"}',
    "empty": b"",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
async def test_bad_content_gives_the_default_and_a_word(themed: MakeThemed, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    app = themed()
    async with app.run_test() as pilot:
        assert app.theme == "room-dark"
        await wait_until(pilot, lambda: "room.json: " in toasts(app))
        app.theme = "nord"
        # Between the bad file and the new one there is none.
        await wait_until(pilot, lambda: path.exists() and b"nord" in path.read_bytes())
    kept = path.with_name("room.json.unreadable")
    assert kept.read_bytes() == content if kept.exists() else content == BAD["no text"]


@pytest.mark.parametrize("become", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_named(path: Path, become: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    become(path)
    with pytest.raises(PreferencesError, match="is no regular file"):
        read_theme(path)


def test_everything_else_in_the_file_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"later": [1], "theme": "nord"}')
    remember(path, "theme", "dracula")
    assert orjson.loads(path.read_bytes()) == {"later": [1], "theme": "dracula"}


@pytest.mark.parametrize(
    ("asked", "remembered", "chosen", "word"),
    [
        (None, None, None, ""),
        (None, "nord", "nord", ""),
        ("", "nord", "nord", ""),
        ("nord", "room-light", "nord", ""),
        ("none, nord ,room-light", None, "nord", ""),
        ("x\x1b[2J", None, None, "TEXTUAL_THEME names no theme: x␛[2J."),
        (None, "gone", None, "The remembered theme gone does not exist."),
    ],
)
def test_themes_are_chosen(asked: str | None, remembered: str | None, chosen: str | None, word: str) -> None:
    assert choose_theme(asked, None, remembered, ("room-dark", "room-light", "nord")) == (chosen, word)


def test_what_ui_toml_says_is_before_what_was_chosen_in_a_room() -> None:
    available = ("room-dark", "room-light", "nord")
    assert choose_theme(None, "room-light", "nord", available) == ("room-light", "")
    assert choose_theme("nord", "room-light", None, available) == ("nord", "")
    assert choose_theme(None, "gone", "nord", available) == ("nord", "ui.toml: theme gone does not exist.")


def test_pins_are_remembered_beside_the_theme(path: Path) -> None:
    assert read_pins(path) == ()
    remember(path, "theme", "nord")
    remember(path, "pins", ("BTCUSDT", "ETHUSDT"))
    assert (read_theme(path), read_pins(path)) == ("nord", ("BTCUSDT", "ETHUSDT"))


def test_the_file_is_in_the_configuration_folder() -> None:
    assert preferences_path() == Path(os.environ["CQ_CONFIG_DIR"]) / "room.json"

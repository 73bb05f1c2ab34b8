"""Copying: what is said of it, and where the text is when a terminal may not have taken it."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from cq_tui.room.app import RoomApp
from cq_tui.room.controls import OPENED_TO_VIEW
from cq_tui.room.copying import MOST_BYTES, Clipboard, clipboard_of
from tests.room.conftest import wait_until
from tests.room.stage import Stage

TAKES, UNKNOWN, REFUSES = Clipboard.TAKES, Clipboard.UNKNOWN, Clipboard.REFUSES


@pytest.mark.parametrize(
    ("environment", "clipboard"),
    [
        ({"TERM": "xterm-kitty"}, TAKES),
        ({"TERM": "alacritty"}, TAKES),
        ({"TERM": "foot"}, TAKES),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, TAKES),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, TAKES),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, TAKES),
        ({"TERM": "xterm-256color", "WT_SESSION": "1-2"}, TAKES),
        ({"TERM": "xterm-kitty", "VTE_VERSION": "7600"}, TAKES),
        ({"TERM": "xterm-256color"}, UNKNOWN),
        ({}, UNKNOWN),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, REFUSES),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, REFUSES),
        ({"TERM": "linux"}, Clipboard.NONE),
        ({"TERM": "tmux-256color"}, Clipboard.TMUX),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/s,1,0"}, Clipboard.TMUX),
        ({"TERM": "screen-256color", "TMUX": "/tmp/s,1,0", "TERM_PROGRAM": "tmux"}, Clipboard.TMUX),
        ({"TERM": "screen.xterm-256color"}, Clipboard.SCREEN),
        ({"TERM": "vt100", "STY": "123.pts"}, Clipboard.SCREEN),
    ],
)
def test_terminals_are_known(environment: dict[str, str], clipboard: Clipboard) -> None:
    assert clipboard_of(environment) is clipboard


async def copied(stage: Stage, text: str, terminal: Mapping[str, str], *, view: bool = False) -> tuple[str, str]:
    """Copy a text; return what was said and the text that was sent to the terminal."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return await _copied(monkeypatch, stage, text, terminal, view=view)


async def _copied(
    monkeypatch: pytest.MonkeyPatch, stage: Stage, text: str, terminal: Mapping[str, str], *, view: bool
) -> tuple[str, str]:
    asked = OPENED_TO_VIEW if view else None
    app = RoomApp(stage.data, supervise=False, environment={}, terminal=terminal, view_only=asked)
    written: list[str] = []
    async with app.run_test() as pilot:
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        app.copy_text(text, "the proof")
        await wait_until(pilot, lambda: bool(app._notifications))
        told = [notification.message for notification in app._notifications]
    _, _, sent = "".join(written).partition("\x1b]52;c;")
    assert len(told) == 1
    return told[0], base64.b64decode(sent.partition("\a")[0]).decode()


async def test_copied_is_said_only_where_it_is_known(stage: Stage) -> None:
    assert await copied(stage, "×", {"TERM": "foot"}) == ("Copied the proof.", "×")
    assert await copied(stage, "×", {"TERM": "xterm"}) == ("Sent the proof to the terminal's clipboard.", "×")
    assert not stage.data.copied.exists()


@pytest.mark.parametrize(
    ("terminal", "word", "is_sent"),
    [
        ({"TERM": "tmux-256color"}, "set-clipboard", True),
        ({"TERM": "screen"}, "Not copied: GNU screen", True),
        ({"TERM": "xterm", "VTE_VERSION": "7000"}, "Not copied: this terminal", True),
        ({"TERM": "linux"}, "Not copied: this terminal", False),
    ],
)
async def test_elsewhere_a_file_has_the_text(stage: Stage, terminal: dict[str, str], word: str, is_sent: bool) -> None:
    told, sent = await copied(stage, "a\nb −", terminal)
    assert word in told
    assert "run/copied.txt" in told
    assert sent == ("a\nb −" if is_sent else "")
    assert stage.data.copied.read_text() == "a\nb −"
    assert stage.data.copied.stat().st_mode & 0o777 == 0o600


async def test_a_viewer_writes_nothing_and_says_the_text(stage: Stage) -> None:
    told, _ = await copied(stage, "some text", {"TERM": "linux"}, view=True)
    assert told.endswith("The text: some text")
    assert not stage.data.copied.exists()


async def test_a_file_that_cannot_be_written_is_told(stage: Stage) -> None:
    stage.data.copied.mkdir()
    told, _ = await copied(stage, "some text", {"TERM": "linux"})
    assert "run/copied.txt cannot be written (Is a directory). The text: some text" in told


async def test_a_text_too_long_for_terminals_is_in_the_file_only(stage: Stage) -> None:
    told, sent = await copied(stage, "x" * (MOST_BYTES + 1), {"TERM": "foot"})
    assert "too long" in told
    assert sent == ""
    assert stage.data.copied.stat().st_size == MOST_BYTES + 1
    assert (await copied(stage, "x" * MOST_BYTES, {"TERM": "foot"}))[0] == "Copied the proof."


async def test_a_path_that_is_no_text_is_copied(stage: Stage) -> None:
    path = os.fsdecode(b"/tmp/caf\xe9")
    assert (await copied(stage, path, {"TERM": "foot"}))[1] == "/tmp/caf�"
    await copied(stage, path, {"TERM": "linux"})
    assert stage.data.copied.read_bytes() == os.fsencode(path)
    assert Path(os.fsdecode(stage.data.copied.read_bytes())) == Path(path)

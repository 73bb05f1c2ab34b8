"""A staged data directory and a room over it, with a fixed clock."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

import pytest
from textual import events
from textual.keys import _character_to_key, key_to_character
from textual.message import Message
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import Dialog
from cq_tui.room.screens.palette import Palette
from cq_tui.room.state import RoomState
from tests.room.stage import NOW, Stage, staged_holder

MakeRoom = Callable[..., RoomApp]

#: Seconds until a room is given up: far more than a busy machine needs.
_TIMEOUT = 30.0
#: Seconds between polls: short at first, then longer, since each poll draws the whole screen.
_FIRST_LOOK, _LATER_LOOKS = 0.005, 0.05
#: So many looks in a row see a screen that is still: the last ones are 0.05 s apart.
_SAME_LOOKS = 8


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The staged data directory, written once: it takes many synced writes."""
    return Stage(tmp_path_factory.mktemp("staged") / "data").write_all().data.root


@pytest.fixture
def stage(tmp_path: Path, staged: Path) -> Stage:
    return Stage(shutil.copytree(staged, tmp_path / "data"))


def quick_clock() -> Callable[[], float]:
    """A clock by which every question has been visible long enough as soon as it is."""
    return itertools.count().__next__


@pytest.fixture
def make_room() -> MakeRoom:
    def make(data: DataDir, environment: Mapping[str, str] | None = None, *, ascii_only: bool = False) -> RoomApp:
        return RoomApp(
            data,
            supervise=False,
            environment=environment or {},
            now=lambda: NOW,
            clock=quick_clock(),
            find_holder=staged_holder,
            ascii_only=ascii_only,
            terminal={},
        )

    return make


def state_of(app: RoomApp) -> RoomState:
    """Return the read model, which must exist by now."""
    assert app.state is not None
    return app.state


async def wait_until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Wait for a condition while the room runs."""
    deadline, wait = monotonic() + _TIMEOUT, _FIRST_LOOK
    while not condition():
        if monotonic() > deadline:
            raise AssertionError(f"the room did not get there in {_TIMEOUT:g} s:\n" + screen_text(pilot))
        await pilot.pause(wait)
        wait = min(wait * 1.5, _LATER_LOOKS)
    await pilot.pause()


async def wait_until_loaded(pilot: Pilot[int]) -> None:
    """Wait until the room has read everything and shown it."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    await wait_until(pilot, lambda: app.state is not None and app.state.is_loaded)


async def wait_for_text(pilot: Pilot[int], words: str) -> None:
    """Wait until a text is on the screen."""
    await wait_until(pilot, shows(pilot, words))


async def wait_for_question(pilot: Pilot[int]) -> Dialog:
    """Wait until a question is on the screen, and return it."""

    def is_painted() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, Dialog) and screen.guard.is_painted

    await wait_until(pilot, is_painted)
    assert isinstance(pilot.app.screen, Dialog)
    return pilot.app.screen


async def open_pane(pilot: Pilot[int], number: int) -> None:
    """Go to a pane; in a small terminal its table takes keys only once it is visible."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    await pilot.press(str(number))
    await wait_until(pilot, lambda: app.focused is app.room.panes[number - 1].table)


async def wait_for_clipboard(pilot: Pilot[int], words: str) -> None:
    """Wait until a text is in the clipboard."""
    await wait_until(pilot, lambda: words in pilot.app.clipboard)


async def wait_until_painted(pilot: Pilot[int]) -> None:
    """Wait until nothing is left to repaint, and several looks in a row have seen the same."""
    looks = [""]

    def is_still() -> bool:
        looks.append(screen_text(pilot))
        return not pilot.app.screen._dirty_widgets and len(looks) > _SAME_LOOKS and len({*looks[-_SAME_LOOKS:]}) == 1

    await wait_until(pilot, is_still)


async def wait_until_idle(pilot: Pilot[int], group: str = "actions") -> None:
    """Wait until the room's workers have finished; the screen may show the result before that."""
    await wait_until(
        pilot, lambda: not any(worker.group == group and not worker.is_finished for worker in pilot.app.workers)
    )


def shows(pilot: Pilot[int], words: str) -> Callable[[], bool]:
    """Return whether a text is on the screen, as a condition to wait for."""
    return lambda: words in screen_text(pilot)


async def find_in_palette(pilot: Pilot[int], entry: str) -> None:
    """Wait until the palette's list follows what was typed, and has this entry."""

    def is_found() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, Palette) and screen.is_settled and entry in screen_text(pilot)

    await wait_until(pilot, is_found)


def toasts(app: RoomApp) -> list[str]:
    """Return the messages of the toasts that are up."""
    return [toast.message for toast in app._notifications]


def screen_text(pilot: Pilot[int]) -> str:
    """Return the screen as plain lines."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def key_event(name: str) -> events.Key:
    """Return the event of a key, by its name or its character."""
    if len(name) == 1:
        return events.Key(name if name.isalnum() else _character_to_key(name), name)
    return events.Key(name, key_to_character(name))


async def write_at_once(pilot: Pilot[int], *keys: str | Message) -> None:
    """Hand the room these keys as the driver does for one write, and wait until all of them have been handled."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    for name in keys:
        app.post_message(key_event(name) if isinstance(name, str) else name)
    taken = asyncio.Event()
    app.call_later(taken.set)
    deadline = monotonic() + _TIMEOUT
    while app.is_running and not (taken.is_set() and app.keys.is_idle):
        assert monotonic() < deadline, f"keys {keys} not handled in {_TIMEOUT:g} s:\n{screen_text(pilot)}"
        await asyncio.sleep(0.001)

"""A staged data directory and a room over it, with a clock that stands still."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from cq_tui.room.state import RoomState
from tests.room.stage import NOW, Stage

MakeRoom = Callable[..., RoomApp]


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scene, set once: it takes many synced writes."""
    return Stage(tmp_path_factory.mktemp("staged") / "data").everything().data.root


@pytest.fixture
def stage(tmp_path: Path, staged: Path) -> Stage:
    return Stage(shutil.copytree(staged, tmp_path / "data"))


@pytest.fixture
def make_room() -> MakeRoom:
    def make(data: DataDir, environment: Mapping[str, str] | None = None) -> RoomApp:
        return RoomApp(data, supervise=False, environment=environment or {}, now=lambda: NOW)

    return make


def state_of(app: RoomApp) -> RoomState:
    """The read model, which must be there by now."""
    assert app.state is not None
    return app.state


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Wait for a condition, with the room at work."""
    for _ in range(1000):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.005)
    raise AssertionError("the room did not get there in 5 s:\n" + screen_text(pilot))


async def read(pilot: Pilot[int]) -> None:
    """Wait until the room has read everything and shown it."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    await until(pilot, lambda: app.state is not None and app.state.is_read)


async def shows(pilot: Pilot[int], words: str) -> None:
    """Wait until words stand on the screen."""
    await until(pilot, lambda: words in screen_text(pilot))


def screen_text(pilot: Pilot[int]) -> str:
    """What stands on the screen, as plain lines."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())

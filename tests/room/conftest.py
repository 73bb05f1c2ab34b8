"""A staged data directory and a room over it, with a clock that stands still."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
from tests.room.stage import NOW, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "data").everything()


MakeRoom = Callable[..., RoomApp]


@pytest.fixture
def make_room() -> MakeRoom:
    def make(data: DataDir, environment: Mapping[str, str] | None = None) -> RoomApp:
        return RoomApp(data, supervise=False, environment=environment or {}, now=lambda: NOW)

    return make


async def settled(pilot: Pilot[int], condition: Callable[[], bool] | None = None) -> None:
    """Wait until the room has read everything, or until a condition holds."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    wanted = condition or (lambda: app.state is not None and app.state.is_read)
    for _ in range(500):
        if wanted():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("the room did not get there")


def screen_text(app: RoomApp) -> str:
    """What stands on the screen, as plain lines."""
    from textual.geometry import Region

    width, height = app.size
    lines = app.screen._compositor.render_strips(app.size)
    assert Region(0, 0, width, height)
    return "\n".join(strip.text for strip in lines)

"""Keys that arrive in one write: each goes where it would have gone, typed slowly."""

from pathlib import Path

import pytest

from cq_tui.room.app import RoomApp
from cq_tui.room.panes.pane import FilterInput
from cq_tui.room.screens.dialog import Dialog
from cq_tui.room.screens.logs import Logs
from tests.room.conftest import MakeRoom, wait_until_idle, wait_until_loaded, write_at_once
from tests.room.stage import Stage

SIZES = [(160, 45), (80, 24), (200, 55), (50, 12)]


def files(stage: Stage) -> dict[Path, bytes]:
    """Every file that a key could write."""
    root = stage.data.root
    places = [*root.glob("debug_bundle_*"), *(root / "control").rglob("*"), *(root / "ssot").rglob("*")]
    return {path: path.read_bytes() for path in places if path.is_file()}


def filter_of(app: RoomApp) -> str:
    screen = app.screen
    return screen.query_one(FilterInput).value if isinstance(screen, Logs) else app.room.active.filter_text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("before", [(), ("4",), ("6", "z"), ("l",)])
async def test_all_that_follows_a_slash_is_the_filters(
    stage: Stage, make_room: MakeRoom, size: tuple[int, int], before: tuple[str, ...]
) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        kept = files(stage)
        await write_at_once(pilot, *before, "/", *"btcHgxsr")
        await wait_until_idle(pilot)
        assert filter_of(app) == "btcHgxsr"
        assert not isinstance(app.screen, Dialog)
        assert files(stage) == kept

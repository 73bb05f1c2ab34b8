"""Screens may be closed at any moment: every key that opens something, then keys that close or answer, at once."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from cq_tui.room.app import RoomApp
from cq_tui.room.keys import FOOTER_BINDINGS, HIDDEN_BINDINGS
from tests.room.conftest import wait_until_loaded, write_at_once
from tests.room.stage import NOW, Stage, staged_holder

_IS_LONG = os.environ.get("CQ_HEAVY_TESTS") == "1"
#: Each pair of keys so many times; more where time does not matter.
TIMES = 50 if _IS_LONG else 1
#: All that any question takes for an answer, and all that closes a screen.
SECOND = ("escape", "enter", "y", "space", "n", "l", "a", "d", "o", "q", "right")[: None if _IS_LONG else 3]
SIZE = (80, 24)
#: Acts without a question, on purpose.
ACTS_AT_ONCE = {"b", "s"}


def keys_of(bindings: tuple[Binding, ...]) -> list[str]:
    return [key for binding in bindings for key in binding.key.split(",")]


OPENING = sorted({*keys_of(FOOTER_BINDINGS), *keys_of(HIDDEN_BINDINGS), "enter", "ctrl+p", "c"} - ACTS_AT_ONCE)


def files(root: Path) -> dict[Path, bytes]:
    """Every file that an action writes."""
    places = [*root.glob("debug_bundle_*"), *(root / "control").rglob("*"), *(root / "ssot").rglob("*")]
    return {path: path.read_bytes() for path in places if path.is_file()}


async def is_back(pilot: Pilot[int]) -> None:
    """Wait until nothing of the last keys is left: no screen, no question, no action."""
    app = pilot.app
    assert isinstance(app, RoomApp)
    await write_at_once(pilot, *["escape"] * 4)
    await wait_until_true(lambda: app.screen is app.room, app)
    await wait_until_true(lambda: not any(work.group in ("actions", "leave") for work in app.workers), app)


async def wait_until_true(condition: Callable[[], bool], app: RoomApp) -> None:
    deadline = monotonic() + 30
    while not condition():
        assert app.is_running, app._exception
        assert monotonic() < deadline, (app.screen_stack, list(app.workers))
        await asyncio.sleep(0.001)


@pytest.mark.timeout(3600 if _IS_LONG else 120)
@pytest.mark.parametrize("key", OPENING)
async def test_a_screen_closes_whatever_follows_the_key_that_opens_it(stage: Stage, key: str) -> None:
    # By a clock that stands still no answer is ever late enough to count.
    app = RoomApp(
        stage.data, supervise=False, environment={}, now=lambda: NOW, clock=lambda: 0.0, find_holder=staged_holder
    )
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        kept = files(stage.data.root)
        for second in SECOND:
            for _ in range(TIMES):
                await write_at_once(pilot, "6", key, second)
                assert app.is_running, app._exception
                await is_back(pilot)
        assert files(stage.data.root) == kept
    assert app.return_code in (0, None)

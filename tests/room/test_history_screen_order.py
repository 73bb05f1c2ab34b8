"""The history screen's order: the proof before the stored line if they do not fit side by side."""

import pytest

from tests.room.conftest import MakeRoom, open_pane, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage


async def test_a_narrow_terminal_shows_the_proof_one_page_down(stage: Stage, make_room: MakeRoom) -> None:
    async with make_room(stage.data).run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await open_pane(pilot, 6)
        await pilot.press("e")
        await pilot.press("down", "down", "down", "enter")
        await wait_for_text(pilot, "Proved by the checkpoint")
        await pilot.press("pagedown")
        await wait_for_text(pilot, "3 hashes up to the signed root")
        assert '{"event_id":"evt_' not in screen_text(pilot)
        await pilot.press("pagedown", "pagedown")
        await wait_for_text(pilot, '{"event_id":"evt_')


@pytest.mark.parametrize("size", [(160, 45), (200, 55)])
async def test_a_wide_terminal_shows_the_line_below_the_event(
    stage: Stage, make_room: MakeRoom, size: tuple[int, int]
) -> None:
    async with make_room(stage.data).run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await open_pane(pilot, 6)
        await pilot.press("e")
        await pilot.press("down", "down", "down", "enter")
        await wait_for_text(pilot, "Proved by the checkpoint")
        await pilot.resize_terminal(*size)
        await wait_for_text(pilot, '{"event_id":"evt_')
        line = next(line for line in screen_text(pilot).splitlines() if '{"event_id":"evt_' in line)
        assert line.index('{"event_id"') < size[0] // 2

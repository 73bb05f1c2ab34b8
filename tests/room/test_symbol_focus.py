"""One symbol in focus in the whole room: pinned to the top, and every list narrowed to it."""

from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import Stage


async def test_narrowed_lists_say_what_they_leave_out(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(200, 55)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "NEARUSDT")
        await pilot.press("end", "equals_sign")
        await wait_for_text(pilot, "only NEARUSDT")
        text = screen_text(pilot)
        assert text.count("Nothing here about NEARUSDT.") == 5, "signals, orders, positions, quarantine, memory"
        assert "Waiting for the first signal" not in text
        await pilot.press("1")
        await wait_for_text(pilot, "1 services")
        assert "1 services · only" not in screen_text(pilot)
        assert "4103" in screen_text(pilot), "services are about no symbol: they stay"
        await pilot.press("equals_sign")
        await wait_until(pilot, lambda: "Nothing here about" not in screen_text(pilot))


async def test_a_day_of_which_a_part_is_known_says_since_when(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(200, 55)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "today 1 entry")
        await wait_for_text(pilot, "fees 0.10")
        state = app.state
        assert state is not None
        state.event_tail.known_since = stage.now - 60
        await pilot.press("equals_sign", "equals_sign", "w")
        await wait_for_text(pilot, "why no trade · since 14:21:07")
        await pilot.press("escape")
        stage.history([(0, "order_unknown", "trader", {"symbol": "BTCUSDT", "client_order_id": "x"})])
        await wait_for_text(pilot, "since 14:21:07 1 entry")
        await wait_until(pilot, lambda: screen_text(pilot).count("fees 0.10") == 1)

"""Why was there no trade? One key: counts by reason, what each means, and what to do."""

from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import Stage


async def test_w_says_what_became_of_the_signals_of_the_last_hour(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("w")
        await wait_for_text(pilot, "nothing held")
        text = screen_text(pilot)
        for words in ("Nothing blocks new entries now.", "1 ● traded", "on spot, a SELL only closes", "ETHUSDT"):
            assert words in text, words
        await pilot.press("escape")
        await wait_for_text(pilot, "2 feeder")


async def test_w_says_what_blocks_every_entry_now(stage: Stage, make_room: MakeRoom) -> None:
    stage.health(stage.trader(status="degraded", reason="blocked", blocked_by=["ares health older than 30 s"]))
    app = make_room(stage.data)
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("w")
        await wait_for_text(pilot, "Every entry is blocked now:")
        assert "ares health older than 30 s" in screen_text(pilot)


async def test_e_shows_every_event_and_again_what_else_happened(stage: Stage, make_room: MakeRoom) -> None:
    app = make_room(stage.data)
    async with app.run_test(size=(160, 45)) as pilot:
        await wait_until_loaded(pilot)
        await wait_for_text(pilot, "LOG_LEVEL")
        assert "order_submitted" not in screen_text(pilot)
        await pilot.press("e")
        await wait_for_text(pilot, "order_submitted")
        await pilot.press("e")
        await wait_for_text(pilot, "what else happened")
        assert "order_submitted" not in screen_text(pilot)

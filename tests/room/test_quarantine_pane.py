"""Pane 5 names everything that opens nothing: what is quarantined, what is locked, and what it takes."""

import pytest

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.freshness import NO_END
from tests.room.conftest import MakeRoom, screen_text, wait_for_text, wait_until_loaded
from tests.room.stage import NOW, Stage

LOCK = "flattened by kim since 2026-08-01 14:20 UTC: delisting"
BY_HAND = QuarantineState(
    symbol="", strategy="trend", reason="news", failures=0, since=NOW - 60, until=NO_END, cause="hand", person="kim"
)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_an_empty_pane_says_what_it_takes(stage: Stage, make_room: MakeRoom, size: tuple[int, int]) -> None:
    stage.account(quarantine={})
    stage.health(stage.trader(quarantined_symbols=[]))
    app = make_room(stage.data)
    async with app.run_test(size=size) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("5", "z")
        await wait_for_text(pilot, "Nothing is")
        words = " ".join(screen_text(pilot).replace("│", " ").split())
        for part in ("3 failures", "10 losing", "5 repairs", "20 losing"):
            assert part in words


async def test_a_lock_and_a_strategy_are_listed_with_who_why_and_until_when(stage: Stage, make_room: MakeRoom) -> None:
    stage.account(quarantine={}, quarantined_strategies={"trend": BY_HAND}, locks={"BTCUSDT": LOCK})
    stage.health(stage.trader(quarantined_symbols=[]))
    app = make_room(stage.data)
    async with app.run_test(size=(100, 30)) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("5")
        for text in ("BTCUSDT", "locked", LOCK, "until cq-tui resume BTCUSDT", "by kim: news", "until it is released"):
            await wait_for_text(pilot, text)
        await pilot.press("end", "enter")
        await wait_for_text(pilot, "quarantine BTCUSDT")
        await wait_for_text(pilot, "unlocked by")
        await pilot.press("escape", "2", "enter")
        await wait_for_text(pilot, LOCK)

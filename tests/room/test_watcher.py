"""When the watcher reads: prices at most three times a second, everything else almost at once."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from cq_tui.room.changes import Changes, Topic
from cq_tui.room.state import RoomState
from cq_tui.room.watcher import Watcher
from tests.room.stage import Stage

#: Seconds; a busy machine wakes late, never early.
_PATIENCE = 20.0


class Watching:
    """A watcher of a staged directory, and when it published which topics."""

    def __init__(self, stage: Stage) -> None:
        self.state = RoomState(stage.data, {}, lambda _: None)
        self.seen: list[tuple[float, set[Topic]]] = []
        self.watcher = Watcher(self.state, time.time, self._take, pytest.fail)

    def _take(self, changes: Changes) -> None:
        self.seen.append((time.monotonic(), set(changes.topics)))

    def times_of(self, topic: Topic) -> list[float]:
        return [at for at, topics in self.seen if topic in topics and Topic.TIME not in topics]

    async def __aenter__(self) -> "Watching":
        self._task = asyncio.create_task(self.watcher.run())
        await self.until(lambda: self.state.is_loaded)
        self.seen.clear()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until_seen(self, topic: Topic) -> None:
        await self.until(lambda: any(topic in topics for _, topics in self.seen))

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


async def test_prices_are_read_at_most_three_times_a_second(stage: Stage) -> None:
    async with Watching(stage) as watching:
        number = 0
        while len(watching.times_of(Topic.PRICES)) < 6:
            number += 1
            stage.tickers(prices={"BTCUSDT": 70_000.0 + number})
            await asyncio.sleep(0.02)
        times = watching.times_of(Topic.PRICES)
        # Five waits; the first may have begun before what it published was seen.
        assert times[-1] - times[0] > 4 / 3
        await watching.until(lambda: watching.state.tickers["BTCUSDT"].price == 70_000.0 + number)


async def test_an_order_does_not_wait_for_the_next_prices(stage: Stage) -> None:
    async with Watching(stage) as watching:
        overtook = False
        for number in range(20):
            stage.tickers(prices={"BTCUSDT": 70_000.0 + number})
            await watching.until_seen(Topic.PRICES)
            stage.tickers(prices={"BTCUSDT": 80_000.0 + number})
            stage.account(equity=20_000.0 + number)
            watching.seen.clear()
            await watching.until_seen(Topic.ACCOUNT)
            overtook |= Topic.PRICES not in watching.seen[0][1]
            await watching.until_seen(Topic.PRICES)
            if overtook:
                return
            watching.seen.clear()
        raise AssertionError("the account was always read with the prices")


async def test_a_key_press_shows_the_newest_prices(stage: Stage) -> None:
    async with Watching(stage) as watching:
        gaps = []
        for number in range(20):
            stage.tickers(prices={"BTCUSDT": 70_000.0 + number})
            await watching.until_seen(Topic.PRICES)
            watching.seen.clear()
            read = time.monotonic()
            stage.tickers(prices={"BTCUSDT": 80_000.0 + number})
            while watching.state.tickers["BTCUSDT"].price != 80_000.0 + number:
                await asyncio.sleep(0.005)
                watching.watcher.read_now()
            gaps.append(time.monotonic() - read)
            watching.seen.clear()
            if gaps[-1] < 0.1:
                return
        raise AssertionError(f"the newest prices were never read at once: {gaps}")

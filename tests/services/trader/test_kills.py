"""SIGKILL at every step of an order's life, then another life: one entry, protected, each event told once."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from tests.services.scripted_account import stopping
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import buy, sell
from tests.services.waiting import until

pytestmark = pytest.mark.stack
D = Decimal
#: What the quote amount buys, and what of it can be sold after the commission.
BOUGHT, LOT = D("0.997"), D("0.996")


async def killed_at(around: World, step: str, *, executed: bool) -> None:
    """Trade until the request of this step is at the exchange, and kill the trader before it has an answer."""
    reached = asyncio.Event()
    around.account.silent = True
    async with trader(around) as process:
        is_closing = step in ("cancel", "exit", "replace")
        if is_closing:
            await bought(around)
        around.account.next[step].append(stopping(reached, executed=executed))
        if is_closing:
            around.signal(sell())
            await until(reached.is_set)
        else:
            await bought(around, reached.is_set)
        process.kill()
    around.account.silent = False


async def bought(around: World, is_enough: Callable[[], bool] | None = None) -> None:
    """Have a protected position, or come as far as is enough.

    Health that stood still for a moment denies a signal: then comes the next one.
    """
    is_done = is_enough or (lambda: around.covered == LOT and bool(around.position))
    for number in count(1):
        around.signal(buy(strategy=f"sample {number}"))
        await until(lambda number=number: is_done() or len(around.rejections()) == number)  # type: ignore[misc]
        if is_done():
            break


async def protected_again(around: World) -> None:
    async with trader(around) as process:
        await until(lambda: around.covered == LOT)
        await until(lambda: process.health.get("active_positions") == 1)
        assert await process.stop() == 0
    assert len(around.account.legs("entry")) == 1
    assert around.held == BOUGHT
    around.told_once()


async def sold_once(around: World) -> None:
    async with trader(around) as process:
        await until(lambda: around.held == BOUGHT - LOT and not around.position)
        await until(lambda: process.health.get("active_positions") == 0)
        assert await process.stop() == 0
    assert around.covered == 0
    around.told_once()


@pytest.mark.parametrize("step", ["entry", "oco"])
async def test_killed_between_execution_and_response(tmp_path: Path, step: str) -> None:
    async with world(tmp_path) as around:
        await killed_at(around, step, executed=True)
        await protected_again(around)
        assert len(around.account.sent) == 3


@pytest.mark.parametrize("step", ["cancel", "exit"])
async def test_killed_while_closing(tmp_path: Path, step: str) -> None:
    async with world(tmp_path) as around:
        await killed_at(around, step, executed=True)
        await sold_once(around)
        assert len(around.account.legs("exit")) == 1


async def test_killed_at_an_entry_by_list_and_at_an_exit_by_replacement(tmp_path: Path) -> None:
    """Executed or not, side by side."""

    async def entry(executed: bool) -> None:
        async with world(tmp_path / f"list-{executed}") as around:
            around.account.allows.add("otoAllowed")
            await killed_at(around, "list", executed=executed)
            if executed:
                await protected_again(around)
                return
            denied = len(around.rejections())
            async with trader(around) as process:
                await until(lambda: len(around.rejections()) > denied and process.health.get("open_orders") == 0)
                around.signal(buy(strategy="next"))
                await until(lambda: around.covered == LOT)
                assert await process.stop() == 0
            assert len(around.account.legs("entry")) == 1
            around.told_once()

    async def leave(executed: bool) -> None:
        async with world(tmp_path / f"replace-{executed}") as around:
            around.account.allows.add("cancelReplaceAllowed")
            await killed_at(around, "replace", executed=executed)
            await sold_once(around)
            assert len(around.account.legs("exit")) == 1

    async with asyncio.TaskGroup() as lives:
        for executed in (True, False):
            lives.create_task(entry(executed))
            lives.create_task(leave(executed))


async def test_killed_before_the_request_was_executed(tmp_path: Path) -> None:
    """All steps side by side: each waits until "not found" is believed."""

    async def entry() -> None:
        async with world(tmp_path / "entry") as around:
            await killed_at(around, "entry", executed=False)
            denied = len(around.rejections())
            async with trader(around) as process:
                await until(lambda: len(around.rejections()) > denied)
                # The signal of the next minute is free to be taken.
                around.signal(buy(strategy="next"))
                await until(lambda: around.covered == LOT)
                assert await process.stop() == 0
            assert len(around.account.legs("entry")) == 1
            around.told_once()

    async def protection() -> None:
        async with world(tmp_path / "oco") as around:
            await killed_at(around, "oco", executed=False)
            await protected_again(around)

    async def cancel() -> None:
        async with world(tmp_path / "cancel") as around:
            await killed_at(around, "cancel", executed=False)
            await sold_once(around)

    async def leave() -> None:
        async with world(tmp_path / "exit") as around:
            await killed_at(around, "exit", executed=False)
            await sold_once(around)

    async with asyncio.TaskGroup() as lives:
        for life in (entry, protection, cancel, leave):
            lives.create_task(life())


async def test_killed_after_placing_protection_whose_stop_fills_meanwhile(tmp_path: Path) -> None:
    async with world(tmp_path) as around:
        await killed_at(around, "oco", executed=True)
        [stop] = around.account.legs("stop")
        await around.account.fill(stop, price=D(98))
        async with trader(around) as process:
            await until(lambda: not around.position and around.book)
            assert await process.stop() == 0
        assert around.held == BOUGHT - LOT
        around.told_once()

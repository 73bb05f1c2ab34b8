"""``cq-tui flatten --direct`` as a process: the trader alive, suspended, dead; its files damaged; a supervisor."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from cq_tui.store.lock import find_holder
from tests.ops.direct.commands import (
    LOT,
    ended,
    hold_position,
    ready_health,
    run,
    start,
    stays_flat,
    supervised_trader,
    trader_pid,
    was_sold_once,
)
from tests.services.processes import spooled
from tests.services.scripted_account import Execute, stopping
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import buy
from tests.services.waiting import until

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("state", ["alive", "suspended", "dead"])
async def test_it_sells_in_the_place_of_a_trader(tmp_path: Path, state: str) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        if state == "suspended":
            os.kill(process.pid, signal.SIGSTOP)
        elif state == "dead":
            process.kill()
        told = await run(around.data, "flatten", "--direct", "--why", "news")
        was_sold_once(around, told)
        assert not process.is_alive
        assert ("ending the trader" in told.err) is (state != "dead")
        assert around.data.stop_of("halted").exists()
        assert find_holder(around.data.lock_of("trader")) is None
        assert [e["data"]["outcome"] for e in spooled(around.data, "trader", "command_executed")] == ["done"]
        async with trader(around) as again:
            await stays_flat(around, again)


async def test_one_symbol_is_locked_and_close_locks_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        told = await run(around.data, "close", "BTCUSDT", "--direct")
        was_sold_once(around, told)
        assert not around.data.stop_of("halted").exists()
        told = await run(around.data, "flatten", "BTCUSDT", "--direct")
        assert (told.code, told.out.split()[:3]) == (0, ["BTCUSDT", "not", "held"])
        async with trader(around):
            around.signal(buy(strategy="later"))
            await until(lambda: around.rejections("symbol_locked"))


async def test_killed_in_the_middle_the_next_trader_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        reached = asyncio.Event()
        around.account.next["exit"].append(stopping(reached, executed=False))
        command = await start(around.data, "flatten", "--direct")
        await reached.wait()
        command.kill()
        await command.wait()
        async with trader(around) as again:
            await until(lambda: len(around.account.legs("exit", "FILLED")) == 1)
            await until(lambda: not around.position)
            around.told_once()
            await stays_flat(around, again)


async def test_damaged_snapshot_is_no_obstacle(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        around.data.state_of("trader").write_bytes(b"{")
        was_sold_once(around, await run(around.data, "flatten", "--direct"))


async def test_without_an_exchange_the_wish_is_kept(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        around.exchange.gone()
        told = await run(around.data, "flatten", "--direct")
        assert told.code == 1
        assert "the simulated exchange does not run. Start it with `cq-tui up`" in told.err
        assert told.out.startswith("BTCUSDT  being sold")
        around.exchange.at(around.at)
        async with trader(around) as again:
            await until(lambda: len(around.account.legs("exit", "FILLED")) == 1)
            await stays_flat(around, again)


async def test_asked_to_end_it_leaves_the_wish(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        reached = asyncio.Event()
        around.account.next["exit"].append(stopping(reached, executed=False))
        command = await start(around.data, "flatten", "--direct")
        await reached.wait()
        command.send_signal(signal.SIGINT)
        told = await ended(command)
        assert told.code == 1
        assert "What is left is still wanted" in told.err
        async with trader(around):
            await until(lambda: len(around.account.legs("exit", "FILLED")) == 1)


def hold_back_exit(around: World) -> asyncio.Event:
    """Have the next exit answered only once this is set."""
    go = asyncio.Event()

    async def answer_later(execute: Execute) -> Response:
        await go.wait()
        return JSONResponse(await execute())

    around.account.next["exit"].append(answer_later)
    return go


async def test_the_end_of_its_terminal_does_not_end_it_and_a_second_one_waits_for_it(tmp_path: Path) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        go = hold_back_exit(around)
        command = await start(around.data, "flatten", "--direct")
        await until(lambda: around.account.sent[-1] not in around.account.orders)
        second = await start(around.data, "close", "BTCUSDT", "--direct")
        for number in (signal.SIGHUP, signal.SIGTSTP):
            command.send_signal(number)
        await until(lambda: list(around.data.control.glob("*.claimed")))
        go.set()
        was_sold_once(around, await ended(command))
        told = await ended(second)
        assert (told.code, len(around.account.legs("exit"))) == (0, 1), told


@pytest.mark.parametrize("state", ["alive", "suspended"])
async def test_a_supervisor_lets_it_be_and_starts_a_halted_trader_afterwards(tmp_path: Path, state: str) -> None:
    async with world(tmp_path) as around, supervised_trader(around) as supervisor:
        await hold_position(around)
        first = trader_pid(around)
        if state == "suspended":
            os.kill(first, signal.SIGSTOP)
        go = hold_back_exit(around)
        command = await start(around.data, "flatten", "--direct")
        await until(lambda: supervisor.state_of("trader").pid == command.pid)
        await until(lambda: supervisor.state_of("trader").state == "running")
        assert supervisor.state_of("trader").reason == "a command sells in its place"
        go.set()
        told = await ended(command)
        await until(lambda: trader_pid(around) not in (first, command.pid, 0))
        third = trader_pid(around)
        health = await until(lambda: ready_health(around, third))
        assert health is not None
        assert health["trading_state"] == "halted"
        started = [e["data"]["pid"] for e in spooled(around.data, "trader", "service_started")]
        assert started == [first, command.pid, third], "never two"
        was_sold_once(around, told)


@pytest.mark.parametrize("snapshot", ["damaged", "lost"])
async def test_nothing_is_called_sold_where_neither_snapshot_nor_history_tell_it(tmp_path: Path, snapshot: str) -> None:
    async with world(tmp_path) as around, trader(around) as process:
        await hold_position(around)
        process.kill()
        around.data.state_of("trader").write_bytes(b"{")
        if snapshot == "lost":
            around.data.state_of("trader").unlink()
        (around.data.spool / "trader.ndjson").unlink()
        told = await run(around.data, "flatten", "--direct")
        assert told.code == 1
        assert "what else is held is not certain" in told.err
        assert around.covered == LOT, "what stands at the exchange is left alone"

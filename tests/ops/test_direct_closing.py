"""``cq-tui flatten --direct`` as a process: the trader alive, suspended, dead; its files damaged or not writable."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.responses import JSONResponse, Response

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.lock import find_holder
from cq_tui.supervisor.supervisor import Supervisor
from tests.services.processes import RunningService, environment, spooled
from tests.services.scripted_account import Execute, stopping
from tests.services.trader.process import World, trader, world
from tests.services.trader.surroundings import buy
from tests.services.waiting import until

pytestmark = pytest.mark.stack
#: What of an entry can be sold.
LOT = Decimal("0.996")


class Told(NamedTuple):
    """What a command said, and how it ended."""

    code: int | None
    out: str
    err: str


async def start(data: DataDir, *words: str) -> asyncio.subprocess.Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cq_tui", *words, "--data-dir", str(data.root),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(),
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> Told:
    """What a command says until it ends; it is killed if it does not."""
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return Told(process.returncode, out.decode(), err.decode())


async def run(data: DataDir, *words: str) -> Told:
    return await ended(await start(data, *words))


@asynccontextmanager
async def supervised_trader(around: World) -> AsyncIterator[Supervisor]:
    """A trader that is ready, under a supervisor; both are gone afterwards."""
    supervisor = Supervisor(around.data)
    assert supervisor.acquire()
    tasks = [asyncio.create_task(supervisor.supervise("trader")), asyncio.create_task(supervisor.serve())]
    try:
        await until(lambda: ready_health(around, trader_pid(around)))
        yield supervisor
    finally:
        await supervisor.stop("trader")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        supervisor.release()


def trader_pid(around: World) -> int:
    """Who holds the trader's lock; 0 for nobody."""
    holder = find_holder(around.data.lock_of("trader"))
    return 0 if holder is None else holder.pid


def ready_health(around: World, pid: int) -> dict[str, Any] | None:
    """What this process reports, once it is ready."""
    with suppress(DocumentError):
        health: dict[str, Any] = read_json(around.data.health_of("trader"))
        if health.get("pid") == pid and health.get("ready"):
            return health
    return None


async def hold_position(around: World) -> None:
    around.signal(buy())
    await until(lambda: around.covered == LOT)
    # Stored: the next one reads it.
    await until(lambda: around.position)


def was_sold_once(around: World, told: Told) -> None:
    assert told.code == 0, told.err
    assert told.out.startswith("BTCUSDT  sold  0.996 BTC for"), told
    assert around.held == Decimal("0.001"), "but for the commission"
    assert len(around.account.legs("exit")) == 1
    around.told_once()


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


async def stays_flat(around: World, process: RunningService) -> None:
    """Nothing is opened any more."""
    assert process.health["trading_state"] == "halted"
    around.signal(buy(strategy="later"))
    await until(lambda: around.rejections("trading_halted"))
    assert len(around.account.legs("entry")) == 1


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


@pytest.mark.parametrize("state", ["alive", "suspended"])
async def test_a_supervisor_lets_it_be_and_starts_a_halted_trader_afterwards(tmp_path: Path, state: str) -> None:
    async with world(tmp_path) as around, supervised_trader(around) as supervisor:
        await hold_position(around)
        first = trader_pid(around)
        if state == "suspended":
            os.kill(first, signal.SIGSTOP)
        go = asyncio.Event()

        async def answer_later(execute: Execute) -> Response:
            await go.wait()
            return JSONResponse(await execute())

        around.account.next["exit"].append(answer_later)
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

"""Commands that sell, as processes, and what they leave."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.lock import find_holder
from cq_tui.supervisor.supervisor import Supervisor
from tests.services.processes import RunningService, environment
from tests.services.trader.process import World
from tests.services.trader.surroundings import buy
from tests.services.waiting import until

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
    """All is sold, by one order, and the history knows it."""
    was_sold(around, told)
    around.told_once()


def was_sold(around: World, told: Told) -> None:
    """All is sold, by one order."""
    assert told.code == 0, told.err
    assert told.out.startswith("BTCUSDT  sold  0.996 BTC for"), told
    assert around.held == Decimal("0.001"), "but for the commission"
    assert len(around.account.legs("exit")) == 1


async def stays_flat(around: World, process: RunningService) -> None:
    """Nothing is opened any more."""
    assert process.health["trading_state"] == "halted"
    around.signal(buy(strategy="later"))
    await until(lambda: around.rejections("trading_halted"))
    assert len(around.account.legs("entry")) == 1

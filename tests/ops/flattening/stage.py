"""The stage of a flatten: an exchange that fails on demand, real services, two positions, and the command."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.drills.field import Field, field_on
from cq_tui.ops.drills.private_exchange import PrivateExchange
from cq_tui.ops.drills.services import RunService
from cq_tui.ops.drills.surroundings import private_environment
from cq_tui.ops.drills.warden import end_processes
from tests.ops.flattening.exchange import obedient_exchange
from tests.ops.flattening.faults import MANY, SYMBOLS, Fault
from tests.services.processes import RunningService, running
from tests.small_disk import SmallDisk, small_disk

#: Seconds that the command may take.
_PATIENCE = 300.0
_DISK_MEBIBYTES, _SMALL_MEBIBYTES = 64, 4


class Answer(NamedTuple):
    """What ``cq-tui flatten`` said."""

    code: int
    out: str
    err: str
    #: It sold itself, without a trader.
    is_direct: bool


@dataclass(slots=True)
class Stage:
    """What a state of death happens to."""

    folder: Path
    field: Field
    run: RunService
    environment: dict[str, str]
    disk: SmallDisk | None

    @property
    def exchange(self) -> PrivateExchange:
        return self.field.exchange

    @property
    def trader(self) -> RunningService:
        trader = self.field.services["trader"]
        assert isinstance(trader, RunningService)
        return trader

    def small_disk(self) -> SmallDisk:
        assert self.disk is not None
        return self.disk

    async def open_positions(self) -> None:
        """Have two protected positions; one of them is too large for one order."""
        await self.field.begin()
        await self.field.enter(*SYMBOLS)
        self.exchange.filters("ETHUSDT", MARKET_LOT_SIZE={"maxQty": f"{self.exchange.balance('ETH') / 3:.4f}"})

    def end_faults(self) -> None:
        """Have an exchange as it usually is."""
        self.exchange.mend()
        self.exchange.admin("clock", go=True)

    async def flatten(self, fault: Fault, *words: str) -> Answer:
        """Run the command; the fault is taken away some time after it has hit, if it is one of those."""
        command = [sys.executable, "-m", "cq_tui", "flatten", *words, "--data-dir", str(self.field.data.root)]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )  # fmt: skip
        mending = asyncio.create_task(self._mend_after(fault))
        try:
            async with asyncio.timeout(_PATIENCE):
                out, err = await process.communicate()
        finally:
            mending.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        told = err.decode()
        return Answer(process.returncode, out.decode(), told, "--direct" in words or "selling directly" in told)

    async def _mend_after(self, fault: Fault) -> None:
        if fault.held is None:
            return
        async with httpx.AsyncClient(base_url=self.exchange.address["rest_url"], trust_env=False) as http:
            while not _have_hit((await http.get("/admin/faults")).json()):
                await asyncio.sleep(0.1)
        await asyncio.sleep(fault.held)
        self.end_faults()


def _have_hit(faults: list[dict[str, Any]]) -> bool:
    """Whether a fault that is counted has occurred; one that is not counted is there at once."""
    counted = [fault["left"] for fault in faults if fault["left"] is not None]
    return any(left < MANY for left in counted) or not counted


def _services(environment: Mapping[str, str]) -> RunService:
    """Run services as other tests do, with the configuration folder of the stage."""

    def run(name: str, data: DataDir, **variables: str) -> AbstractAsyncContextManager[RunningService]:
        return running(name, data, **({"CQ_CONFIG_DIR": environment["CQ_CONFIG_DIR"]} | variables))

    return run


@asynccontextmanager
async def staged(folder: Path, *, on_small_disk: bool = False) -> AsyncIterator[Stage]:
    """Prepare an exchange and a data directory; every process ends with it."""
    environment = private_environment(folder / "config")
    data = DataDir(folder / "data")
    async with AsyncExitStack() as stack:
        disk = None
        if on_small_disk:
            disk = stack.enter_context(small_disk(data.root, _DISK_MEBIBYTES))
            # Reports and prices have their own, or they would block.
            for path in (data.health, data.tickers.parent):
                stack.enter_context(small_disk(path, _SMALL_MEBIBYTES))
        stack.push_async_callback(asyncio.to_thread, end_processes, folder)
        exchange = await stack.enter_async_context(obedient_exchange(folder / "exchange"))
        run = _services(environment)
        settings: dict[str, object] = {"ARES_FRESHNESS_THRESHOLD": 300.0}
        field = await stack.enter_async_context(field_on(data, exchange, run, *SYMBOLS, **settings))
        yield Stage(folder, field, run, environment, disk)

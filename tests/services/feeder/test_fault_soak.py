"""Kline journals after a while of an exchange's faults and of kills: identical to the exchange's klines.

The faults are those of the simulated exchange: answers and messages that are late, lost, doubled or refused,
connections that end, symbols that fall silent or are halted, clocks that are off. ``make torture`` plays minutes of it.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import lines_of_klines
from tests.services.feeder.test_service import directory, ready, simulated_exchange
from tests.services.kline_truth import stored, wrong_klines
from tests.services.processes import AnnouncedExchange, RunningService, running, spooled
from tests.services.waiting import until
from tests.store.history.torture import HEAVY

pytestmark = [pytest.mark.stack, pytest.mark.timeout(0 if HEAVY else 120)]

_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_KLINES = {"method": "GET", "path": "/api/v3/klines"}
_FAULTS: tuple[dict[str, Any], ...] = (
    {"action": "delay", "delay_ms": 1_400, "count": 3} | _KLINES,
    {"action": "delay", "delay_ms": 600, "count": 2, "before": True} | _KLINES,
    {"action": "error", "code": -1007, "count": 3} | _KLINES,
    {"action": "drop", "count": 2} | _KLINES,
    {"action": "delay", "stream": "market", "delay_ms": 900, "seconds": 2},
    {"action": "disconnect", "count": 2},
    {"action": "silence", "symbol": "ETHUSDT", "seconds": 2.5},
    {"action": "silence", "seconds": 1.5},
    {"action": "repeat", "seconds": 2},
    {"action": "stale", "seconds": 2},
    {"action": "reorder", "seconds": 2},
    {"action": "offset", "offset_ms": 10_000, "seconds": 3},
    {"action": "offset", "offset_ms": -10_000, "seconds": 3},
    {"action": "status", "status": "HALT", "symbol": "BTCUSDT", "seconds": 1.5},
)


class Feeders:
    """A feeder that is killed and started again."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._kill = asyncio.Event()
        self.kills = 0
        self.current: RunningService | None = None

    async def run(self) -> None:
        """Start it whenever it was killed, until canceled."""
        while True:
            async with running("feeder", self._data) as self.current:
                await self._kill.wait()
                self._kill.clear()
                self.current.kill()
                self.kills += 1

    def kill(self) -> None:
        self._kill.set()


@asynccontextmanager
async def feeders(data: DataDir) -> AsyncIterator[Feeders]:
    kept = Feeders(data)
    task = asyncio.create_task(kept.run())
    try:
        yield kept
    finally:
        task.cancel()
        await asyncio.wait([task])


async def play_faults(admin: httpx.AsyncClient, kept: Feeders, random: random.Random, seconds: float) -> None:
    """Let something happen every half second or so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        for fault in random.sample(_FAULTS, random.choice((1, 1, 2))):
            (await admin.post("/admin/faults", json=fault)).raise_for_status()
        if random.random() < 0.25:
            kept.kill()
        await asyncio.sleep(random.uniform(0.1, 1.0))
        if random.random() < 0.2:
            await admin.delete("/admin/faults")


@pytest.mark.parametrize("seed", range(20) if HEAVY else range(2))
async def test_journals_end_identical_to_the_exchange_s_klines(tmp_path: Path, seed: int) -> None:
    data = directory(tmp_path)
    async with simulated_exchange() as (at, admin), feeders(data) as kept:
        AnnouncedExchange(data).at(at)
        await until(lambda: kept.current and kept.current.health.get("ready"))
        await play_faults(admin, kept, random.Random(seed), 60 if HEAVY else 8)
        kept.kill()
        kills = kept.kills
        await until(lambda: kept.kills > kills)
        await admin.delete("/admin/faults")
        await until(lambda: kept.current and kept.current.health.get("ready"))
        assert kept.current is not None
        await ready(kept.current)
        newest = {symbol: stored(data, symbol)[-1].open_time for symbol in _SYMBOLS}
        await until(lambda: all(stored(data, symbol)[-1].open_time > newest[symbol] + 2_000 for symbol in _SYMBOLS))
        assert await wrong_klines(data, at.rest) == {}
        assert spooled(data, "feeder", "klines_repaired") == [], "no bar was ever stored otherwise"


def spoil(data: DataDir, symbol: str, random: random.Random) -> None:
    """Change, drop or double a stored kline, or let the last one be as it was while it was forming."""
    klines = stored(data, symbol)
    place = random.choice((random.randrange(len(klines)), len(klines) - 1))
    spoiled = klines[place]._replace(volume=klines[place].volume + 1)
    put = random.choice(([spoiled], [klines[place], klines[place]], [] if len(klines) > place + 1 else [spoiled]))
    data.klines_of(symbol, "1s").write_bytes(lines_of_klines([*klines[:place], *put, *klines[place + 1 :]]))


@pytest.mark.parametrize("seed", range(20) if HEAVY else range(2))
async def test_what_was_stored_wrongly_is_whole_again_whenever_the_repair_is_killed(tmp_path: Path, seed: int) -> None:
    data, chance = directory(tmp_path), random.Random(seed)
    async with simulated_exchange() as (at, _):
        AnnouncedExchange(data).at(at)
        for turn in range(6):
            async with running("feeder", data) as feeder:
                if turn == 0:
                    await until(lambda feeder=feeder: feeder.health.get("ready"))  # type: ignore[misc]
                await asyncio.sleep(chance.uniform(0, 1.2))
                feeder.kill()
            for symbol in _SYMBOLS:
                spoil(data, symbol, chance)
        async with running("feeder", data) as feeder:
            await ready(feeder)
            async with asyncio.timeout(60):
                while await wrong_klines(data, at.rest):
                    await asyncio.sleep(0.1)
        told = spooled(data, "feeder", "klines_repaired")
        assert {event["data"]["symbol"] for event in told} == set(_SYMBOLS)
        assert all(event["data"]["count"] >= 1 for event in told)

"""A position in a symbol that is no longer in SYMBOLS, with all services: fed, valued, and closed as any other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker, tickers_from_bytes
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import read_json
from cq_tui.store.settings_file import change_settings
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import data_directory, report, running
from tests.services.waiting import until

pytestmark = pytest.mark.stack


@asynccontextmanager
async def healthy_ares(data: DataDir) -> AsyncIterator[EventSpool]:
    """Report as ARES would; signals go into the spool."""

    async def beat() -> None:
        while True:
            report(data, "ares")
            await asyncio.sleep(0.3)

    beating = asyncio.create_task(beat())
    spool = EventSpool(data.spool, "ares", quarantine=data.quarantine)
    try:
        yield spool
    finally:
        beating.cancel()
        spool.close()


def ticker(data: DataDir, symbol: str) -> Ticker | None:
    return tickers_from_bytes(data.tickers.read_bytes())[1].get(symbol) if data.tickers.exists() else None


def price_of(data: DataDir, symbol: str) -> float:
    found = ticker(data, symbol)
    assert found is not None
    return found.ask


def account(data: DataDir) -> dict[str, Any]:
    return read_json(data.account) if data.account.exists() else {}


def buy(price: float) -> dict[str, Any]:
    return {
        "symbol": "ETHUSDT", "side": "BUY", "entry_price": price, "stop_loss": price * 0.9, "take_profit": price * 1.1,
        "confidence": 0.7, "strategy": "sample", "frame": "1s", "bar_close_time": int(time.time()) * 1000 - 1,
    }  # fmt: skip


async def test_it_is_fed_until_it_is_closed(tmp_path: Path) -> None:
    data = data_directory(
        tmp_path, SYMBOLS=["BTCUSDT", "ETHUSDT"], FEEDER_HEARTBEAT_INTERVAL=0.2, ARES_FRESHNESS_THRESHOLD=60.0
    )
    async with AsyncExitStack() as stack:
        names = ("exchange", "memory", "feeder", "trader")
        services = {name: await stack.enter_async_context(running(name, data)) for name in names}
        ares, feeder = await stack.enter_async_context(healthy_ares(data)), services["feeder"]
        await until(lambda: all(service.health.get("ready") for service in services.values()), 60)
        await until(lambda: ticker(data, "ETHUSDT"))
        ares.emit("signal_generated", buy(price_of(data, "ETHUSDT")))
        await until(lambda: account(data).get("held_symbols") == ["ETHUSDT"], 60)

        change_settings(data.settings, {"SYMBOLS": ["SOLUSDT"]})
        await until(lambda: feeder.health.get("symbols") == ["SOLUSDT", "ETHUSDT"])
        services["trader"].kill()
        before = ticker(data, "ETHUSDT")
        assert before is not None
        await until(lambda: (now := ticker(data, "ETHUSDT")) and now.timestamp > before.timestamp + 1)
        assert feeder.health["held_symbols"] == ["ETHUSDT"], "a trader that is dead still holds"

        services["trader"] = await stack.enter_async_context(running("trader", data))
        await until(lambda: services["trader"].health.get("ready"), 60)
        assert account(data)["held_symbols"] == ["ETHUSDT"]
        command = issue_command(data, "flatten", "trader", issued_by="the test", target="ETHUSDT")
        assert (await wait_for_answer(data, command)).message == "ETHUSDT closed"
        await until(lambda: account(data).get("held_symbols") == [])
        await until(lambda: feeder.health["symbols"] == ["SOLUSDT"])
        await until(lambda: ticker(data, "ETHUSDT") is None)

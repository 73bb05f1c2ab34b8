"""Exchange, memory and trader as real processes on one data directory; feeder and ARES are only reported well."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import ExchangeAddress
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import DocumentError, read_document, read_json, write_document
from cq_tui.store.spools.spool import EventSpool
from tests.services.processes import RunningService, report, running
from tests.services.waiting import until

SYMBOL = "BTCUSDT"


class RealStack:
    """The processes by name, and what a test asks of them."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self.processes: dict[str, RunningService] = {}
        self._contexts = AsyncExitStack()
        self._signals = 0

    async def start(self, name: str, *, wait: bool = True) -> RunningService:
        """Start a service; it may replace one that was killed."""
        process = await self._contexts.enter_async_context(running(name, self.data))
        self.processes[name] = process
        if wait:
            await until(lambda: process.health.get("ready"), 60)
        return process

    def kill(self, name: str) -> None:
        """End a service as a power failure would."""
        self.processes[name].kill()

    @asynccontextmanager
    async def rest(self) -> AsyncIterator[SpotRest]:
        """The exchange as the test sees it. Raises DocumentError or BinanceError while it is away."""
        address = read_document(self.data.exchange_address, ExchangeAddress)
        key = Credentials(address.api_key.get_secret_value(), address.api_secret.get_secret_value())
        async with SpotRest(address.rest_url, key) as rest:
            yield rest

    async def stay_well(self) -> None:
        """Keep the prices, and the health of feeder and ARES, fresh until canceled."""
        while True:
            with contextlib.suppress(BinanceError, DocumentError):
                async with self.rest() as rest:
                    while True:
                        [book] = await rest.book_tickers([SYMBOL])
                        self._write_prices(float(book.bid_price), float(book.ask_price))
                        await asyncio.sleep(0.2)
            await asyncio.sleep(0.1)

    def _write_prices(self, bid: float, ask: float) -> None:
        now = time.time()
        ticker = Ticker(bid, 0.0, bid, ask, 1.0, now, 2)
        write_document(self.data.tickers, tickers_to_bytes(now, {SYMBOL: ticker}), durable=False)
        for service in ("feeder", "ares"):
            report(self.data, service)

    def signal(self, side: str, price: float) -> None:
        """Have a strategy ask for an entry; or the one that owns the position, for its exit."""
        self._signals += 1
        owner = self.position.get("strategy") if side == "SELL" else None
        stop, target = (0.97, 1.03) if side == "BUY" else (1.03, 0.97)
        signal = {
            "symbol": SYMBOL, "side": side, "entry_price": price, "stop_loss": price * stop,
            "take_profit": price * target, "confidence": 0.7, "frame": "1s",
            "strategy": owner or f"sample{self._signals}",
            "bar_close_time": int(time.time()) * 1000 - 1,
        }  # fmt: skip
        spool = EventSpool(self.data.spool, "ares", quarantine=self.data.quarantine)
        spool.emit("signal_generated", signal)
        spool.close()

    @property
    def account(self) -> dict[str, Any]:
        """The account document; empty before there is one."""
        return read_json(self.data.account) if self.data.account.exists() else {}

    @property
    def position(self) -> dict[str, Any]:
        """The position as the trader reports it."""
        position: dict[str, Any] = self.account.get("positions", {}).get(SYMBOL, {})
        return position

    async def close(self) -> None:
        """End all processes."""
        await self._contexts.aclose()


@asynccontextmanager
async def real_stack(data: DataDir, *names: str) -> AsyncIterator[RealStack]:
    """Start these services, with prices and health that stay fresh."""
    stack = RealStack(data)
    well = asyncio.create_task(stack.stay_well())
    try:
        for name in names:
            await stack.start(name)
        yield stack
    finally:
        well.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await well
        await stack.close()

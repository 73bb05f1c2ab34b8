"""A trader's session at a scripted account, with the files around it, inside the test."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

import httpx
import structlog
from pydantic import BaseModel

from cq_tui.binance.hosts import Endpoints
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Settings
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.session import TraderSession
from cq_tui.store.document import write_document
from cq_tui.store.spools.spool import EventSpool
from cq_tui.trading.denial import Denial
from cq_tui.trading.signals import TradeSignal
from tests.services.processes import KEY, SECRET, report, spooled
from tests.services.scripted_account import ScriptedAccount
from tests.services.serving import serving
from tests.services.waiting import until

D = Decimal
TIMEOUT = httpx.Timeout(connect=20.0, read=0.4, write=20.0, pool=20.0)


class CutWire(httpx.AsyncHTTPTransport):
    """The network, which the test can cut, wholly or for what changes something: that does not get out then."""

    cut = False
    changes_cut = False
    #: Requests that did not get out.
    lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut or (self.changes_cut and request.method != "GET"):
            self.lost += 1
            raise httpx.ConnectError("the wire is cut")
        return await super().handle_async_request(request)


class Turn(asyncio.Lock):
    """The session's turn, which knows how many wait for it."""

    waiting = 0

    async def acquire(self) -> Literal[True]:
        self.waiting += 1
        try:
            return await super().acquire()
        finally:
            self.waiting -= 1


class Spool:
    """What the frame does with events, without a process around it."""

    name = "trader"

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self._spool = EventSpool(data.spool, self.name, quarantine=data.quarantine)

    def emit(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        self._spool.emit(event_type, data, metadata=metadata)

    def trace(self, step: str, key: str, **milliseconds: float) -> None:
        pass

    def emit_durably(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        self._spool.emit(event_type, data, metadata=metadata, durable=True)

    def close(self) -> None:
        self._spool.close()


def write_prices(data: DataDir, price: float, *, age: float = 0.0, symbols: tuple[str, ...] = ("BTCUSDT",)) -> None:
    """Write tickers around a price."""
    now = time.time() - age
    tickers = {symbol: Ticker(price, 0.0, price - 0.01, price + 0.01, 1.0, now, 2) for symbol in symbols}
    write_document(data.tickers, tickers_to_bytes(now, tickers), durable=False)


def all_is_well(
    data: DataDir,
    price: float = 100.0,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    memory: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Fresh health of all that an entry depends on, but for some fields of memory's, and fresh prices."""
    for service in ("feeder", "ares"):
        report(data, service)
    report(data, "memory", **memory)
    write_prices(data, price, symbols=symbols)


def buy(**changes: Any) -> TradeSignal:
    """A fresh BUY."""
    plain: dict[str, Any] = {
        "symbol": "BTCUSDT", "side": "BUY", "entry_price": D(100), "stop_loss": D(98), "take_profit": D(104),
        "confidence": 0.5, "strategy": "sample", "frame": "1s",
        "bar_close_time": int(time.time()) * 1000 - 1,
    }  # fmt: skip
    return TradeSignal(**(plain | changes))


def sell(**changes: Any) -> TradeSignal:
    """A fresh SELL."""
    return buy(side="SELL", stop_loss=D(104), take_profit=D(98), **changes)


class Stage:
    """One life of a trader. The book on disk is ``saved``: what a restart would find."""

    def __init__(self, data: DataDir, account: ScriptedAccount, book: Book) -> None:
        self.data = data
        self.account = account
        self.book = book
        self.saved: dict[str, Any] = {}
        self.session: TraderSession
        self.turn = Turn()
        # The exchange is on loopback: no certificates, which take long to read.
        self.wire = CutWire(verify=False)
        self.settings = Settings()

    def save(self) -> None:
        self.book.tidy()
        self.saved = self.book.to_dict()

    async def act_on(self, signal: TradeSignal, **settings: Any) -> Denial | None:
        all_is_well(self.data, float(self.account.price))
        return await self.session.act_on(signal, lambda: self.settings.model_copy(update=settings))

    async def enter(self) -> TradeSignal:
        """Have a position, protected."""
        signal = buy()
        assert await self.act_on(signal) is None
        await self.protected()
        return signal

    async def cycles(self, count: int) -> None:
        """Wait until the session has gone round so often, looking around each time."""
        seen = [self.session.around]

        def looked() -> int:
            if self.session.around is not seen[-1]:
                seen.append(self.session.around)
            return len(seen) > count

        await until(looked)

    async def protected(self) -> None:
        await until(lambda: "BTCUSDT" in self.book.positions and not self.session.needs and self.is_covered)

    @property
    def is_covered(self) -> bool:
        """Whether the exchange holds a stop for all that can be sold, and only one."""
        stops = self.account.legs("stop", "NEW", "PARTIALLY_FILLED")
        held = self.book.positions["BTCUSDT"].quantity.quantize(D("0.001"), "ROUND_DOWN")
        return [D(stop["origQty"]) - D(stop["executedQty"]) for stop in stops] == [held]

    def events(self, *types: str) -> list[tuple[str, str]]:
        """The spooled events as (type, leg)."""
        return [(event["event_type"], event["data"].get("leg", "")) for event in spooled(self.data, "trader", *types)]


@asynccontextmanager
async def on_stage(
    data: DataDir, account: ScriptedAccount, book: Book | None = None, symbols: tuple[str, ...] = ("BTCUSDT",)
) -> AsyncIterator[Stage]:
    """Run a session until the block ends."""
    async with serving(account.application) as at, living(data, account, at, book or Book(), symbols) as stage:
        yield stage


@asynccontextmanager
async def living(
    data: DataDir, account: ScriptedAccount, at: Endpoints, book: Book, symbols: tuple[str, ...] = ("BTCUSDT",)
) -> AsyncIterator[Stage]:
    stage, spool = Stage(data, account, book), Spool(data)
    credentials = Credentials(KEY, SECRET)
    all_is_well(data, float(account.price))
    async with SpotRest(at.rest, credentials, timeout=TIMEOUT, transport=stage.wire) as rest:
        stage.session = TraderSession(
            data, rest, at.ws_api, credentials, "simulation", book, Chronicle(spool), stage.save, structlog.get_logger()
        )
        stage.session.turn = stage.turn
        running = asyncio.create_task(stage.session.run(list(symbols)))
        try:
            await until(lambda: running.done() or (stage.session.desk.reconciled and account.sockets))
            yield stage
            if running.done():
                running.result()
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            spool.close()

"""A trader process with all that it needs around it: an exchange, a history, health and prices that stay fresh."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from cq_tui.binance.hosts import Endpoints
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.trading.signals import TradeSignal
from tests.services.processes import KEY, SECRET, AnnouncedExchange, RunningService, data_directory, running, spooled
from tests.services.scripted_account import ScriptedAccount
from tests.services.serving import serving
from tests.services.trader.surroundings import all_is_well
from tests.services.waiting import until

D = Decimal


class World:
    """What is there whether the trader lives or not."""

    def __init__(self, root: Path, **settings: object) -> None:
        chosen: dict[str, object] = {
            "SYMBOLS": ["BTCUSDT"], "ARES_FRESHNESS_THRESHOLD": 60.0, "TRADER_ORDER_COOLDOWN": 0.0,
            # Each signal of a test has a strategy of its own; a SELL closes all the same.
            "TRADER_EXIT_ANY_STRATEGY": True,
        }  # fmt: skip
        self.data: DataDir = data_directory(root, **(chosen | settings))
        self.account = ScriptedAccount()
        self.history = HistoryWriter(self.data, now=time.time())
        self.exchange = AnnouncedExchange(self.data)
        #: Where the exchange listens.
        self.at: Endpoints
        #: What is not well with memory.
        self.memory: dict[str, object] = {}

    def signal(self, signal: TradeSignal) -> None:
        """Have a signal in the history."""
        plain = {name: float(value) if isinstance(value, Decimal) else value for name, value in asdict(signal).items()}
        self.remember("signal_generated", "ares", plain)

    def remember(self, event_type: str, source: str, data: dict[str, Any]) -> None:
        """Have an event in the history, with its block."""
        now = time.time()
        seq = self.history.cursors.get(source, 0) + 1
        self.history.append([NewEvent(event_type, source, data, source, seq, now, {})], now)
        self.history.flush_chain()

    @property
    def book(self) -> dict[str, Any]:
        """The book of the account on disk; empty before there is one."""
        try:
            accounts: dict[str, Any] = read_json(self.data.state_of("trader"))["accounts"]
        except (DocumentError, KeyError):
            return {}
        return dict(accounts.get(f"simulated:{self.account.uid}", {}))

    @property
    def position(self) -> Decimal:
        """What the stored book holds in positions."""
        open_symbols = {position["symbol"] for position in self.book.get("positions", ())}
        holdings = self.book.get("holdings", ())
        return sum((D(held["quantity"]) for held in holdings if held["symbol"] in open_symbols), D(0))

    @property
    def covered(self) -> Decimal:
        stops = self.account.legs("stop", "NEW", "PARTIALLY_FILLED")
        return sum((D(stop["origQty"]) - D(stop["executedQty"]) for stop in stops), D(0))

    @property
    def held(self) -> Decimal:
        """What the account bought and did not sell."""
        return sum((D(t["qty"]) * (1 if t["isBuyer"] else -1) for t in self.account.trades), D(0))

    def told_once(self) -> None:
        """Each fill is told once, no event twice, no number missing, nothing sent twice."""
        events = spooled(self.data, "trader")
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        fills = [event["data"]["trade_id"] for event in events if event["event_type"] == "order_executed"]
        assert sorted(fills) == sorted(str(trade["id"]) for trade in self.account.trades)
        orders = ("order_submitted", "order_rejected", "order_canceled")
        told = [(e["event_type"], e["data"].get("client_order_id")) for e in events if e["event_type"] in orders]
        assert [event for event, count in Counter(told).items() if count > 1] == []
        submitted = {name for kind, name in told if kind == "order_submitted"}
        assert set(self.account.sent) <= submitted
        assert max(Counter(self.account.sent).values(), default=1) == 1

    def rejections(self, *codes: str) -> list[dict[str, Any]]:
        events = [event["data"] for event in spooled(self.data, "trader", "order_rejected")]
        return [event for event in events if not codes or event.get("code") in codes]


def trade_on_the_testnet(around: World, at: Endpoints | None = None, /, **settings: object) -> None:
    """Name an exchange by settings alone, as for any test exchange; without ``at``, that of this world."""
    at = at or around.at
    elsewhere: dict[str, object] = {
        "SIMULATION_MODE": False,
        "BINANCE_REST_URL": at.rest,
        "BINANCE_STREAM_URL": at.stream,
        "BINANCE_WS_API_URL": at.ws_api,
        "BINANCE_API_KEY": KEY,
        "BINANCE_API_SECRET": SECRET,
    }
    write_document(around.data.settings, read_json(around.data.settings) | elsewhere | settings)


@asynccontextmanager
async def world(root: Path, **settings: object) -> AsyncIterator[World]:
    """An exchange, and health and prices that stay fresh, until the block ends."""
    around = World(root, **settings)

    async def stay_well() -> None:
        while True:
            all_is_well(around.data, memory=around.memory)
            await asyncio.sleep(0.3)

    async with serving(around.account.application) as at:
        around.at = at
        around.exchange.at(at)
        well = asyncio.create_task(stay_well())
        try:
            yield around
        finally:
            well.cancel()
            around.history.close()


@asynccontextmanager
async def trader(around: World) -> AsyncIterator[RunningService]:
    """A trader process that is ready."""
    async with running("trader", around.data) as process:
        await until(lambda: process.health.get("ready"))
        yield process

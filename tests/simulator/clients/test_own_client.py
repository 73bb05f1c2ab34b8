"""The project's own client on an exchange that shuts connections down or closes old ones."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cq_tui.binance.market_events import TradeUpdate
from cq_tui.binance.reconnect import Connected, Disconnected, ReconnectPolicy, Renewing
from cq_tui.binance.signing import Credentials
from cq_tui.binance.streams import MarketStreams
from cq_tui.binance.user_data import Subscribed, UserDataStream
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.binance.watchdog import Deadlines
from cq_tui.simulator.connections import open_connections
from cq_tui.simulator.connections.open_connections import GOING_AWAY
from tests.simulator.faults.test_admin import ADMIN, BUY, ask
from tests.simulator.test_server import AsyncClient, exchange
from tests.simulator.ws_client import ws_client

_PATIENCE = 20.0
#: Any connection that lived counts as a success; the old one briefly overlaps the new one.
QUICK = ReconnectPolicy(stable_after=0.0, overlap=0.1, delay=lambda failures: 0.02 * failures)
_NEVER = 1e9


class Reader:
    """Collects everything that a stream sends."""

    def __init__(self, stream: Any) -> None:
        self.told: list[Any] = []
        self._stream = stream
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._stream:
            self.told.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    async def until(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE):
            while not is_there():
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(0.01)

    async def until_count(self, kind: type, count: int) -> None:
        await self.until(lambda: len(self.of(kind)) >= count)

    async def until_more(self, kind: type, count: int = 1) -> None:
        await self.until_count(kind, len(self.of(kind)) + count)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def user_data(client: AsyncClient, policy: ReconnectPolicy = QUICK) -> UserDataStream:
    endpoint = client.endpoint
    credentials = Credentials(endpoint.api_key, endpoint.api_secret)
    return UserDataStream(endpoint.ws_api_url, credentials, lambda: int(time.time() * 1_000), policy=policy)


async def test_no_trade_is_missed_when_a_shutdown_is_announced() -> None:
    async with (
        exchange(ADMIN) as client,
        ws_client(client.endpoint) as idle,
        MarketStreams(client.endpoint.stream_url, ["btcusdt@trade"], policy=QUICK) as streams,
    ):
        reader = Reader(streams)
        await reader.until_more(TradeUpdate, 3)
        for round_ in (1, 2):
            # A client that waited for the first connection's end would be too late.
            await ask(client, "POST", "shutdown", delay_ms=60_000 if round_ == 1 else 2_000)
            await reader.until_count(Connected, round_ + 1)
            await reader.until_more(TradeUpdate, 3)
        assert await idle.code_of_the_end() == GOING_AWAY
        await reader.until_more(TradeUpdate, 3)
        await reader.end()
        ids = [trade.trade_id for trade in reader.of(TradeUpdate)]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert [event.reason for event in reader.of(Renewing)] == ["the server is shutting down"] * 2
        assert reader.of(Disconnected) == []


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (QUICK, "the server is shutting down"),
        (replace(QUICK, lifetime=0.35, uniform=lambda low, high: high), "renewed before the exchange ends it"),
    ],
)
async def test_no_execution_is_missed_or_repeated_across_connections(policy: ReconnectPolicy, reason: str) -> None:
    async with exchange(ADMIN) as client, user_data(client, policy) as events:
        reader = Reader(events)
        await reader.until_count(Subscribed, 1)
        if policy is QUICK:
            await ask(client, "POST", "shutdown", delay_ms=60_000)
        for number in range(8):
            await client.signed("POST", "order", **BUY, newClientOrderId=f"o{number}")
            await asyncio.sleep(0.1)
        await reader.until_count(ExecutionReport, 16)
        await reader.until_count(Subscribed, 2)
        await reader.end()
        ids = [report.client_order_id for report in reader.of(ExecutionReport)]
        assert ids == [f"o{number}" for number in range(8) for _ in ("NEW", "TRADE")]
        assert {event.reason for event in reader.of(Renewing)} == {reason}
        assert reader.of(Disconnected) == []


async def test_it_reconnects_at_once_after_an_immediate_shutdown() -> None:
    async with (
        exchange(ADMIN) as client,
        MarketStreams(client.endpoint.stream_url, ["btcusdt@trade"], policy=QUICK) as streams,
        user_data(client) as events,
    ):
        market, account = Reader(streams), Reader(events)
        await market.until_more(TradeUpdate)
        await account.until_count(Subscribed, 1)
        await ask(client, "POST", "shutdown", delay_ms=0)
        await account.until_count(Subscribed, 2)
        # A gap is unavoidable here: it is reported, so that the missing data is queried.
        await market.until_count(Connected, 2)
        await market.until_more(TradeUpdate)
        await market.end()
        await account.end()


async def test_a_connection_is_renewed_before_the_exchange_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Minutes instead of 24 hours.
    minute = 60
    monkeypatch.setattr(open_connections, "MAX_AGE_MS", 24 * minute * 1_000)
    now = 0.0
    policy = replace(QUICK, lifetime=23.5 * minute, now=lambda: now)
    start = int((time.time() - 23.6 * minute) * 1_000)
    patient = Deadlines(_NEVER, _NEVER, _NEVER)
    async with (
        exchange(replace(ADMIN, symbols=("BTCUSDT",), frozen_at=start)) as client,
        ws_client(client.endpoint, "/ws/btcusdt@blockTrade") as idle,
        MarketStreams(client.endpoint.stream_url, ["btcusdt@trade"], deadlines=patient, policy=policy) as streams,
    ):
        reader = Reader(streams)
        await reader.until_count(Connected, 1)
        # Advance by 23.6 minutes: less than the exchange allows, but more than our client does.
        assert (await ask(client, "POST", "clock", go=True))[0] == 200
        await reader.until_count(TradeUpdate, 1)
        assert reader.of(Renewing) == []
        now = 23.6 * minute
        await reader.until_count(Connected, 2)
        await reader.until_more(TradeUpdate, 2)
        before = len(reader.of(TradeUpdate))
        assert (await ask(client, "POST", "clock", advance_ms=int(0.5 * minute * 1_000)))[0] == 200
        assert await idle.code_of_the_end() == GOING_AWAY
        await reader.until_count(TradeUpdate, before + 100)
        await reader.end()
        assert [event.reason for event in reader.of(Renewing)] == ["renewed before the exchange ends it"]
        assert reader.of(Disconnected) == []

"""ccxt.pro, unmodified except for its URLs: streams, user data and orders over the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt.pro
import pytest

from cq_tui.simulator.server import ExchangeEndpoint
from tests.simulator.clients.test_ccxt import SPOT, SYMBOL, keys_of, point_at

_PATIENCE = 20.0


@pytest.fixture
async def client(exchange: ExchangeEndpoint) -> AsyncIterator[Any]:
    client = point_at(ccxt.pro.binance(keys_of(exchange, SPOT)), exchange)
    client.urls["api"]["ws"]["spot"] = f"{exchange.stream_url}/ws"
    client.urls["api"]["ws"]["ws-api"]["spot"] = exchange.ws_api_url
    await client.load_markets()
    yield client
    if await client.fetch_open_orders(SYMBOL):
        await client.cancel_all_orders(SYMBOL)
    await client.close()


async def soon(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, _PATIENCE)


async def test_tickers(client: Any) -> None:
    assert (await soon(client.watch_ticker(SYMBOL)))["last"] > 0
    assert SYMBOL in await soon(client.watch_tickers([SYMBOL, "ETH/USDT"]))
    touch = (await soon(client.watch_bids_asks([SYMBOL])))[SYMBOL]
    assert 0 < touch["bid"] < touch["ask"]


async def test_trades_and_candles(client: Any) -> None:
    trades = await soon(client.watch_trades(SYMBOL))
    assert trades[-1]["price"] > 0
    candles = await soon(client.watch_ohlcv(SYMBOL, "1m"))
    assert candles[-1][4] > 0


async def test_its_order_book_equals_the_exchanges(client: Any) -> None:
    for _ in range(10):
        kept = await soon(client.watch_order_book(SYMBOL))
        assert kept["bids"][0][0] < kept["asks"][0][0]
    kept = client.orderbooks[SYMBOL]
    for _ in range(100):
        asked = await client.fetch_order_book(SYMBOL, 100)
        while kept["nonce"] < asked["nonce"]:
            await soon(client.watch_order_book(SYMBOL))
        if kept["nonce"] == asked["nonce"]:
            assert [list(level) for level in kept["bids"][:50]] == asked["bids"][:50]
            assert [list(level) for level in kept["asks"][:50]] == asked["asks"][:50]
            return
    pytest.fail("the two never showed the same state")


async def test_orders_trades_and_balances_are_streamed(client: Any) -> None:
    told = [
        asyncio.ensure_future(watching)
        for watching in (client.watch_orders(SYMBOL), client.watch_my_trades(SYMBOL), client.watch_balance())
    ]
    while not any("ws-api" in url and connection.subscriptions for url, connection in client.clients.items()):
        await asyncio.sleep(0.02)

    async def trade_until_told() -> None:
        # The subscription may be confirmed a moment later: trade until a trade is reported.
        while not all(task.done() for task in told):
            await client.create_order(SYMBOL, "market", "buy", 0.01)
            await asyncio.sleep(0.1)

    await soon(trade_until_told())
    orders, trades, balance = (task.result() for task in told)
    assert orders[-1]["symbol"] == SYMBOL
    assert trades[-1]["amount"] > 0
    assert balance["BTC"]["free"] > 0


async def test_orders_over_the_websocket(client: Any) -> None:
    price = round((await client.fetch_order_book(SYMBOL, 5))["bids"][0][0] * 0.98, 2)
    order = await soon(client.create_order_ws(SYMBOL, "limit", "buy", 0.01, price))
    assert order["status"] == "open"
    assert [entry["id"] for entry in await soon(client.fetch_open_orders_ws(SYMBOL))] == [order["id"]]
    balances = (await soon(client.fetch_balance_ws()))["info"]["balances"]
    assert float(next(entry["locked"] for entry in balances if entry["asset"] == "USDT")) > 0
    assert (await soon(client.cancel_order_ws(order["id"], SYMBOL)))["status"] == "canceled"

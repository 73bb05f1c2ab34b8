"""Faults as a client sees them: repeated or delayed responses; silent, disconnected or stale streams."""

import asyncio
import json
import time
from typing import Any

import httpx
import websockets

from tests.simulator.faults.test_admin import ADMIN, BUY, ask
from tests.simulator.test_server import AsyncClient, exchange

_PATIENCE = 20.0


async def begin(client: AsyncClient, **fault: Any) -> None:
    status, told = await ask(client, "POST", "faults", **fault)
    assert status == 200, told


async def messages_of(socket: Any, stream: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(_PATIENCE):
        while len(found) < count:
            message = json.loads(await socket.recv())
            if message.get("stream") == stream:
                found.append(message["data"])
    return found


async def test_a_duplicated_response_arrives_twice_for_one_order() -> None:
    async with exchange(ADMIN) as client, websockets.connect(client.endpoint.ws_api_url) as socket:
        await begin(client, action="duplicate", ws_method="time", count=1)
        await socket.send(json.dumps({"id": 1, "method": "time"}))
        async with asyncio.timeout(_PATIENCE):
            first, second = json.loads(await socket.recv()), json.loads(await socket.recv())
        assert first == second
        await socket.send(json.dumps({"id": 2, "method": "time"}))
        async with asyncio.timeout(_PATIENCE):
            assert json.loads(await socket.recv())["id"] == 2


async def test_too_many_requests_say_when_to_try_again() -> None:
    async with exchange(ADMIN) as client, httpx.AsyncClient(base_url=client.endpoint.rest_url) as http:
        await begin(client, action="error", code=-1003, before=True, count=2, retry_after=7)
        refused = await http.get("/api/v3/time")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")


async def test_a_delayed_request_is_still_executed() -> None:
    async with exchange(ADMIN) as client:
        await begin(client, action="delay", method="POST", path="/api/v3/order", delay_ms=400, count=1)
        asked = time.monotonic()
        placing = asyncio.create_task(client.signed("POST", "order", **BUY, newClientOrderId="late"))
        async with asyncio.timeout(_PATIENCE):
            while not await client.signed("GET", "allOrders", symbol="ETHUSDT"):
                assert not placing.done()
        assert (await placing)["status"] == "FILLED"
        assert time.monotonic() - asked >= 0.4


async def test_one_symbol_is_silenced_and_the_other_continues() -> None:
    url = "/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker"
    async with exchange(ADMIN) as client, websockets.connect(f"{client.endpoint.stream_url}{url}") as socket:
        await messages_of(socket, "btcusdt@bookTicker", 1)
        await begin(client, action="silence", symbol="BTCUSDT")
        # Earlier messages may still be in transit; they arrive before the response.
        await socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        async with asyncio.timeout(_PATIENCE):
            while "id" not in json.loads(await socket.recv()):
                pass
        heard: list[str] = []
        async with asyncio.timeout(_PATIENCE):
            while len(heard) < 4:
                heard.append(json.loads(await socket.recv())["stream"])
        assert set(heard) == {"ethusdt@bookTicker"}
        await ask(client, "DELETE", "faults")
        await messages_of(socket, "btcusdt@bookTicker", 1)


async def test_streams_are_disconnected_and_reopen() -> None:
    async with exchange(ADMIN) as client:
        url = f"{client.endpoint.stream_url}/stream?streams=btcusdt@trade"
        async with websockets.connect(url) as socket:
            await begin(client, action="disconnect", symbol="BTCUSDT")
            async with asyncio.timeout(_PATIENCE):
                await socket.wait_closed()
        await ask(client, "DELETE", "faults")
        async with websockets.connect(url) as socket:
            await messages_of(socket, "btcusdt@trade", 1)


async def test_an_unknown_fault_id_is_named() -> None:
    async with exchange(ADMIN) as client:
        status, told = await ask(client, "POST", "faults", action="explode")
        assert status == 400
        assert "action" in str(told)
        response = await client.http.post(f"{client.endpoint.rest_url}/admin/faults", content=b"{not json")
        assert isinstance(response, httpx.Response)
        assert response.status_code == 400

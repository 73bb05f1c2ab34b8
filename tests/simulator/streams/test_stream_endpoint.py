"""Stream connections over a socket: handshakes, compression, control frames, limits and shutdown."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import PerMessageDeflate

from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig, run
from tests.simulator.conftest import SHORT_HISTORY


@contextlib.asynccontextmanager
async def exchange(stop: asyncio.Event | None = None) -> AsyncIterator[ExchangeEndpoint]:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    ending = stop or asyncio.Event()
    config = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT"), history_ms=SHORT_HISTORY)
    running = asyncio.create_task(run(config, on_ready=ready.set_result, stop=ending))
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield await ready
    finally:
        ending.set()
        await running


async def receive(stream: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(stream.recv(), 10))


async def test_handshakes_names_and_combined_payloads() -> None:
    async with exchange() as endpoint:
        url = endpoint.stream_url
        async with connect(f"{url}/ws/btcusdt@trade/ethusdt@trade") as stream:
            assert {(await receive(stream))["s"] for _ in range(6)} == {"BTCUSDT", "ETHUSDT"}
        async with connect(f"{url}/stream?streams=btcusdt@trade/ethusdt@trade") as stream:
            assert {(await receive(stream))["stream"] for _ in range(6)} == {"btcusdt@trade", "ethusdt@trade"}
        for label in ("/ws/0", "/ws", "/stream"):
            async with connect(f"{url}{label}") as stream:
                await stream.send('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":"u-1"}')
                assert await receive(stream) == {"result": None, "id": "u-1"}
                event = await receive(stream)
                assert ("stream" in event) == (label == "/stream")
        async with connect(f"{url}/ws/btcusdt@trade?timeUnit=MICROSECOND") as stream:
            assert (await receive(stream))["E"] > 10**15
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(f"{url}/ws/btcusdt@trade?timeUnit=DAY")
        assert refused.value.response.status_code == 400
        assert json.loads(refused.value.response.body or b"")["code"] == -1194


async def test_compression_is_negotiated_but_not_used_for_sending() -> None:
    async with exchange() as endpoint, connect(f"{endpoint.stream_url}/ws", compression="deflate") as stream:
        assert [type(extension) for extension in stream.protocol.extensions] == [PerMessageDeflate]
        names = [f"btcusdt@{kind}" for kind in ("trade", "depth20@100ms")]
        await stream.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        assert await receive(stream) == {"result": None, "id": 1}
        assert len([await receive(stream) for _ in range(6)]) == 6


async def test_pings_are_answered_and_unsolicited_pongs_are_allowed() -> None:
    async with exchange() as endpoint, connect(f"{endpoint.stream_url}/ws/btcusdt@trade") as stream:
        await asyncio.wait_for(await stream.ping(b"12"), 10)
        await stream.pong(b"of my own accord")
        assert (await receive(stream))["e"] == "trade"


@pytest.mark.parametrize("kind", ["message", "ping", "pong"])
async def test_more_than_five_frames_in_a_second_close_the_connection(kind: str) -> None:
    async with exchange() as endpoint, connect(f"{endpoint.stream_url}/ws") as stream:
        with contextlib.suppress(websockets.ConnectionClosed):
            for number in range(6):
                if kind == "message":
                    await stream.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
                elif kind == "ping":
                    await stream.ping(str(number))
                else:
                    await stream.pong(b"")
        await asyncio.wait_for(stream.wait_closed(), 10)
        assert stream.close_code == 1008


async def test_a_shutdown_is_announced() -> None:
    stop = asyncio.Event()
    async with exchange(stop) as endpoint, connect(f"{endpoint.stream_url}/stream") as stream:
        stop.set()
        assert (await receive(stream))["stream"] == "!serverShutdown"
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(stream.recv(), 10)


async def test_a_vanished_client_is_removed_and_others_continue() -> None:
    async with exchange() as endpoint, connect(f"{endpoint.stream_url}/ws/btcusdt@trade") as stream:
        other = await connect(f"{endpoint.stream_url}/ws/btcusdt@trade/btcusdt@depth@100ms")
        await receive(other)
        other.transport.abort()
        first = await receive(stream)
        ids = [(await receive(stream))["t"] for _ in range(4)]
        assert ids == list(range(first["t"] + 1, first["t"] + 5))


@pytest.mark.parametrize("path", ["/ws/", "/stream?streams="])
@pytest.mark.parametrize("zone", ["+08:00", "%2B08:00", "%2b08%3A00"])
async def test_the_plus_sign_of_a_time_zone_is_not_a_space(path: str, zone: str) -> None:
    async with exchange() as endpoint, connect(f"{endpoint.stream_url}{path}btcusdt%40kline_1s@{zone}") as stream:
        await stream.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        while "result" not in (reply := await receive(stream)):
            pass
        assert reply["result"] == ["btcusdt@kline_1s@+08:00"]

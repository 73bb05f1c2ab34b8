"""Connection limits over the port: connections, frames and streams per client, and bans."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from cq_tui.simulator.access.rate_limits import RateLimitSettings
from tests.simulator.faults.test_admin import ADMIN, ask
from tests.simulator.test_server import exchange
from tests.simulator.ws_client import Ended, refusal_of_handshake, ws_client

#: Half a second into a window of five minutes.
START = 1_700_000_100_500
FEW = replace(ADMIN, symbols=("BTCUSDT",), frozen_at=START, limits=RateLimitSettings(connections=3))


def test_the_limit_is_the_exchange_s() -> None:
    assert RateLimitSettings().connections == 300


@pytest.mark.parametrize(("path", "other"), [("/ws-api/v3", "/ws"), ("/ws/btcusdt@trade", "/ws-api/v3")])
async def test_connections_above_the_five_minute_limit_are_rejected(path: str, other: str) -> None:
    async with exchange(FEW) as client:
        for _ in range(3):
            async with ws_client(client.endpoint, path):
                pass  # Attempts count, not what is open.
        for _ in range(10):
            response = await refusal_of_handshake(f"{client.endpoint.stream_url}{path}")
            assert (response.status_code, response.headers["retry-after"]) == (429, "300")
            told = json.loads(response.body)
            assert told["code"] == -1003
            assert told["msg"].startswith("Too many connections; current limit is 3 connections per 5 MINUTE.")
        # Market streams and the WebSocket API count separately.
        async with ws_client(client.endpoint, other):
            pass
        # A client that continues is banned.
        for _ in range(2):
            response = await refusal_of_handshake(f"{client.endpoint.stream_url}{path}")
            assert (response.status_code, response.headers["retry-after"]) == (418, "120")
        assert (await client.http.get("ping")).status_code == 418
        assert (await ask(client, "POST", "clock", advance_ms=300_000))[0] == 200
        async with ws_client(client.endpoint, path):
            pass


async def test_nothing_is_rejected_when_limits_are_not_enforced() -> None:
    async with exchange(replace(FEW, limits=RateLimitSettings(connections=1, enforced=False))) as client:
        for path in ("/ws", "/ws-api/v3") * 3:
            async with ws_client(client.endpoint, path):
                pass


async def test_a_ban_closes_websocket_api_connections_and_rejects_new_ones() -> None:
    async with exchange(replace(ADMIN, frozen_at=START)) as client, ws_client(client.endpoint) as api:
        async with ws_client(client.endpoint, "/ws/btcusdt@trade") as stream:
            await ask(client, "POST", "faults", action="ban", seconds=60, count=1, path="/api/v3/ping")
            assert (await client.http.get("ping")).status_code == 418
            assert await api.code_of_the_end() == 1008
            response = await refusal_of_handshake(client.endpoint.ws_api_url)
            assert (response.status_code, response.headers["retry-after"]) == (418, "60")
            assert json.loads(response.body)["code"] == -1003
            # Market streams need no key and cost no weight: they continue.
            assert (await ask(client, "POST", "clock", advance_ms=59_000))[0] == 200
            assert (await stream.receive())["e"] == "trade"
        assert (await refusal_of_handshake(client.endpoint.ws_api_url)).headers["retry-after"] == "1"
        assert (await ask(client, "POST", "clock", advance_ms=1_000))[0] == 200
        async with ws_client(client.endpoint) as again:
            assert (await again.call("ping"))["status"] == 200


async def test_a_ban_caused_over_the_websocket_api_closes_the_connection() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:
        await ask(client, "POST", "faults", action="ban", seconds=60, count=1, ws_method="time")
        with pytest.raises(Ended):
            await api.call("time")
        assert await api.code_of_the_end() == 1008


async def test_a_sixth_frame_in_a_second_closes_a_stream_connection() -> None:
    request = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
    async with exchange(ADMIN) as client, ws_client(client.endpoint, "/ws") as stream:
        for _ in range(2):
            for _ in range(5):
                await stream.socket.send(request)
            for _ in range(5):
                assert (await stream.receive())["result"] == []
            await asyncio.sleep(1.1)  # the second that is counted goes by
        for _ in range(6):
            await stream.socket.send(request)
        assert await stream.code_of_the_end() == 1008


async def test_a_connection_accepts_1024_streams_and_rejects_one_more() -> None:
    names = [f"x{number}@trade" for number in range(1_024)]
    async with exchange(ADMIN) as client, ws_client(client.endpoint, "/ws") as stream:

        async def subscribe(some: list[str]) -> dict[str, Any]:
            await stream.socket.send(json.dumps({"method": "SUBSCRIBE", "params": some, "id": 1}))
            answer: dict[str, Any] = await stream.receive()
            return answer

        assert await subscribe(names) == {"result": None, "id": 1}
        refused = (await subscribe(["btcusdt@trade"]))["error"]
        assert (refused["code"], "1024" in refused["msg"]) == (2, True)
        # An existing subscription is not a new one.
        assert await subscribe(names[:1]) == {"result": None, "id": 1}
        await stream.socket.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        assert (await stream.receive())["result"] == names

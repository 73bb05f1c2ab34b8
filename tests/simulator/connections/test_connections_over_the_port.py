"""Connection ends over the port: announced shutdowns, and a maximum age of 24 hours of market time."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from cq_tui.simulator.connections import open_connections
from cq_tui.simulator.connections.open_connections import GOING_AWAY, MAX_AGE_MS, POLICY_VIOLATION, Connections
from cq_tui.simulator.market.ticks import TICK_MS
from tests.simulator.faults.test_admin import ADMIN, ask
from tests.simulator.test_server import exchange
from tests.simulator.ws_client import Ended, ws_client

QUIET = replace(ADMIN, symbols=("BTCUSDT",), frozen_at=1_700_000_000_000)


async def test_a_shutdown_is_announced_then_closes_and_new_connections_are_served() -> None:
    async with exchange(QUIET) as client, AsyncExitStack() as stack:
        paths = ("/ws", "/stream", "/ws?timeUnit=MICROSECOND", "/ws-api/v3", "/ws-api/v3?timeUnit=MICROSECOND")
        sockets = [await stack.enter_async_context(ws_client(client.endpoint, path)) for path in paths]
        assert await ask(client, "POST", "shutdown", delay_ms=1_000) == (200, {"connections": 5, "delay_ms": 1_000})
        told = [await socket.receive() for socket in sockets]
        event = {"e": "serverShutdown", "E": 1_700_000_000_000}
        precise = event | {"E": 1_700_000_000_000_000}
        combined = {"stream": "!serverShutdown", "data": event}
        assert told == [event, combined, precise, {"event": event}, {"event": precise}]
        # Open connections continue until the delay is over; so do those opened after the announcement.
        assert (await sockets[3].call("ping"))["status"] == 200
        late = await stack.enter_async_context(ws_client(client.endpoint))
        assert [await socket.code_of_the_end() for socket in sockets] == [GOING_AWAY] * 5
        assert (await late.call("ping"))["status"] == 200


async def test_a_shutdown_may_be_immediate_or_use_the_default_delay() -> None:
    async with exchange(QUIET) as client, ws_client(client.endpoint) as api:
        assert await ask(client, "POST", "shutdown", delay_ms=0) == (200, {"connections": 1, "delay_ms": 0})
        assert (await api.receive())["event"]["e"] == "serverShutdown"
        with pytest.raises(Ended):
            await api.receive()
        assert await ask(client, "POST", "shutdown") == (200, {"connections": 0, "delay_ms": 1_000})
        for wrong in ({"delay_ms": -1}, {"delay_ms": 10**9}, {"delay": 5}):
            status, told = await ask(client, "POST", "shutdown", **wrong)
            assert (status, next(iter(wrong)) in told["error"]) == (400, True)


async def test_a_normal_stop_is_announced_on_the_websocket_api_too() -> None:
    async with AsyncExitStack() as stack:
        async with exchange(QUIET) as client:
            api = await stack.enter_async_context(ws_client(client.endpoint))
            assert (await api.call("ping"))["status"] == 200
        assert (await api.receive())["event"]["e"] == "serverShutdown"
        with pytest.raises(Ended):
            await api.receive()


class Opened:
    """An open connection, and how it ended."""

    opened = 1_700_000_000_000
    ended: tuple[str, int] | None = None

    def announce_shutdown(self, now: int) -> None:
        raise AssertionError("no shutdown was announced")

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        self.ended = reason, code


def test_a_connection_ends_after_24_hours() -> None:
    connections, connection = Connections(), Opened()
    connections.add(connection)
    connections.close_expired(connection.opened + 86_400_000 - 1)
    assert connection.ended is None
    connections.close_expired(connection.opened + 86_400_000)
    assert connection.ended == ("Connected for 24 hours", GOING_AWAY)


async def test_both_kinds_of_connection_close_at_their_maximum_age(monkeypatch: pytest.MonkeyPatch) -> None:
    life = 60_000
    monkeypatch.setattr(open_connections, "MAX_AGE_MS", life)
    async with exchange(QUIET) as client, AsyncExitStack() as stack:

        async def advance(milliseconds: int) -> None:
            assert (await ask(client, "POST", "clock", advance_ms=milliseconds))[0] == 200

        old = [await stack.enter_async_context(ws_client(client.endpoint, path)) for path in ("/stream", "/ws-api/v3")]
        await advance(TICK_MS)
        young = [
            await stack.enter_async_context(ws_client(client.endpoint, path)) for path in ("/stream", "/ws-api/v3")
        ]
        await advance(life - 2 * TICK_MS)
        for stream, api in (old, young):
            await stream.socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            assert await stream.receive() == {"result": [], "id": 1}
            assert (await api.call("ping"))["status"] == 200
        await advance(TICK_MS)
        assert [await socket.code_of_the_end() for socket in old] == [GOING_AWAY] * 2
        assert (await young[1].call("ping"))["status"] == 200
        await advance(TICK_MS)
        assert [await socket.code_of_the_end() for socket in young] == [GOING_AWAY] * 2


@pytest.mark.parametrize(("before", "during"), [(0, MAX_AGE_MS), (-MAX_AGE_MS, 0)])
async def test_a_clock_offset_closes_no_connection(before: int, during: int) -> None:
    async with exchange(QUIET) as client:
        await ask(client, "POST", "faults", action="offset", offset_ms=before)
        async with ws_client(client.endpoint, "/stream") as stream, ws_client(client.endpoint) as api:
            await ask(client, "DELETE", "faults")
            await ask(client, "POST", "faults", action="offset", offset_ms=during)
            assert (await ask(client, "POST", "clock", advance_ms=60_000))[0] == 200
            assert (await api.call("time"))["result"]["serverTime"] == 1_700_000_060_000 + during
            await stream.socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            assert await stream.receive() == {"result": [], "id": 1}

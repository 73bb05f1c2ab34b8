"""Faults of user data events and of WebSocket API connections over the port, as a client sees them."""

import asyncio
import time
from typing import Any

import pytest

from cq_tui.simulator.market.ticks import TICK_MS
from tests.simulator.faults.test_admin import ADMIN, BUY, ask
from tests.simulator.faults.test_over_the_port import begin
from tests.simulator.test_server import AsyncClient, exchange
from tests.simulator.ws_client import Ended, WsClient, ws_client

#: The events of a market order that is filled immediately, in order.
USUAL = ["NEW", "TRADE", "outboundAccountPosition"]


async def buy(client: AsyncClient, name: str, symbol: str = "ETHUSDT") -> None:
    await client.signed("POST", "order", **BUY | {"symbol": symbol}, newClientOrderId=name)


async def told(api: WsClient, count: int) -> list[str]:
    """Return the kinds of the next ``count`` events."""
    events = [await api.next_event() for _ in range(count)]
    return [event.get("x", event["e"]) for event in events]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("silence", ["TRADE", "outboundAccountPosition"]),
        ("repeat", ["NEW", *USUAL]),
        ("reorder", ["TRADE", "NEW", "outboundAccountPosition"]),
        # The previous event is sent again.
        ("stale", ["outboundAccountPosition", "TRADE", "outboundAccountPosition"]),
    ],
)
async def test_a_fault_applies_to_one_event_and_not_to_the_next(action: str, expected: list[str]) -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:
        await api.subscribe()
        await begin(client, action=action, stream="userData", count=2 if action == "stale" else 1, symbol="BTCUSDT")
        await buy(client, "other")
        assert await told(api, 3) == USUAL
        await ask(client, "DELETE", "faults")
        if action == "stale":
            # Events are remembered only while a fault is active: this one never applies.
            await begin(client, action="stale", stream="userData", symbol="DOGEUSDT")
            await buy(client, "remembered")
            assert await told(api, 3) == USUAL
        await begin(client, action=action, stream="userData", count=1)
        await buy(client, "this")
        assert await told(api, len(expected)) == expected
        await buy(client, "next")
        assert await told(api, 3) == USUAL
        answer = await client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="this")
        assert answer["status"] == "FILLED"


async def test_a_disconnect_loses_the_event_and_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api, ws_client(client.endpoint) as other:
        await api.subscribe()
        await begin(client, action="disconnect", stream="userData", count=1)
        await buy(client, "lost")
        with pytest.raises(Ended):
            await api.next_event()
        # A client that had not subscribed stays connected.
        assert (await other.call("ping"))["status"] == 200
        async with ws_client(client.endpoint) as again:
            await again.subscribe()
            await buy(client, "next")
            assert await told(again, 3) == USUAL
    # The order's other events had no subscriber, which did no harm.
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_delayed_events_keep_their_order() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:
        await api.subscribe()
        await begin(client, action="delay", stream="userData", delay_ms=1_000, count=2)
        asked = time.monotonic()
        telling = asyncio.create_task(told(api, 3))
        await buy(client, "late")
        assert not telling.done()
        # The third is not delayed itself, but waits for the others.
        assert await telling == USUAL
        assert time.monotonic() - asked >= 1.0
        assert await ask(client, "GET", "faults") == (200, [])
        await buy(client, "next")
        assert await told(api, 3) == USUAL


async def test_a_fault_affects_all_subscribers_once() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as one, ws_client(client.endpoint) as other:
        await one.subscribe()
        await other.subscribe()
        await begin(client, action="silence", stream="userData", count=1)
        await buy(client, "this")
        assert await told(one, 2) == await told(other, 2) == USUAL[1:]


async def test_an_order_is_executed_and_disconnected_before_the_response() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:
        await begin(client, action="disconnect", stream="wsApi", ws_method="order.place", count=1)
        assert (await api.call("ping"))["status"] == 200
        with pytest.raises(Ended):
            await api.signed("order.place", **BUY, newClientOrderId="lost")
        answer = await client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="lost")
        assert answer["status"] == "FILLED"


async def test_a_connection_is_silenced_and_answers_again() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:
        await api.subscribe()
        await begin(client, action="silence", stream="wsApi", count=4)
        await api.ask("ping")
        await buy(client, "unheard")
        # Protocol pings are still answered: only the exchange's messages are silenced.
        await asyncio.wait_for(await api.socket.ping(), 10)
        number = await api.ask("ping")
        assert (await api.receive())["id"] == number


async def test_responses_repeated_reordered_and_delayed() -> None:
    async with exchange(ADMIN) as client, ws_client(client.endpoint) as api:

        async def ids(count: int) -> list[int]:
            asked = [await api.ask("ping") for _ in range(count)]
            assert asked == sorted(asked)
            return asked

        await begin(client, action="repeat", stream="wsApi", count=1)
        (first,) = await ids(1)
        assert [(await api.receive())["id"] for _ in range(2)] == [first, first]
        await begin(client, action="reorder", stream="wsApi", count=1)
        asked = await ids(2)
        assert [(await api.receive())["id"] for _ in range(2)] == asked[::-1]
        await begin(client, action="delay", stream="wsApi", delay_ms=200, count=1)
        began = time.monotonic()
        asked = await ids(3)
        assert [(await api.receive())["id"] for _ in range(3)] == asked
        assert time.monotonic() - began >= 0.2


async def test_delayed_market_messages_keep_their_order() -> None:
    path = "/stream?streams=btcusdt@trade/ethusdt@trade"
    async with exchange(ADMIN) as client, ws_client(client.endpoint, path) as stream:
        await begin(client, action="delay", stream="btcusdt@trade", delay_ms=700, seconds=2)
        late, other = "btcusdt@trade", "ethusdt@trade"
        came: dict[str, list[Any]] = {late: [], other: []}
        behind = [0]
        # Each tick has a trade of both symbols: they stay in step except during the delay.
        async with asyncio.timeout(20):
            while max(behind) < 500 or behind[-1] or min(map(len, came.values())) <= 4:
                message = await stream.receive()
                came[message["stream"]].append(message["data"])
                if came[late] and came[other]:
                    behind.append(came[other][-1]["E"] - came[late][-1]["E"])
        # The other stream is not delayed.
        assert min(behind) >= -TICK_MS
        for trades in came.values():
            ids = [trade["t"] for trade in trades]
            assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_fault_that_could_never_apply_is_rejected_with_a_remedy() -> None:
    async with exchange(ADMIN) as client:
        for fault, hint in (
            ({"action": "silence", "stream": "userdata"}, "userData or wsApi"),
            ({"action": "delay", "stream": "nope@trade"}, "such as btcusdt@trade"),
            ({"action": "drop", "stream": "userData"}, "disconnect, reorder, repeat, silence, stale"),
            ({"action": "repeat", "ws_method": "time"}, "only if stream is wsApi"),
        ):
            status, answer = await ask(client, "POST", "faults", **fault)
            assert (status, hint in answer["error"]) == (400, True), answer

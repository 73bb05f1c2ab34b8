"""HTTP connections: requests split into packets get the same responses in order; what closes a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from cq_tui.simulator.api.rest import RestApi
from cq_tui.simulator.connections import http_connection
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig, run
from tests.simulator.conftest import SHORT_HISTORY

PING = b"GET /api/v3/ping HTTP/1.1\r\nhost: [::1]\r\n\r\n"
PRICE = b"GET /api/v3/ticker/price?symbol=BTCUSDT HTTP/1.1\r\nhost: [::1]\r\n\r\n"
FORM = b"symbol=BTCUSDT&side=BUY"
HEAD = b"POST /api/v3/order HTTP/1.1\r\nhost: [::1]\r\nx-mbx-apikey: unknown\r\ncontent-length: %d\r\n" % len(FORM)
ORDER = HEAD + b"\r\n" + FORM


class Wire:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *parts: bytes) -> None:
        """Send each part in its own packet."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0.005)  # the parts must not meet in one packet

    async def response(self, *, with_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            length = int(headers.get("content-length", 0)) if with_body else 0
            return int(status.split()[1]), headers, await self._reader.readexactly(length)

    async def another(self) -> "Wire":
        """Open a second connection to the same exchange."""
        return Wire(*await asyncio.open_connection(*self._writer.get_extra_info("peername")))

    def close(self) -> None:
        """Close this side."""
        self._writer.close()

    async def ended(self) -> bool:
        async with asyncio.timeout(5):
            return await self._reader.read() == b""


@asynccontextmanager
async def wired() -> AsyncIterator[Wire]:
    stop, ready = asyncio.Event(), asyncio.Queue[ExchangeEndpoint]()
    config = SimulatorConfig(symbols=("BTCUSDT",), history_ms=SHORT_HISTORY)
    serving = asyncio.create_task(run(config, on_ready=ready.put_nowait, stop=stop))
    endpoint = await ready.get()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(endpoint.rest_url.rpartition(":")[2]))
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        stop.set()
        await serving


@pytest.mark.parametrize(
    "packets",
    [
        [ORDER + PING + PRICE],
        [ORDER, PING, PRICE],
        [HEAD + b"\r\n", FORM, PING + PRICE],
        [HEAD, b"\r\n" + FORM[:5], FORM[5:] + PING[:9], PING[9:] + PRICE],
        [ORDER[:7], ORDER[7:] + PING + PRICE[:-1], PRICE[-1:]],
        [ORDER + HEAD.replace(b"POST", b"DELETE"), b"\r\n" + FORM, PRICE],
    ],
    ids=["all at once", "one a packet", "body apart", "in pieces", "across requests", "the second unfinished"],
)
async def test_requests_are_answered_in_order_however_they_are_split(packets: list[bytes]) -> None:
    async with wired() as wire:
        await wire.send(*packets)
        assert (await wire.response())[0] == 401
        assert (await wire.response())[0] in (200, 401)
        status, headers, body = await wire.response()
        assert (status, orjson.loads(body)["symbol"]) == (200, "BTCUSDT")
        assert headers["content-type"] == "application/json;charset=UTF-8"
        assert {"date", "x-mbx-used-weight-1m"} <= headers.keys()


async def test_an_expected_body_gets_100_continue() -> None:
    async with wired() as wire:
        await wire.send(HEAD + b"expect: 100-continue\r\n\r\n")
        assert (await wire.response())[0] == 100
        await wire.send(FORM)
        assert (await wire.response())[0] == 401
        await wire.send(PING)
        assert (await wire.response())[2] == b"{}"


@pytest.mark.parametrize(
    "request_bytes",
    [PING.replace(b"host: [::1]", b"connection: close"), PING.replace(b"HTTP/1.1", b"HTTP/1.0")],
    ids=["close", "HTTP/1.0"],
)
async def test_a_connection_close_request_gets_one_response(request_bytes: bytes) -> None:
    async with wired() as wire:
        await wire.send(request_bytes)
        status, headers, _ = await wire.response()
        assert (status, headers["connection"]) == (200, "close")
        assert await wire.ended()


async def test_head_has_no_body() -> None:
    async with wired() as wire:
        await wire.send(PING.replace(b"GET", b"HEAD") + PING)
        assert (await wire.response(with_body=False))[0] == 405
        assert (await wire.response())[2] == b"{}"


@pytest.mark.parametrize("packets", [[ORDER], [HEAD + b"\r\n", FORM]], ids=["whole", "in pieces"])
async def test_an_internal_error_has_code_1000(packets: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with wired() as wire:
        with monkeypatch.context() as patch:
            patch.setattr(RestApi, "_execute", broken)
            await wire.send(*packets)
            status, _, body = await wire.response()
        assert (status, orjson.loads(body)["code"]) == (500, -1000)
        await wire.send(PING)
        assert (await wire.response())[0] == 200


@pytest.mark.parametrize(
    "packets",
    [[], [PING[:-2]], [HEAD + b"\r\n", FORM[:3]], [PING, PING[:9]], [PING, HEAD + b"\r\n"]],
    ids=["nothing", "half a head", "half a body", "half a second head", "no second body"],
)
async def test_an_incomplete_request_times_out(packets: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "_IDLE_CHECK_SECONDS", 0.3)
    async with wired() as wire:
        await wire.send(*packets)
        if packets and packets[0] is PING:
            assert (await wire.response())[0] == 200
        assert await wire.ended()


async def test_an_idle_connection_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "_IDLE_CHECK_SECONDS", 0.3)
    async with wired() as wire:
        await wire.send(PING)
        assert (await wire.response())[0] == 200
        # From the next check on, checks follow quickly: nothing is sent until several have run.
        monkeypatch.setattr(http_connection, "_IDLE_CHECK_SECONDS", 0.02)
        await asyncio.sleep(0.5)
        await wire.send(PING)
        assert (await wire.response())[0] == 200


async def test_connections_above_the_limit_are_closed_until_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "max_connections", lambda: 2)
    async with wired() as first:
        await first.send(PING)
        assert (await first.response())[0] == 200
        second, third = await first.another(), await first.another()
        assert await third.ended()
        second.close()
        third.close()
        await first.send(PING)
        assert (await first.response())[0] == 200
        fourth = await first.another()
        await fourth.send(PING)
        assert (await fourth.response())[0] == 200
        fourth.close()


async def test_an_http_2_offer_is_ignored() -> None:
    offer = b"connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n\r\n"
    async with wired() as wire:
        await wire.send(HEAD + offer, FORM + PING)
        assert (await wire.response())[0] == 401
        assert (await wire.response())[0] == 200


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_a_websocket_handshake_with_a_body_is_rejected(method: bytes) -> None:
    async with wired() as wire:
        upgrade = (
            b" /ws HTTP/1.1\r\nhost: [::1]\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 3\r\n\r\nabc"
        )
        await wire.send(method + upgrade)
        assert (await wire.response())[0] == 400
        assert await wire.ended()


async def test_too_many_pipelined_requests_abort_the_connection() -> None:
    async with wired() as wire:
        await wire.send(PING * 20)
        for _ in range(20):
            assert (await wire.response())[0] == 200
        flooding = await wire.another()
        await flooding.send(PING * 5_000)
        with suppress(ConnectionResetError):
            assert await flooding.ended()
        flooding.close()
        await wire.send(PING)
        assert (await wire.response())[0] == 200

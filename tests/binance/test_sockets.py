"""Opening WebSocket connections over a port: redirects, proxies, refused handshakes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response

from cq_tui.binance.reconnect import Disconnected, ReconnectPolicy
from cq_tui.binance.shared_budget import LocalBudget
from cq_tui.binance.sockets import open_message_socket, open_socket
from cq_tui.binance.stream_names import book_ticker_stream
from cq_tui.binance.streams import MarketStreams
from cq_tui.binance.watchdog import Deadlines
from tests.binance.scripted_server import within

POLICY = ReconnectPolicy(delay=lambda attempt: 0.01, close_timeout=0.2, open_timeout=5.0)
NOW = 1_700_000_000_000


class Door:
    """A server that answers every handshake with a status, and counts them."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.knocks = 0
        self.url = ""

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.knocks += 1
        if self.status == 101:
            return None
        response = connection.respond(self.status, "")
        for name, value in self.headers.items():
            response.headers[name] = value
        return response


@asynccontextmanager
async def door(status: int = 101, **headers: str) -> AsyncIterator[Door]:
    answering = Door(status, headers)

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(hold, "127.0.0.1", 0, process_request=answering.answer) as serving:
        answering.url = f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}"
        yield answering


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("opened", [open_socket, open_message_socket])
async def test_no_redirect_is_followed(status: int, opened: object) -> None:
    async with door() as elsewhere, door(status, Location=f"{elsewhere.url}/ws-api/v3") as asked:
        connect = open_socket if opened is open_socket else open_message_socket
        with pytest.raises(InvalidStatus) as refused:
            await within(10, connect(f"{asked.url}/ws-api/v3", POLICY))
        assert refused.value.response.status_code == status
        assert (asked.knocks, elsewhere.knocks) == (1, 0)


async def test_this_machine_is_reached_without_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    contacts: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        contacts.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(record, "127.0.0.1", 0) as proxy, door() as asked:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        socket: ClientConnection = await within(10, open_socket(asked.url, POLICY))
        await socket.close()
        assert (contacts, asked.knocks) == ([], 1)
        # Any other host goes through the proxy, which sees only its name.
        with pytest.raises(Exception, match="proxy"):
            await within(10, open_socket("wss://exchange.invalid/ws", POLICY))
        assert contacts == [b"CONNECT exchange.invalid:443 HTTP/1.1\r\n"]


async def test_a_ban_at_the_handshake_blocks_every_request() -> None:
    budget = LocalBudget()
    async with door(418, **{"Retry-After": "600"}) as asked:
        streams = MarketStreams(
            asked.url, [book_ticker_stream("BTCUSDT")], policy=POLICY, budget=budget, server_now_ms=lambda: NOW
        )
        async with streams:
            down = await within(10, anext(streams))
            assert down == Disconnected(0, "refused with HTTP 418", 600)
        assert asked.knocks == 1
    assert budget.reserve(1, NOW, essential=True) == 600_000


async def test_a_ban_from_elsewhere_delays_the_streams_until_it_ends() -> None:
    budget, clock, waits = LocalBudget(), [NOW], list[float]()
    budget.block(120, NOW)

    async def sleep(seconds: float) -> None:
        assert asked.knocks == 0
        waits.append(seconds)
        clock[0] += int(seconds * 1000)

    async with door() as asked:
        policy = ReconnectPolicy(sleep=sleep, close_timeout=0.2)
        patient = Deadlines(first_data=30, connection=30, symbol=30)
        streams = MarketStreams(
            asked.url,
            [book_ticker_stream("BTCUSDT")],
            policy=policy,
            deadlines=patient,
            budget=budget,
            server_now_ms=lambda: clock[0],
        )
        async with streams:
            await within(10, anext(streams))
    assert waits == [120]
    assert asked.knocks == 1

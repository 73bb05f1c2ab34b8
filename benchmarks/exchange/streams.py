"""Stream messages per second from the simulated exchange to one client, compared with a bare `websockets` echo.

Each server has its own process, and its CPU time is measured, including the kernel's: that is independent of other
load. The client only counts frames. The market advances one tick as soon as the client has read the messages of the
last one: nothing waits for the wall clock.
"""

import asyncio
import contextlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

import psutil
import uvicorn
from starlette.routing import Router
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.report import Row, in_turn, middle
from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.connections.websocket_connection import WebSocketConnection
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.server import SimulatorConfig, open_exchange
from cq_tui.simulator.streams.stream_endpoint import stream_routes
from cq_tui.simulator.streams.stream_hub import StreamHub

_MIN_RATE = 20_000
_MIN_RATIO = 0.4
_START = 1_700_000_040_000
_KINDS = ("trade", "aggTrade", "bookTicker", "kline_1s", "miniTicker")
_BOOKS = ("depth@100ms",)
_CHUNK = 1 << 18
_POLL_SECONDS = 0.001
#: As long as the average stream message.
_ECHO = b"x" * 190
_ECHO_BATCH = 200


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure messages per second from the market to a client's socket."""
    count, books, rounds = (20_000, 500, 3) if quick else (100_000, 3_000, 7)
    with _server(_exchange) as exchange, _server(_echo) as echo:
        compared = in_turn(lambda: _read(exchange, count, _KINDS), lambda: _ask(echo, count), rounds)
        rate = 1 / compared.ours
        book_rate = 1 / middle([_read(exchange, books, _BOOKS) for _ in range(rounds)])
    yield Row(
        "exchange: stream messages to one client",
        f"{rate:,.0f} messages/s",
        f"websockets echo {1 / compared.peer:,.0f} messages/s",
        f"{compared.ratio:.2f}x",
        f">= {_MIN_RATE:,}/s and >= {_MIN_RATIO}x",
        rate >= _MIN_RATE and compared.ratio >= _MIN_RATIO,
    )
    # A tick of this market moves prices by several levels: an update has hundreds of them, about 9 kB.
    yield Row("exchange: depth updates to one client", f"{book_rate:,.0f} updates/s", "", "", "", None)


class Server(NamedTuple):
    """A server in its own process."""

    port: int
    process: psutil.Process

    def seconds(self) -> float:
        """Return the CPU seconds used so far."""
        times = self.process.cpu_times()
        return times.user + times.system


@contextlib.contextmanager
def _server(target: Callable[[Connection], None]) -> Iterator[Server]:
    """Run a server in its own process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=target, args=(there,), daemon=True)
    process.start()
    try:
        assert process.pid is not None
        yield Server(here.recv(), psutil.Process(process.pid))
    finally:
        process.terminate()
        process.join()


# The exchange


def _exchange(pipe: Connection) -> None:
    asyncio.run(_serve_exchange(pipe))


async def _serve_exchange(pipe: Connection) -> None:
    now = _START
    exchange = open_exchange(SimulatorConfig(), ApiKeys("", ""), lambda: now)
    hub = StreamHub(exchange)
    listening = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        Router(stream_routes(hub)), log_config=None, loop="none", lifespan="off", ws=WebSocketConnection
    )
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    pipe.send(listening.getsockname()[1])
    while not serving.done():
        while hub.is_idle:
            await asyncio.sleep(_POLL_SECONDS)
        now += TICK_MS
        exchange.on_tick(now // TICK_MS)
        hub.on_tick()
        await asyncio.sleep(0)
        while hub.is_behind:
            await asyncio.sleep(_POLL_SECONDS)


def _read(server: Server, count: int, kinds: Sequence[str]) -> float:
    """Return the CPU seconds per message of these streams, subscribed for all symbols."""
    names = "/".join(f"{symbol.lower()}@{kind}" for symbol in DEFAULT_SYMBOLS for kind in kinds)
    with _connect(server.port, f"/stream?streams={names}") as connection:
        return _count(server, connection, count)


# The echo


def _echo(pipe: Connection) -> None:
    asyncio.run(_serve_echo(pipe))


async def _serve_echo(pipe: Connection) -> None:
    async def answer(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the client has read enough
            async for message in connection:
                await connection.send(message)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()


def _ask(server: Server, count: int) -> float:
    """Return the CPU seconds per message, sent in batches so that the server never waits for us."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(_ECHO))
    batch = (bytes((0x82, 0xFE, len(_ECHO) >> 8, len(_ECHO) & 0xFF)) + mask + masked) * _ECHO_BATCH
    with _connect(server.port, "/") as connection:
        connection.sendall(batch)
        return _count(server, connection, count, lambda: connection.sendall(batch))


# The client


def _connect(port: int, path: str) -> socket.socket:
    """Open a WebSocket by hand."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"no WebSocket at {path}: {head!r}")
    return connection


def _count(server: Server, connection: socket.socket, count: int, more: Callable[[], None] | None = None) -> float:
    """Read ``count`` frames; return the server's CPU seconds per frame. ``more`` is called for each batch received."""
    started = server.seconds()
    seen = batches = 0
    rest = b""
    while seen < count:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        found, rest = _frames(rest + chunk)
        seen += found
        if more is not None:
            while batches < seen // _ECHO_BATCH:
                batches += 1
                more()
    return (server.seconds() - started) / seen


def _frames(content: bytes) -> tuple[int, bytes]:
    """Count complete frames; also returns the rest, an incomplete frame."""
    at = found = 0
    size = len(content)
    while at + 10 <= size:
        length = content[at + 1]
        begin = at + 2
        if length == 126:
            length = content[at + 2] << 8 | content[at + 3]
            begin = at + 4
        elif length == 127:
            length = int.from_bytes(content[at + 2 : at + 10], "big")
            begin = at + 10
        if begin + length > size:
            break
        at = begin + length
        found += 1
    return found, content[at:]

"""Signed orders over one connection, compared with a Starlette echo; and our client's round trip."""

import asyncio
import contextlib
import hashlib
import hmac
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.report import Row, in_turn, middle
from cq_tui.binance.orders import NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.signing import Credentials
from cq_tui.simulator.access.rate_limits import RateLimitSettings
from cq_tui.simulator.server import ExchangeEndpoint, SimulatorConfig, run

_MIN_RATE = 1_500
_MIN_RATIO = 0.4
_MAX_ROUND_TRIP_MS = 3.0
#: Seconds that the echo's connection may stay idle while the exchange is measured.
_KEEP_ALIVE_SECONDS = 600
_BALANCES = {"USDT": Decimal(1_000_000_000), "BTC": Decimal(100_000)}
_BUY = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.001&newOrderRespType=FULL"
_SELL = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.001&newOrderRespType=FULL"
_REST_LIMIT = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&newOrderRespType=ACK"


class Served(NamedTuple):
    """A server in its own process."""

    host: str
    port: int
    api_key: str
    secret: str


def measure(*, count: int, rounds: int) -> Iterator[Row]:
    """Measure orders per second, by rounds of ``count`` orders, and the round trip."""
    with _process(_serve_exchange) as exchange, _process(_serve_echo) as echo:
        with closing(_Market(exchange)) as market, closing(_Resting(exchange)) as resting, closing(_Echo(echo)) as peer:
            for load in (market, resting, peer):
                load.run(count // 4)
            yield from _rates(market, resting, peer, count, rounds)
        yield _round_trip(exchange, count // 3)


def _rates(market: "_Load", resting: "_Load", peer: "_Load", count: int, rounds: int) -> Iterator[Row]:
    for what, load in (
        ("exchange: signed MARKET orders over REST", market),
        ("exchange: signed LIMIT orders and cancels over REST", resting),
    ):
        compared = in_turn(lambda load=load: load.run(count), lambda: peer.run(count), rounds)  # type: ignore[misc]
        ours, theirs = count / compared.ours, count / compared.peer
        yield Row(
            what,
            f"{ours:,.0f}/s",
            f"Starlette echo {theirs:,.0f}/s",
            f"{compared.ratio:.2f}x",
            f">= {_MIN_RATE:,}/s, >= {_MIN_RATIO}x",
            ours >= _MIN_RATE and compared.ratio >= _MIN_RATIO,
        )


def _round_trip(exchange: Served, count: int) -> Row:
    trips = asyncio.run(_client_trips(exchange, count))
    median = middle(trips) * 1_000
    p99 = sorted(trips)[int(len(trips) * 0.99)] * 1_000
    return Row(
        "client: order to acknowledgement",
        f"p50 {median:.2f} ms, p99 {p99:.2f} ms",
        "",
        "",
        f"p50 <= {_MAX_ROUND_TRIP_MS:g} ms",
        median <= _MAX_ROUND_TRIP_MS,
    )


class _Load:
    """Sequential requests over one connection."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._socket = socket.create_connection((served.host, served.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._keyed = hmac.new(served.secret.encode(), digestmod=hashlib.sha256)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def run(self, count: int) -> float:
        """Send ``count`` requests and return the elapsed seconds."""
        begun = time.perf_counter()
        for number in range(count):
            self.one(number)
        return time.perf_counter() - begun

    def one(self, number: int) -> None:
        """Send one request and read its response."""
        raise NotImplementedError

    def send(self, method: str, path: str, body: bytes) -> bytes:
        """Send one request and return the response's body."""
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-mbx-apikey: {self._served.api_key}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body)
        data = self._more()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        at = data.index(b"content-length: ") + 16
        length = end + 4 + int(data[at : data.index(b"\r\n", at)])
        while len(data) < length:
            data += self._more()
        if not data.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data.decode())
        return data[end + 4 :]

    def _more(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data

    def signed(self, text: str) -> bytes:
        """Return a form with timestamp and signature."""
        payload = f"{text}&timestamp={time.time_ns() // 1_000_000}".encode()
        keyed = self._keyed.copy()
        keyed.update(payload)
        return payload + b"&signature=" + keyed.hexdigest().encode()


class _Market(_Load):
    """Alternates buy and sell orders, each filled immediately."""

    def one(self, number: int) -> None:
        self.send("POST", "/api/v3/order", self.signed(_SELL if number % 2 else _BUY))


class _Resting(_Load):
    """Places an order far from the market, then cancels it."""

    def __init__(self, served: Served) -> None:
        super().__init__(served)
        price = orjson.loads(self.send("GET", "/api/v3/ticker/price?symbol=BTCUSDT", b""))["price"]
        self._order = f"{_REST_LIMIT}&price={Decimal(price) * Decimal('0.9'):.2f}"

    def one(self, number: int) -> None:
        if number % 2:
            self.send("DELETE", "/api/v3/order", self.signed("symbol=BTCUSDT&origClientOrderId=resting"))
        else:
            self.send("POST", "/api/v3/order", self.signed(f"{self._order}&newClientOrderId=resting"))


class _Echo(_Load):
    """Sends the same bytes to the echo."""

    def one(self, number: int) -> None:
        self.send("POST", "/api/v3/order", self.signed(_SELL if number % 2 else _BUY))


async def _client_trips(exchange: Served, count: int) -> list[float]:
    credentials = Credentials(exchange.api_key, exchange.secret)
    trips: list[float] = []
    async with SpotRest(f"http://{exchange.host}:{exchange.port}", credentials) as client:
        for number in range(count):
            side = "SELL" if number % 2 else "BUY"
            order = NewOrder("BTCUSDT", side, "MARKET", f"trip-{number}", quantity=Decimal("0.001"))
            begun = time.perf_counter()
            await client.new_order(order)
            trips.append(time.perf_counter() - begun)
    return trips[len(trips) // 10 :]


@contextlib.contextmanager
def _process(serve: Callable[[Connection], None]) -> Iterator[Served]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)
        if process.is_alive():
            process.kill()


def _serve_exchange(pipe: Connection) -> None:
    config = SimulatorConfig(
        symbols=("BTCUSDT", "ETHUSDT"), balances=_BALANCES, limits=RateLimitSettings(enforced=False)
    )

    def ready(endpoint: ExchangeEndpoint) -> None:
        address = urlsplit(endpoint.rest_url)
        pipe.send(Served(str(address.hostname), int(address.port or 0), endpoint.api_key, endpoint.api_secret))

    async def serve() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), stop.set)
        await run(config, on_ready=ready, stop=stop)

    asyncio.run(serve())


def _serve_echo(pipe: Connection) -> None:
    async def echo(request: Request) -> Response:
        return Response(await request.body(), media_type="application/json")

    application = Starlette(routes=[Route("/api/v3/order", echo, methods=["POST"])])
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    settings = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="off", http="httptools", loop="none",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    server = uvicorn.Server(settings)

    async def serve() -> None:
        asyncio.get_running_loop().add_reader(pipe.fileno(), setattr, server, "should_exit", True)
        pipe.send(Served("127.0.0.1", int(listening.getsockname()[1]), "key", "secret"))
        await server.serve([listening])

    asyncio.run(serve())

"""A feeder process with 500 symbols: stream messages a CPU second, and its memory.

An exchange of our own, in a process of its own, answers its requests and sends book tickers, mini tickers and bars at a
steady rate that a busy market has. The peer reads the same streams at the same time and does nothing but parse: plain
websockets with orjson. CPU time of both processes is compared, because other processes disturb it least. Ours includes
everything that a feeder does meanwhile: prices on disk five times a second, closed bars appended, health, watchdogs.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson
import psutil
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State

from benchmarks.report import Row, cpu_seconds
from cq_tui.binance.stream_names import MAX_STREAMS
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import tickers_from_bytes
from cq_tui.store.document import DocumentError, read_json, write_document

SYMBOLS = tuple(f"C{number}USDT" for number in range(500))
_RATE = 8_000
_MINUTE_MS = 60_000
_TICK = 0.02
_DRAINED_AFTER = 4.0
#: Share of the ticks in which something is sent before and after.
_IDLE_SHARE = 0.05
#: Bytes that may wait to be read: a slow reader holds the market up.
_MOST_WAITING = 2**20
#: Streams that the peer asks for at once.
_BATCH = 200
_LEAST_A_SECOND, _MOST_MB = 25_000, 150
_MB = 2**20


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure a feeder, and the peer beside it."""
    seconds = 10 if quick else 60
    with (
        tempfile.TemporaryDirectory() as folder,
        _exchange() as (url, market),
        _feeder(Path(folder), url) as ours,
        _peer(url) as theirs,
    ):
        begun, started = (cpu_seconds(ours), cpu_seconds(theirs)), time.time()
        market.runs.set()
        time.sleep(seconds)
        market.runs.clear()
        # What was sent is read to the end, however busy the machine is.
        time.sleep(_DRAINED_AFTER)
        count = market.sent.value
        spent = cpu_seconds(ours) - begun[0], cpu_seconds(theirs) - begun[1]
        memory = ours.memory_info().rss / _MB
        _require_all_heard(DataDir(Path(folder) / "data"), started)
    rate, peer = count / spent[0], count / spent[1]
    yield Row(
        "feeder: stream messages of 500 symbols",
        f"{rate:,.0f}/CPU s",
        f"bare websockets + orjson {peer:,.0f}/CPU s",
        f"{rate / peer:.2f}x",
        f">= {_LEAST_A_SECOND:,}/CPU s",
        rate >= _LEAST_A_SECOND,
    )
    yield Row(
        f"feeder: memory after {seconds} s with 500 symbols",
        f"{memory:.0f} MB",
        "-",
        "",
        f"<= {_MOST_MB} MB",
        memory <= _MOST_MB,
    )


def _require_all_heard(data: DataDir, since: float) -> None:
    """Raise ValueError if the feeder has no message of a symbol."""
    tickers = tickers_from_bytes(data.tickers.read_bytes())[1]
    unheard = [symbol for symbol in SYMBOLS if tickers[symbol].timestamp < since]
    if unheard:
        raise ValueError(f"{len(unheard)} symbols were not heard")


@contextmanager
def _feeder(folder: Path, url: str) -> Iterator[psutil.Process]:
    """Run a feeder until the block ends; it has its whole history and its streams."""
    data = DataDir(folder / "data")
    data.settings.parent.mkdir(parents=True)
    write_document(
        data.settings,
        {
            "SYMBOLS": list(SYMBOLS), "SIMULATION_MODE": False, "PAPER_MODE": True, "TRADING_MODE": "paper",
            "ARES_BASE_INTERVAL": "1m", "BINANCE_REST_URL": f"http://{url}", "BINANCE_STREAM_URL": f"ws://{url}",
            "BINANCE_WS_API_URL": f"ws://{url}/ws-api/v3",
        },
    )  # fmt: skip
    command = [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), "service", "feeder"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(data, process)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(data: DataDir, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 180
    health: dict[str, Any] = {}
    while time.monotonic() < deadline and process.poll() is None:
        try:
            health = read_json(data.health_of("feeder"))
        except DocumentError:
            health = {}
        if health.get("ready") and health["symbols_count"] == len(SYMBOLS):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the feeder did not become ready: {health.get('reason')}")


# The peer


@contextmanager
def _peer(url: str) -> Iterator[psutil.Process]:
    process = multiprocessing.get_context("spawn").Process(target=_read_bare, args=(url,), daemon=True)
    process.start()
    try:
        time.sleep(2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join()


def _read_bare(url: str) -> None:
    async def read(streams: list[str]) -> None:
        first, later = streams[:_BATCH], range(_BATCH, len(streams), _BATCH)
        async with connect(f"ws://{url}/stream?streams={'/'.join(first)}", compression=None, proxy=None) as socket:
            for start in later:
                request = {"method": "SUBSCRIBE", "params": streams[start : start + _BATCH], "id": start}
                await socket.send(orjson.dumps(request).decode())
            while True:
                orjson.loads(await socket.recv(decode=False))

    async def read_all() -> None:
        # As many connections as the exchange's limit of 1,024 streams asks for.
        names = [f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in _KINDS]
        await asyncio.gather(*(read(names[start : start + MAX_STREAMS]) for start in range(0, len(names), MAX_STREAMS)))

    with contextlib.suppress(ConnectionClosed):
        asyncio.run(read_all())


# The exchange


class _Control(NamedTuple):
    """Starts and stops the stream, and counts what was sent to each reader meanwhile."""

    runs: Event
    sent: Any


@contextmanager
def _exchange() -> Iterator[tuple[str, _Control]]:
    """Serve the market from its own process; yields where, and what controls it."""
    spawning = multiprocessing.get_context("spawn")
    control = _Control(spawning.Event(), spawning.Value("q", 0))
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs, control), daemon=True)
    process.start()
    try:
        yield f"127.0.0.1:{ours.recv()}", control
    finally:
        process.terminate()
        process.join()


_KINDS = ("kline_1m", "bookTicker", "miniTicker")
#: Of the messages of a busy market; a bar and a mini ticker come every second or two.
_WEIGHTS = (4, 90, 6)


def _serve(parent: Connection, control: _Control) -> None:
    os.nice(5)
    asyncio.run(_Market(control).serve(parent))


class _Market:
    """REST for 500 symbols, and streams at a steady rate."""

    def __init__(self, control: _Control) -> None:
        self._control = control
        self._sockets: dict[ServerConnection, set[str]] = {}
        self._rng = random.Random(5)
        self._number = 0

    async def serve(self, parent: Connection) -> None:
        async with serve(
            self._keep, "127.0.0.1", 0, compression=None, process_request=self._answer, max_size=None
        ) as serving:
            parent.send(next(iter(serving.sockets)).getsockname()[1])
            await self._send()

    async def _keep(self, socket: ServerConnection) -> None:
        streams = parse_qs(urlsplit(socket.request.path if socket.request else "").query).get("streams", [""])[0]
        names = self._sockets[socket] = set(streams.split("/"))
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                request = orjson.loads(message)
                names.update(request["params"])
                await socket.send(orjson.dumps({"result": None, "id": request["id"]}).decode())
        del self._sockets[socket]

    async def _send(self) -> None:
        due = time.monotonic()
        while True:
            due += _TICK
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            readers = [(socket, names) for socket, names in self._sockets.items() if socket.state is State.OPEN]
            waiting = max((socket.transport.get_write_buffer_size() for socket, _ in readers), default=0)
            # Until it is measured, each symbol gives a sign of life now and then.
            runs = self._control.runs.is_set()
            if waiting > _MOST_WAITING or (not runs and self._rng.random() > _IDLE_SHARE):
                continue
            frames = [self._frame() for _ in range(int(_RATE * _TICK))]
            for socket, names in readers:
                socket.transport.write(b"".join(frame for name, frame in frames if name in names))
            self._control.sent.value += len(frames) if runs else 0

    def _frame(self) -> tuple[str, bytes]:
        self._number += 1
        symbol = SYMBOLS[self._rng.randrange(len(SYMBOLS))]
        (kind,) = self._rng.choices(_KINDS, _WEIGHTS)
        name = f"{symbol.lower()}@{kind}"
        content = orjson.dumps({"stream": name, "data": _event(kind, symbol, self._number, self._rng)})
        return name, Frame(Opcode.TEXT, content).serialize(mask=False)

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path == "/stream":
            return None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = orjson.dumps(_REST[parts.path](query))
        headers = Headers(
            [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")]
        )
        return Response(200, "OK", headers, body)


def _event(kind: str, symbol: str, number: int, rng: random.Random) -> dict[str, Any]:
    price, now = 10 + rng.randrange(1_000) / 1_000, int(time.time() * 1_000)
    if kind == "bookTicker":
        return {"u": number, "s": symbol, "b": f"{price:.8f}", "B": "31.21000000", "a": f"{price + 0.001:.8f}",
                "A": "40.66000000"}  # fmt: skip
    if kind == "miniTicker":
        return {"e": "24hrMiniTicker", "E": now, "s": symbol, "c": f"{price:.8f}", "o": "10.00000000",
                "h": "12.00000000", "l": "9.00000000", "v": "10000.00000000", "q": "100000.00000000"}  # fmt: skip
    start = now - now % _MINUTE_MS
    bar = {"t": start, "T": start + _MINUTE_MS - 1, "s": symbol, "i": "1m", "f": 100, "L": 200, "o": "10.00000000",
           "c": f"{price:.8f}", "h": "12.00000000", "l": "9.00000000", "v": "1000.00000000", "n": 100, "x": False,
           "q": "1.00000000", "V": "500.00000000", "Q": "0.50000000", "B": "0"}  # fmt: skip
    return {"e": "kline", "E": now, "s": symbol, "k": bar}


def _info(query: dict[str, str]) -> dict[str, Any]:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 60_000}
    rows = [
        {
            "symbol": symbol, "status": "TRADING", "baseAsset": symbol[:-4], "quoteAsset": "USDT",
            "baseAssetPrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["MARKET", "LIMIT"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.001", "maxPrice": "1000000", "tickSize": "0.001"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
                {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000", "applyMinToMarket": True,
                 "applyMaxToMarket": False},
            ],
        }
        for symbol in orjson.loads(query["symbols"])
    ]  # fmt: skip
    return {"serverTime": int(time.time() * 1_000), "rateLimits": [limit], "symbols": rows}


def _day(query: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"symbol": symbol, "lastPrice": "10", "priceChangePercent": "1", "highPrice": "12", "lowPrice": "9",
         "volume": "1000", "quoteVolume": "10000", "closeTime": int(time.time() * 1_000), "count": 100}
        for symbol in orjson.loads(query["symbols"])
    ]  # fmt: skip


def _books(query: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"symbol": symbol, "bidPrice": "10", "bidQty": "1", "askPrice": "10.001", "askQty": "1"}
        for symbol in orjson.loads(query["symbols"])
    ]


def _klines(query: dict[str, str]) -> list[list[Any]]:
    now = int(time.time() * 1_000)
    # All were listed an hour ago: fetching history is not what is measured.
    start = max(int(query["startTime"]), now - 60 * _MINUTE_MS)
    start += -start % _MINUTE_MS
    limit = int(query.get("limit", 1_000))
    return [
        [opened, "10", "12", "9", "10.5", "100", opened + _MINUTE_MS - 1, "1000", 100, "50", "500", "0"]
        for opened in range(start, min(now, start + limit * _MINUTE_MS), _MINUTE_MS)
    ]


_REST = {
    "/api/v3/time": lambda _: {"serverTime": int(time.time() * 1_000)},
    "/api/v3/exchangeInfo": _info,
    "/api/v3/ticker/24hr": _day,
    "/api/v3/ticker/bookTicker": _books,
    "/api/v3/klines": _klines,
}

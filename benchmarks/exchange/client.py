"""Our stream client compared with a bare loop and ccxt.pro, all reading the same feed from one server.

Each client reads the same messages as fast as it can: book tickers, trades, depth updates and klines, roughly in the
exchange's proportions. Ours delivers validated, typed messages; the bare loop only parses the JSON; ccxt.pro does what
it does for its own users, but keeps no order book, so depth costs it little. The clients' CPU time is compared, because
other processes disturb it least.
"""

import asyncio
import multiprocessing
import random
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import ccxt.pro
import orjson
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from benchmarks.report import Compared, Row, in_turn
from cq_tui.binance.stream_names import book_ticker_stream, depth_stream, kline_stream, trade_stream
from cq_tui.binance.streams import MarketStreams
from cq_tui.binance.watchdog import Deadlines

_SYMBOL = "BTCUSDT"
_NAMES = [book_ticker_stream(_SYMBOL), trade_stream(_SYMBOL), depth_stream(_SYMBOL), kline_stream(_SYMBOL, "1m")]
#: Weights; klines come only every two seconds, but should occur.
_KINDS, _WEIGHTS = ("bookTicker", "trade", "depth@100ms", "kline_1m"), (66, 23, 8, 3)
_NOW = 1_723_161_255_208
_CHUNK = 2**16


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure the path from frame to typed message."""
    count, rounds = (10_000, 3) if quick else (40_000, 7)
    with _feed(count) as url:
        bare = in_turn(lambda: _timed(_ours(url, count), count), lambda: _timed(_bare(url, count), count), rounds)
        yield _row("client: stream frames to typed messages", "bare websockets + orjson", bare, 0.7)
        theirs = in_turn(lambda: _timed(_ours(url, count), count), lambda: _timed(_ccxt(url, count), count), rounds)
        yield _row("client: stream frames to typed messages", "ccxt.pro", theirs, 3.0)


def _row(what: str, peer: str, compared: Compared, threshold: float) -> Row:
    return Row(
        what,
        f"{1 / compared.ours:,.0f} messages/CPU s",
        f"{peer} {1 / compared.peer:,.0f} messages/CPU s",
        f"{compared.ratio:.2f}x",
        f">= {threshold}x",
        compared.ratio >= threshold,
    )


def _timed(reading: Awaitable[None], count: int) -> float:
    """Return the CPU seconds per message, from before connecting until the last message is read."""

    async def timed() -> float:
        started = time.process_time()
        await reading
        return (time.process_time() - started) / count

    return asyncio.run(timed())


# The three clients


async def _ours(url: str, count: int) -> None:
    # A queue that holds everything: nothing is conflated, so every message reaches the reader.
    patient = Deadlines(first_data=60, connection=60, symbol=60)
    async with MarketStreams(url, _NAMES, deadlines=patient, queue_limit=2 * count) as streams:
        seen = -1  # Connected is the first event
        async for _ in streams:
            seen += 1
            if seen == count:
                return


async def _bare(url: str, count: int) -> None:
    async with connect(f"{url}/stream?streams={'/'.join(_NAMES)}", compression=None, proxy=None) as socket:
        for _ in range(count):
            orjson.loads(await socket.recv(decode=False))


class _Counting(ccxt.pro.binance):  # type: ignore[misc]  # ccxt has no types
    """ccxt.pro that signals when it has processed the last message."""

    def handle_message(self, client: Any, message: Any) -> None:
        super().handle_message(client, message)
        if "data" in message:
            self.seen += 1
            if self.seen == self.count:
                self.all_seen.set()


async def _ccxt(url: str, count: int) -> None:
    exchange = _Counting({"enableRateLimit": False, "newUpdates": True})
    exchange.count, exchange.seen, exchange.all_seen = count, 0, asyncio.Event()
    exchange.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    exchange.set_markets([exchange.parse_market(_symbol_info())])
    exchange.urls["api"]["ws"]["spot"] = f"{url}/ws"
    watching = asyncio.create_task(exchange.watch_bids_asks(["BTC/USDT"]))
    try:
        await exchange.all_seen.wait()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await exchange.close()


def _symbol_info() -> dict[str, Any]:
    return {
        "symbol": _SYMBOL,
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "filters": [],
    }


# The feed


@contextmanager
def _feed(count: int) -> Iterator[str]:
    """Serve the feed from its own process; yields its URL."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs, count), daemon=True)
    process.start()
    try:
        yield f"ws://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(parent: Connection, count: int) -> None:
    asyncio.run(_serve_feed(parent, _frames(count)))


async def _serve_feed(parent: Connection, frames: bytes) -> None:
    async def send(socket: ServerConnection) -> None:
        path = socket.request.path if socket.request else ""
        if not path.startswith("/stream"):
            request = orjson.loads(await socket.recv())
            await socket.send(orjson.dumps({"result": None, "id": request["id"]}).decode())
        # Encoded frames, so that the server outpaces every client.
        for start in range(0, len(frames), _CHUNK):
            socket.transport.write(frames[start : start + _CHUNK])
            await socket.drain()
        await socket.wait_closed()

    async with serve(send, "127.0.0.1", 0, compression=None) as serving:
        parent.send(next(iter(serving.sockets)).getsockname()[1])
        await asyncio.Event().wait()


def _frames(count: int) -> bytes:
    rng = random.Random(7)
    return b"".join(
        Frame(Opcode.TEXT, orjson.dumps(_message(rng, number))).serialize(mask=False) for number in range(count)
    )


def _message(rng: random.Random, number: int) -> dict[str, Any]:
    (kind,) = rng.choices(_KINDS, _WEIGHTS)
    event = {"E": _NOW + number, "s": _SYMBOL}
    price = 61_000 + rng.randrange(100_000) / 100
    if kind == "bookTicker":
        sides = {"b": _text(price), "B": _quantity(rng), "a": _text(price + 0.01), "A": _quantity(rng)}
        data: dict[str, Any] = {"u": 50_093_239_189 + number, "s": _SYMBOL} | sides
    elif kind == "trade":
        trade = {"t": 3_700_000_000 + number, "p": _text(price), "q": _quantity(rng), "T": _NOW + number}
        data = {"e": "trade"} | event | trade | {"m": rng.random() < 0.5, "M": True}
    elif kind == "kline_1m":
        bar = {"t": _NOW // 60_000 * 60_000, "T": _NOW // 60_000 * 60_000 + 59_999, "s": _SYMBOL, "i": "1m"}
        bar |= {"f": 1, "L": 2, "o": _text(price), "c": _text(price), "h": _text(price + 1), "l": _text(price - 1)}
        bar |= {"v": "12.50000000", "n": number, "x": False, "q": "9.0", "V": "6.0", "Q": "4.0", "B": "0"}
        data = {"e": "kline"} | event | {"k": bar}
    else:
        ids = {"U": 50_093_239_189 + number, "u": 50_093_239_189 + number}
        levels = {side: [[_text(price + n), _quantity(rng)] for n in range(rng.randrange(1, 20))] for side in "ba"}
        data = {"e": "depthUpdate"} | event | ids | levels
    return {"stream": f"{_SYMBOL.lower()}@{kind}", "data": data}


def _text(number: float) -> str:
    return f"{number:.8f}"


def _quantity(rng: random.Random) -> str:
    return f"{rng.randrange(1, 10**8) / 1e5:.8f}"

"""A market whose every bar, message and failure the test decides: REST klines and combined streams."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cq_tui.contracts.market import Kline

SECOND = 1_000


def bar(open_time: int, close: float) -> Kline:
    return Kline(open_time, open_time + SECOND - 1, close, close + 1, close - 1, close, 2.0, 2 * close, 3)


def symbol_info(symbol: str, status: str = "TRADING") -> dict[str, Any]:
    return {
        "symbol": symbol, "status": status, "baseAsset": symbol[:-4], "quoteAsset": "USDT",
        "baseAssetPrecision": 8, "quoteAssetPrecision": 8,
        "orderTypes": ["MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
            {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000",
             "applyMinToMarket": True, "applyMaxToMarket": False},
        ],
    }  # fmt: skip


def exchange_info(symbols: Iterable[dict[str, Any]]) -> dict[str, Any]:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 60_000}
    return {"serverTime": int(time.time() * 1000), "rateLimits": [limit], "symbols": list(symbols)}


class ScriptedMarket:
    """Bars of one second that close when the test says so; the newest lies well in the past."""

    def __init__(self, *symbols: str, history: int = 30, price: float = 100.0) -> None:
        self.symbols = dict.fromkeys(symbols or ("BTCUSDT", "ETHUSDT"), "TRADING")
        start = (int(time.time()) - 2_000 - history) * SECOND
        self.bars = {symbol: [bar(start + i * SECOND, price + i) for i in range(history)] for symbol in self.symbols}
        #: Bars that REST does not know yet, by symbol.
        self.lag = dict.fromkeys(self.symbols, 0)
        #: Klines of a symbol are answered once its event is set.
        self.holding: dict[str, asyncio.Event] = {}
        #: Klines of a symbol are answered as they are now, and the answer arrives once its event is set.
        self.traveling: dict[str, asyncio.Event] = {}
        #: HTTP status that klines of a symbol are answered with.
        self.failing: dict[str, int] = {}
        #: Symbols of which only the last hundred klines are answered: older ones are refused with 503.
        self.without_past: set[str] = set()
        #: Connections are refused: all, or those that ask for exactly these symbols.
        self.refuses_sockets = False
        self.refused_symbols: set[str] = set()
        #: HTTP statuses that exchangeInfo and the 24-hour tickers are answered with.
        self.info_status = self.ticker_status = 200
        self.info_requests = 0
        #: By how much its clock is ahead of its bars.
        self.clock_ahead_ms = 0
        #: Open connections, with the streams asked for.
        self.sockets: dict[WebSocket, frozenset[str]] = {}
        self.kline_requests: list[str] = []
        #: From which time each of them asked.
        self.kline_starts: list[int] = []

    @property
    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/v3/time", self._time),
                Route("/api/v3/exchangeInfo", self._info),
                Route("/api/v3/klines", self._klines),
                Route("/api/v3/ticker/24hr", self._day),
                Route("/api/v3/ticker/bookTicker", self._books),
                WebSocketRoute("/stream", self._stream),
            ]
        )

    # What the test does

    async def close_bar(self, symbol: str, *, told: bool = True) -> Kline:
        """Close the next bar; ``told`` on the streams, or known to REST alone."""
        last = self.bars[symbol][-1]
        closed = bar(last.open_time + SECOND, last.close + 1)
        self.bars[symbol].append(closed)
        if told:
            await self.tell_closed(symbol)
        return closed

    async def tell_closed(self, symbol: str) -> None:
        """Tell on the streams that the newest bar has closed."""
        await self._tell(f"{symbol.lower()}@kline_1s", _kline_event(symbol, self.bars[symbol][-1]))

    def stream_symbols(self) -> list[set[str]]:
        """Return of each connection the symbols whose streams it asked for."""
        return [_symbols_of(streams) for streams in self.sockets.values()]

    def skip_bar(self, symbol: str) -> None:
        """Close a bar after a second without one: the exchange itself has a hole there."""
        last = self.bars[symbol][-1]
        self.bars[symbol].append(bar(last.open_time + 2 * SECOND, last.close + 1))

    async def quote(self, symbol: str, bid: float = 99.0) -> None:
        event = {"u": 1, "s": symbol, "b": f"{bid}", "B": "1", "a": f"{bid + 2}", "A": "1"}
        await self._tell(f"{symbol.lower()}@bookTicker", event)

    async def drop_connections(self) -> None:
        for socket in list(self.sockets):
            self.sockets.pop(socket, None)
            await socket.close(1001)

    async def _tell(self, stream: str, event: dict[str, Any]) -> None:
        message = orjson.dumps({"stream": stream, "data": event}).decode()
        for socket in [socket for socket, streams in self.sockets.items() if stream in streams]:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # closed just now
                await socket.send_text(message)

    # What the exchange answers

    async def _time(self, _: Request) -> Response:
        return JSONResponse({"serverTime": int(time.time() * 1000) + self.clock_ahead_ms})

    async def _info(self, request: Request) -> Response:
        wanted = orjson.loads(request.query_params["symbols"])
        self.info_requests += 1
        if self.info_status != 200:
            return JSONResponse({"code": -1, "msg": "scripted"}, self.info_status)
        if any(symbol not in self.symbols for symbol in wanted):
            return JSONResponse({"code": -1121, "msg": "Invalid symbol."}, 400)
        return JSONResponse(exchange_info(symbol_info(symbol, self.symbols[symbol]) for symbol in wanted))

    async def _klines(self, request: Request) -> Response:
        symbol, start = request.query_params["symbol"], int(request.query_params["startTime"])
        self.kline_requests.append(symbol)
        self.kline_starts.append(start)
        if symbol in self.holding:
            await self.holding[symbol].wait()
        if symbol in self.failing:
            status = self.failing[symbol]
            return JSONResponse({"code": -1121 if status == 400 else -1, "msg": "scripted"}, status)
        if symbol in self.without_past and start < self.bars[symbol][-100].open_time:
            return JSONResponse({"code": -1, "msg": "scripted"}, 503)
        known = self.bars[symbol][: len(self.bars[symbol]) - self.lag[symbol]]
        page = [kline for kline in known if kline.open_time >= start][: int(request.query_params["limit"])]
        response = JSONResponse([_rest_kline(kline) for kline in page])
        if symbol in self.traveling:
            await self.traveling[symbol].wait()
        return response

    async def _day(self, request: Request) -> Response:
        if self.ticker_status != 200:
            return JSONResponse({"code": -1, "msg": "scripted"}, self.ticker_status)
        rows = [
            {
                "symbol": symbol, "lastPrice": f"{self.bars[symbol][-1].close}", "priceChangePercent": "1.0",
                "highPrice": "1", "lowPrice": "1", "volume": "5", "quoteVolume": "5", "closeTime": 1, "count": 1,
            }
            for symbol in orjson.loads(request.query_params["symbols"])
        ]  # fmt: skip
        return JSONResponse(rows)

    async def _books(self, request: Request) -> Response:
        symbols = orjson.loads(request.query_params["symbols"])
        sides = {"bidPrice": "99", "bidQty": "1", "askPrice": "101", "askQty": "1"}
        return JSONResponse([{"symbol": symbol} | sides for symbol in symbols])

    async def _stream(self, socket: WebSocket) -> None:
        streams = frozenset(socket.query_params["streams"].split("/"))
        if self.refuses_sockets or _symbols_of(streams) == self.refused_symbols:
            await socket.close()
            return
        await socket.accept()
        self.sockets[socket] = streams
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self.sockets.pop(socket, None)


def _symbols_of(streams: Iterable[str]) -> set[str]:
    return {stream.partition("@")[0].upper() for stream in streams}


def _rest_kline(kline: Kline) -> list[Any]:
    prices = [f"{value}" for value in (kline.open, kline.high, kline.low, kline.close, kline.volume)]
    return [kline.open_time, *prices, kline.close_time, f"{kline.quote_volume}", kline.trades, "1", "1", "0"]


def _kline_event(symbol: str, kline: Kline) -> dict[str, Any]:
    fields = {
        "t": kline.open_time, "T": kline.close_time, "s": symbol, "i": "1s", "f": 1, "L": 2, "o": f"{kline.open}",
        "c": f"{kline.close}", "h": f"{kline.high}", "l": f"{kline.low}", "v": f"{kline.volume}", "n": kline.trades,
        "x": True, "q": f"{kline.quote_volume}", "V": "1", "Q": "1", "B": "0",
    }  # fmt: skip
    return {"e": "kline", "E": kline.close_time + 1, "s": symbol, "k": fields}

"""Market streams: what each tick says to whom; a payload is made once, and only when somebody listens."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import orjson

from cq_tui.simulator.api import market_data
from cq_tui.simulator.engine.orders import Trade
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import bucket_open
from cq_tui.simulator.market.symbols import text
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Bars
from cq_tui.simulator.streams.outbox import Outbox

#: Klines longer than a second are sent this often while they are open.
_KLINE_TICKS = 2 * TICKS_PER_SECOND
_ALL_MINI_TICKERS = "!miniTicker@arr"
_PARTIAL_DEPTHS = {"depth5": 5, "depth10": 10, "depth20": 20}


class Stream(NamedTuple):
    """A stream name taken apart; ``interval`` belongs to klines."""

    symbol: str
    kind: str
    interval: str = ""


class Listener:
    """One connection's subscriptions and what waits to be sent to it."""

    def __init__(self, combined: bool) -> None:
        self.combined = combined
        self.outbox = Outbox()
        self.streams: dict[str, None] = {}

    def tell(self, name: str, payload: str, replaces: str | None) -> None:
        """Queue a payload in the connection's form."""
        message = f'{{"stream":"{name}","data":{payload}}}' if self.combined else payload
        self.outbox.put(message, replaces)


class StreamHub:
    """Knows who listens to what, and is called at every tick and at every trade of the account."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._listeners: dict[str, set[Listener]] = {}
        self._parsed: dict[str, Stream] = {}
        exchange.trade_listeners.add(self._own_trade)

    def subscribe(self, listener: Listener, name: str) -> None:
        """Add a stream; an unknown name is accepted and stays silent, as on the exchange."""
        listener.streams[name] = None
        if (stream := self._parse(name)) is not None:
            self._parsed[name] = stream
            self._listeners.setdefault(name, set()).add(listener)

    def unsubscribe(self, listener: Listener, name: str) -> None:
        """Remove a stream."""
        listener.streams.pop(name, None)
        if (listeners := self._listeners.get(name)) is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[name], self._parsed[name]

    def forget(self, listener: Listener) -> None:
        """Remove a connection that has ended."""
        for name in list(listener.streams):
            self.unsubscribe(listener, name)

    def _parse(self, name: str) -> Stream | None:
        if name.removesuffix("@1000ms") == _ALL_MINI_TICKERS:
            return Stream("", _ALL_MINI_TICKERS)
        symbol, _, kind = name.partition("@")
        kind = kind.removesuffix("@100ms").removesuffix("@1000ms")
        if symbol != symbol.lower() or symbol.upper() not in self._exchange.market.column:
            return None
        if kind.startswith("kline_"):
            interval = kind.removeprefix("kline_")
            return Stream(symbol.upper(), "kline", interval) if interval in market_data.INTERVALS else None
        known = kind in _MAKERS or kind in _PARTIAL_DEPTHS
        return Stream(symbol.upper(), kind) if known else None

    def _tell(self, name: str, payload: str, *, newest_counts: bool) -> None:
        for listener in self._listeners[name]:
            listener.tell(name, payload, name if newest_counts else None)

    def on_tick(self) -> None:
        """Send what the market's present tick changed."""
        market = self._exchange.market
        if not self._parsed or market.over:
            return
        second = market.tick % TICKS_PER_SECOND == 0
        klines = _Klines(self._exchange)
        for name, stream in self._parsed.items():
            if stream.kind == "kline":
                self._kline(name, stream, klines, second)
            elif stream.kind in ("bookTicker", "trade", "aggTrade") or second:
                self._plain(name, stream)

    def _plain(self, name: str, stream: Stream) -> None:
        if stream.kind == _ALL_MINI_TICKERS:
            tickers = [_mini_ticker(self._exchange, symbol) for symbol in self._exchange.market.column]
            self._tell(name, f"[{','.join(ticker for ticker in tickers if ticker)}]", newest_counts=True)
            return
        maker = _MAKERS.get(stream.kind)
        payload = (
            maker(self._exchange, stream.symbol)
            if maker is not None
            else _partial_depth(self._exchange, stream.symbol, _PARTIAL_DEPTHS[stream.kind])
        )
        if payload is not None:
            self._tell(name, payload, newest_counts=stream.kind not in ("trade", "aggTrade"))

    def _kline(self, name: str, stream: Stream, klines: "_Klines", second: bool) -> None:
        exchange, interval = self._exchange, stream.interval
        now = exchange.market.time
        if second and klines.closes(interval):
            bars = klines.closed(interval)
            event = market_data.kline_event(exchange, stream.symbol, interval, bars, True, now)
            self._tell(name, orjson.dumps(event).decode(), newest_counts=False)
        elif interval != "1s" and exchange.market.tick % _KLINE_TICKS == 0:
            bars = klines.running(interval)
            event = market_data.kline_event(exchange, stream.symbol, interval, bars, False, now)
            self._tell(name, orjson.dumps(event).decode(), newest_counts=True)

    def _own_trade(self, trade: Trade) -> None:
        name = f"{trade.symbol.lower()}@trade"
        if name in self._parsed:
            event = {
                "e": "trade", "E": trade.time, "s": trade.symbol, "t": trade.trade_id, "p": text(trade.price),
                "q": text(trade.quantity), "T": trade.time, "m": trade.is_buyer == trade.is_maker, "M": True,
            }  # fmt: skip
            self._tell(name, orjson.dumps(event).decode(), newest_counts=False)


class _Klines:
    """The klines of one tick, made once for all symbols."""

    def __init__(self, exchange: Exchange) -> None:
        self._market = exchange.market
        self._closed: dict[str, Bars] = {}
        self._running: dict[str, Bars] = {}

    def closes(self, interval: str) -> bool:
        """Whether a kline of ``interval`` ended at the present tick."""
        if interval == "1s":
            return True
        now = self._market.time
        return now % 60_000 == 0 and int(bucket_open(np.array([now]), interval)[0]) == now

    def closed(self, interval: str) -> Bars:
        """Return the kline that has just ended, of all symbols."""
        if interval not in self._closed:
            self._closed[interval] = self._market.just_closed(interval)
        return self._closed[interval]

    def running(self, interval: str) -> Bars:
        """Return the open kline of all symbols."""
        if interval not in self._running:
            self._running[interval] = self._market.running(interval)
        return self._running[interval]


def _book_ticker(exchange: Exchange, symbol: str) -> str:
    bid, bid_quantity, ask, ask_quantity = market_data.touch(exchange, symbol)
    return (
        f'{{"u":{exchange.market.tick},"s":"{symbol}","b":"{bid}","B":"{bid_quantity}",'
        f'"a":"{ask}","A":"{ask_quantity}"}}'
    )


def _trade(exchange: Exchange, symbol: str) -> str | None:
    quote = exchange.market.quote(symbol)
    if quote.quantity <= 0:
        return None
    now = exchange.market.time
    return (
        f'{{"e":"trade","E":{now},"s":"{symbol}","t":{exchange.trade_id_at(symbol, now)},"p":"{quote.last:.8f}",'
        f'"q":"{quote.quantity:.8f}","T":{now},"m":{"false" if quote.taker_bought else "true"},"M":true}}'
    )


def _aggregate_trade(exchange: Exchange, symbol: str) -> str | None:
    quote = exchange.market.quote(symbol)
    if quote.quantity <= 0:
        return None
    now = exchange.market.time
    number = exchange.trade_id_at(symbol, now)
    return (
        f'{{"e":"aggTrade","E":{now},"s":"{symbol}","a":{number},"p":"{quote.last:.8f}","q":"{quote.quantity:.8f}",'
        f'"f":{number},"l":{number},"T":{now},"m":{"false" if quote.taker_bought else "true"},"M":true}}'
    )


def _mini_ticker(exchange: Exchange, symbol: str) -> str:
    day = market_data.day_ticker(exchange, symbol, full=False)
    return (
        f'{{"e":"24hrMiniTicker","E":{exchange.market.time},"s":"{symbol}","c":"{day["lastPrice"]}",'
        f'"o":"{day["openPrice"]}","h":"{day["highPrice"]}","l":"{day["lowPrice"]}","v":"{day["volume"]}",'
        f'"q":"{day["quoteVolume"]}"}}'
    )


def _ticker(exchange: Exchange, symbol: str) -> str:
    day = market_data.day_ticker(exchange, symbol)
    event = {"e": "24hrTicker", "E": exchange.market.time} | {key: day[name] for key, name in _TICKER_KEYS.items()}
    return orjson.dumps(event).decode()


def _partial_depth(exchange: Exchange, symbol: str, count: int) -> str:
    return orjson.dumps(market_data.book_levels(exchange, symbol, count)).decode()


_TICKER_KEYS = {
    "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice",
    "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty",
    "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime",
    "C": "closeTime", "F": "firstId", "L": "lastId", "n": "count",
}  # fmt: skip
_MAKERS: dict[str, Callable[[Exchange, str], str | None]] = {
    "bookTicker": _book_ticker,
    "trade": _trade,
    "aggTrade": _aggregate_trade,
    "miniTicker": _mini_ticker,
    "ticker": _ticker,
}

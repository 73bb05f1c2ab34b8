"""Market streams: who listens to what, and what each tick and each trade of the account says to whom."""

from collections.abc import Callable, Iterable

from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.tape import TapeTrade
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND
from cq_tui.simulator.streams.book_feed import BookFeed
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.listener import Listener
from cq_tui.simulator.streams.statistics_feed import StatisticsFeed
from cq_tui.simulator.streams.stream_names import parse_stream
from cq_tui.simulator.streams.trade_feed import TradeFeed
from cq_tui.simulator.streams.websocket_connection import text_frame

_LIFE_MS = 86_400_000
_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND

#: What a fault makes of a payload of a stream: the payloads that are sent instead, in this order.
Tamper = Callable[[str, bytes], Iterable[bytes]]


class StreamHub:
    """Is called at every tick and after everything the account did; ``tamper`` is for faults on demand."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._listeners: dict[Listener, None] = {}
        self._channels: dict[tuple[str, int], Channel] = {}
        self.tamper: Tamper | None = None
        self._trades = TradeFeed(exchange, self._send)
        self._books = BookFeed(exchange, self._send)
        self._statistics = StatisticsFeed(exchange, self._send)
        self._feeds = (self._trades, self._books, self._statistics)
        exchange.market_listeners.append(self._on_account)

    def now(self) -> int:
        """Return the exchange's clock (Unix ms)."""
        return self._exchange.clock()

    @property
    def is_idle(self) -> bool:
        """Whether nobody listens to anything."""
        return not self._channels

    @property
    def is_behind(self) -> bool:
        """Whether a client does not read as quickly as we write."""
        return any(not listener.keeps_up for listener in self._listeners)

    # Who listens

    def join(self, listener: Listener) -> None:
        """Take a new connection."""
        self._listeners[listener] = None

    def forget(self, listener: Listener) -> None:
        """Remove a connection that has ended."""
        self._listeners.pop(listener, None)
        for name in list(listener.streams):
            self.unsubscribe(listener, name)

    def subscribe(self, listener: Listener, name: str) -> None:
        """Add a stream; an unknown name is accepted and stays silent, as on the exchange."""
        listener.streams[name] = None
        key = name, listener.scale
        if (channel := self._channels.get(key)) is None:
            stream = parse_stream(name, self._exchange.market.column)
            if stream is None:
                return
            channel = self._channels[key] = Channel(name, stream, listener.scale)
            for feed in self._feeds:
                feed.open(channel)
        channel.listeners[listener] = None

    def unsubscribe(self, listener: Listener, name: str) -> None:
        """Remove a stream."""
        listener.streams.pop(name, None)
        key = name, listener.scale
        if (channel := self._channels.get(key)) is not None:
            channel.listeners.pop(listener, None)
            if not channel.listeners:
                del self._channels[key]
                for feed in self._feeds:
                    feed.close(channel)

    def disconnect(self, name: str | None = None) -> None:
        """Break off the connections that listen to a stream, or all."""
        for listener in list(self._listeners):
            if name is None or name in listener.streams:
                listener.end("Disconnected")

    def announce_shutdown(self) -> None:
        """Tell everybody that the exchange is about to go."""
        for listener in self._listeners:
            event = b'{"e":"serverShutdown","E":%d}' % (self._exchange.clock() * listener.scale)
            if listener.combined:
                event = b'{"stream":"!serverShutdown","data":%s}' % event
            listener.put(text_frame(event), None)
            listener.flush()

    # What is said

    def on_tick(self) -> None:
        """Send what the market's present tick changed."""
        market = self._exchange.market
        if market.over:
            return
        if self._channels:
            self._trades.on_tick()
            self._books.on_tick()
            self._statistics.on_tick()
            self.flush()
        if market.tick % _TICKS_PER_MINUTE == 0:
            self._end_old()

    def _on_account(self, symbols: set[str], trades: list[tuple[str, TapeTrade]]) -> None:
        """Send what the account did to the market, at once."""
        if self._channels:
            if trades:
                self._trades.on_trades(dict.fromkeys(symbol for symbol, _ in trades))
            self._books.on_change(sorted(symbols))
            self.flush()

    def flush(self) -> None:
        """Write what was put, once a connection."""
        for listener in self._listeners:
            listener.flush()

    def _send(self, channel: Channel, payload: str, newest_counts: bool) -> None:
        content = payload.encode()
        if self.tamper is None:
            channel.send(content, newest_counts=newest_counts)
            return
        for entry in self.tamper(channel.name, content):
            channel.send(entry, newest_counts=False)

    def _end_old(self) -> None:
        """A connection lives for 24 h at most."""
        oldest = self._exchange.clock() - _LIFE_MS
        for listener in list(self._listeners):
            if listener.opened <= oldest:
                listener.end("Connected for 24 hours")

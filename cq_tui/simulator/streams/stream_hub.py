"""Market streams: who listens to what, and what each tick and each trade of the account says to whom."""

from collections.abc import Callable

from cq_tui.simulator.connections.open_connections import Connections
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.tape import TapeTrade
from cq_tui.simulator.streams.book_feed import BookFeed
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.statistics_feed import StatisticsFeed
from cq_tui.simulator.streams.stream_names import parse_stream
from cq_tui.simulator.streams.subscriber import Subscriber
from cq_tui.simulator.streams.trade_feed import TradeFeed

#: Takes a payload in place of its channel; what is sent instead goes through ``deliver``.
PayloadInterceptor = Callable[[Channel, bytes], None]


class StreamHub:
    """Is called at every tick and after everything the account did; ``tamper`` is for faults on demand."""

    def __init__(self, exchange: Exchange, connections: Connections | None = None) -> None:
        self._exchange = exchange
        self._connections = Connections() if connections is None else connections
        self._subscribers: dict[Subscriber, None] = {}
        self._channels: dict[tuple[str, int], Channel] = {}
        self.interceptor: PayloadInterceptor | None = None
        self._trades = TradeFeed(exchange, self._send)
        self._books = BookFeed(exchange, self._send)
        self._statistics = StatisticsFeed(exchange, self._send)
        self._feeds = (self._trades, self._books, self._statistics)
        exchange.market_listeners.append(self._on_account_change)

    def admit(self) -> int:
        """Count a connection that is asked for; return the market's time (Unix ms). Raises ApiError 418 or 429."""
        self._exchange.limits.count_stream_connection(self._exchange.clock())
        return self._exchange.market.time

    @property
    def is_idle(self) -> bool:
        """Whether nobody listens to anything."""
        return not self._channels

    @property
    def is_behind(self) -> bool:
        """Whether a client does not read as quickly as we write."""
        return any(not listener.keeps_up for listener in self._subscribers)

    # Who listens

    def add_subscriber(self, listener: Subscriber) -> None:
        """Take a new connection."""
        self._subscribers[listener] = None
        self._connections.add(listener)

    def remove_subscriber(self, listener: Subscriber) -> None:
        """Remove a connection that has ended."""
        self._subscribers.pop(listener, None)
        self._connections.remove(listener)
        for name in list(listener.streams):
            self.unsubscribe(listener, name)

    def subscribe(self, listener: Subscriber, name: str) -> None:
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
        channel.subscribers[listener] = None

    def unsubscribe(self, listener: Subscriber, name: str) -> None:
        """Remove a stream."""
        listener.streams.pop(name, None)
        key = name, listener.scale
        if (channel := self._channels.get(key)) is not None:
            channel.subscribers.pop(listener, None)
            if not channel.subscribers:
                del self._channels[key]
                for feed in self._feeds:
                    feed.close(channel)

    def disconnect(self, name: str | None = None) -> None:
        """Break off the connections that listen to a stream, or all."""
        for listener in list(self._subscribers):
            if name is None or name in listener.streams:
                listener.disconnect("Disconnected")

    # What is said

    def on_tick(self) -> None:
        """Send what the market's present tick changed."""
        market = self._exchange.market
        if market.ended:
            return
        if self._channels:
            self._trades.on_tick()
            self._books.on_tick()
            self._statistics.on_tick()
            self.flush()

    def _on_account_change(self, symbols: set[str], trades: list[tuple[str, TapeTrade]]) -> None:
        """Send what the account did to the market, at once."""
        if self._channels:
            if trades:
                self._trades.on_trades(dict.fromkeys(symbol for symbol, _ in trades))
            self._books.on_change(sorted(symbols))
            self.flush()

    def flush(self) -> None:
        """Write what was put, once a connection."""
        for listener in self._subscribers:
            listener.flush()

    def _send(self, channel: Channel, payload: str, newest_counts: bool) -> None:
        content = payload.encode()
        if self.interceptor is None:
            channel.send(content, newest_counts=newest_counts)
            return
        self.interceptor(channel, content)

    @staticmethod
    def deliver(channel: Channel, payload: bytes) -> None:
        """Send a payload at once, behind what waits."""
        channel.send(payload, newest_counts=False)
        for listener in channel.subscribers:
            listener.flush()

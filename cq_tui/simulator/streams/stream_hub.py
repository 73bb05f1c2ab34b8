"""Market streams: subscriptions, and the payloads sent for each tick and each change by the account."""

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

#: Receives a payload instead of its channel; what it sends instead goes through ``deliver``.
PayloadInterceptor = Callable[[Channel, bytes], None]


class StreamHub:
    """Sends market streams at every tick and after every change by the account; ``interceptor`` injects faults."""

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
        """Count a new connection and return the market time (Unix ms). Raises RequestRejected 418 or 429."""
        self._exchange.limits.count_stream_connection(self._exchange.clock())
        return self._exchange.market.time

    @property
    def is_idle(self) -> bool:
        """Whether no stream has a subscriber."""
        return not self._channels

    @property
    def is_behind(self) -> bool:
        """Whether a client reads more slowly than the exchange writes."""
        return any(not subscriber.keeps_up for subscriber in self._subscribers)

    # Subscriptions

    def add_subscriber(self, subscriber: Subscriber) -> None:
        """Add a new connection."""
        self._subscribers[subscriber] = None
        self._connections.add(subscriber)

    def remove_subscriber(self, subscriber: Subscriber) -> None:
        """Remove a closed connection and its subscriptions."""
        self._subscribers.pop(subscriber, None)
        self._connections.remove(subscriber)
        for name in list(subscriber.streams):
            self.unsubscribe(subscriber, name)

    def subscribe(self, subscriber: Subscriber, name: str) -> None:
        """Subscribe to a stream; an unknown name is accepted but never sends, as on the exchange."""
        subscriber.streams[name] = None
        key = name, subscriber.scale
        if (channel := self._channels.get(key)) is None:
            stream = parse_stream(name, self._exchange.market.column)
            if stream is None:
                return
            channel = self._channels[key] = Channel(name, stream, subscriber.scale)
            for feed in self._feeds:
                feed.open(channel)
        channel.subscribers[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        """Unsubscribe from a stream."""
        subscriber.streams.pop(name, None)
        key = name, subscriber.scale
        if (channel := self._channels.get(key)) is not None:
            channel.subscribers.pop(subscriber, None)
            if not channel.subscribers:
                del self._channels[key]
                for feed in self._feeds:
                    feed.close(channel)

    def disconnect(self, name: str | None = None) -> None:
        """Disconnect the subscribers of a stream, or all clients."""
        for subscriber in list(self._subscribers):
            if name is None or name in subscriber.streams:
                subscriber.disconnect("Disconnected")

    # Sending

    def on_tick(self) -> None:
        """Send what the current market tick changed."""
        market = self._exchange.market
        if market.ended:
            return
        if self._channels:
            self._trades.on_tick()
            self._books.on_tick()
            self._statistics.on_tick()
            self.flush()

    def _on_account_change(self, symbols: set[str], trades: list[tuple[str, TapeTrade]]) -> None:
        """Send the account's trades and book changes immediately."""
        if self._channels:
            if trades:
                self._trades.on_trades(dict.fromkeys(symbol for symbol, _ in trades))
            self._books.on_change(sorted(symbols))
            self.flush()

    def flush(self) -> None:
        """Flush all connections, with one write each."""
        for subscriber in self._subscribers:
            subscriber.flush()

    def _send(self, channel: Channel, payload: str, newest_counts: bool) -> None:
        content = payload.encode()
        if self.interceptor is None:
            channel.send(content, newest_counts=newest_counts)
            return
        self.interceptor(channel, content)

    @staticmethod
    def deliver(channel: Channel, payload: bytes) -> None:
        """Send a payload immediately, after those already queued."""
        channel.send(payload, newest_counts=False)
        for subscriber in channel.subscribers:
            subscriber.flush()

"""Order book streams: best prices on every change, partial depth, and gapless depth diffs."""

from collections.abc import Iterable

from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.depth import LevelJson
from cq_tui.simulator.market.symbols import format_amount
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND
from cq_tui.simulator.streams import payloads
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.feed import Feed, SendPayload

#: Minimum time between two messages of an @100ms stream.
_FAST_MS = 100


class BookFeed(Feed):
    """Sends book changes, caused by market ticks and, between them, by the account's orders."""

    kinds = frozenset({"bookTicker", "partial depth", "depth"})

    def __init__(self, exchange: Exchange, send: SendPayload) -> None:
        super().__init__()
        self._exchange = exchange
        self._send = send
        self._texts = LevelJson()
        self._last_best_prices: dict[str, tuple[object, object]] = {}
        self._last_sent_ms: dict[str, int] = {}
        self._last_update_id: dict[Channel, int] = {}

    def open(self, channel: Channel) -> None:
        """Start a channel with the next change."""
        super().open(channel)
        if channel.stream.kind == "depth":
            self._exchange.depth_tracker(channel.stream.symbol).subscribe(_reader(channel))

    def close(self, channel: Channel) -> None:
        """Stop a channel, and stop collecting changes that no other channel needs."""
        super().close(channel)
        if channel.stream.kind == "depth":
            left = self._channels["depth"].get(channel.stream.symbol, ())
            if all(_reader(other) != _reader(channel) for other in left):
                self._exchange.depth_tracker(channel.stream.symbol).unsubscribe(_reader(channel))
        self._last_update_id.pop(channel, None)

    def on_tick(self) -> None:
        """Send the book changes of one market tick."""
        is_full_second = self._exchange.market.tick % TICKS_PER_SECOND == 0
        for symbol in self._channels["bookTicker"]:
            self._send_best_prices(symbol)
        now = self._exchange.market.time
        for symbol in self._channels["depth"].keys() | self._channels["partial depth"].keys():
            self._last_sent_ms[symbol] = now
        for symbol, channels in self._channels["depth"].items():
            self._send_diffs(symbol, channels, now, include_slow=is_full_second)
        for symbol, channels in self._channels["partial depth"].items():
            self._send_partial_depth(symbol, channels, include_slow=is_full_second)

    def on_change(self, symbols: Iterable[str]) -> None:
        """Send book changes by the account: best prices at once, depth at most every 100 ms."""
        now = self._exchange.clock()
        for symbol in symbols:
            if symbol in self._channels["bookTicker"]:
                self._send_best_prices(symbol)
            depth, partial = self._channels["depth"].get(symbol, []), self._channels["partial depth"].get(symbol, [])
            if (depth or partial) and now - self._last_sent_ms.get(symbol, 0) >= _FAST_MS:
                self._last_sent_ms[symbol] = now
                self._send_diffs(symbol, depth, now, include_slow=False)
                self._send_partial_depth(symbol, partial, include_slow=False)

    def _send_best_prices(self, symbol: str) -> None:
        book = self._exchange.engine.book(symbol)
        bid, ask = book.best_level("bids"), book.best_level("asks")
        top = (bid, ask)
        if self._last_best_prices.get(symbol) == top:
            return
        self._last_best_prices[symbol] = top
        payload = payloads.book_ticker(
            symbol,
            book.update_id,
            (format_amount(bid.price), format_amount(bid.quantity)),
            (format_amount(ask.price), format_amount(ask.quantity)),
        )
        for channel in self._channels["bookTicker"][symbol]:
            self._send(channel, payload, True)

    def _send_diffs(self, symbol: str, channels: list[Channel], now: int, *, include_slow: bool) -> None:
        tracker = self._exchange.depth_tracker(symbol)
        for reader in ("quick", "slow") if include_slow else ("quick",):
            due = [channel for channel in channels if _reader(channel) == reader]
            if due and (diff := tracker.next_diff(reader)) is not None:
                for channel in due:
                    self._send(channel, payloads.depth_update(symbol, diff, now, channel.scale), False)

    def _send_partial_depth(self, symbol: str, channels: list[Channel], *, include_slow: bool) -> None:
        for channel in channels:
            if not channel.stream.quick and not include_slow:
                continue
            snapshot = self._exchange.book_snapshot(symbol)
            if self._last_update_id.get(channel) != snapshot.update_id:
                self._last_update_id[channel] = snapshot.update_id
                self._send(channel, payloads.partial_depth(snapshot, channel.stream.levels, self._texts), True)


def _reader(channel: Channel) -> str:
    """Return which of the depth tracker's readers a channel follows: every 100 ms, or every second."""
    return "quick" if channel.stream.quick else "slow"

"""Statistics streams: klines, 24 h and rolling-window tickers, average prices."""

from typing import Any

import numpy as np

from cq_tui.simulator.api.tickers import window_bars
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import bucket_open, next_open
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Bars
from cq_tui.simulator.streams import payloads
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.feed import Feed, SendPayload
from cq_tui.simulator.streams.stream_names import WINDOWS

#: Ticks between updates of an open kline longer than one second.
_KLINE_TICKS = 2 * TICKS_PER_SECOND
#: Most closed klines that are sent after the market skipped ticks.
_MOST_CLOSED = 1_000


class StatisticsFeed(Feed):
    """Sends statistics once a second."""

    kinds = frozenset({"kline", "miniTicker", "ticker", "window", "avgPrice", "all mini tickers", "all windows"})

    def __init__(self, exchange: Exchange, send: SendPayload) -> None:
        super().__init__()
        self._exchange = exchange
        self._send = send
        self._tick = exchange.market.tick
        self._last_sent_ids: dict[Channel, dict[str, int]] = {}

    def open(self, channel: Channel) -> None:
        """Start a channel with the next second; klines that closed before are not sent."""
        if not any(self._channels.values()):
            self._tick = self._exchange.market.tick
        super().open(channel)

    def close(self, channel: Channel) -> None:
        """Stop a channel."""
        super().close(channel)
        self._last_sent_ids.pop(channel, None)

    def on_tick(self) -> None:
        """Send klines and tickers if this tick begins a new second."""
        market = self._exchange.market
        if market.tick // TICKS_PER_SECOND != self._tick // TICKS_PER_SECOND:
            self._send_klines(self._tick)
            self._send_tickers()
        self._tick = market.tick

    # Klines

    def _send_klines(self, before: int) -> None:
        """Send klines that closed since tick ``before``, and open ones every two seconds."""
        market = self._exchange.market
        skipped = market.tick - before > 1
        found: dict[tuple[str, int], tuple[Bars | None, Bars | None]] = {}
        for symbol, channels in self._channels["kline"].items():
            for channel in channels:
                interval, offset = channel.stream.detail, channel.stream.offset
                if skipped:
                    self._send_skipped_klines(channel, before)
                    continue
                bars = found.get((interval, offset))
                if bars is None:
                    bars = found[interval, offset] = self._changed_bars(interval, offset)
                closed, running = bars
                if closed is not None and running is not None:
                    column = market.column[symbol]
                    last_id = market.last_trade_id(symbol) - int(running[column]["trades"])
                    self._send_kline(channel, closed[column].item(), last_id, closed=True)
                elif running is not None:
                    self._send_kline(
                        channel, running[market.column[symbol]].item(), market.last_trade_id(symbol), closed=False
                    )

    def _changed_bars(self, interval: str, offset: int) -> tuple[Bars | None, Bars | None]:
        """Return all symbols' klines that closed at this tick, and open ones if they are due; each may be None."""
        market = self._exchange.market
        if _opens_at(market.time, interval, offset):
            return market.newly_closed_klines(interval, offset), market.open_klines(interval, offset)
        return None, market.open_klines(interval, offset) if market.tick % _KLINE_TICKS == 0 else None

    def _send_skipped_klines(self, channel: Channel, before: int) -> None:
        """Send the klines that closed while the market skipped ticks."""
        market, stream = self._exchange.market, channel.stream
        time = before * 1_000 // TICKS_PER_SECOND
        start = int(bucket_open(np.array([time]), stream.detail, stream.offset)[0])
        bars = market.klines(stream.symbol, stream.detail, 1_000_000, start, None, stream.offset)
        if not len(bars):
            return
        last_id = market.last_trade_id(stream.symbol)
        ids = last_id - np.cumsum(bars["trades"][::-1])[::-1] + bars["trades"]
        is_open = next_open(int(bars[-1]["open_time"]), stream.detail, stream.offset) > market.time
        closed = list(zip(bars.tolist(), ids.tolist(), strict=True))[: -1 if is_open else None]
        for bar, bar_last_id in closed[-_MOST_CLOSED:]:
            self._send_kline(channel, bar, bar_last_id, closed=True)

    def _send_kline(self, channel: Channel, bar: tuple[Any, ...], last_id: int, *, closed: bool) -> None:
        stream, opened = channel.stream, bar[0]
        if not self._exchange.market.has_kline(stream.symbol, opened, next_open(opened, stream.detail, stream.offset)):
            return
        payload = payloads.kline(
            stream.symbol, stream.detail, stream.offset, bar, last_id,
            closed=closed, now=self._exchange.market.time, scale=channel.scale,
        )  # fmt: skip
        self._send(channel, payload, not closed)

    # Tickers

    def _send_tickers(self) -> None:
        exchange = self._exchange
        now = exchange.market.time
        for symbol, channels in self._channels["miniTicker"].items():
            for channel in channels:
                self._send(channel, payloads.mini_ticker(symbol, self._day_bar(symbol), now, channel.scale), True)
        for symbol, channels in self._channels["ticker"].items():
            for channel in channels:
                self._send(channel, payloads.ticker(exchange, symbol, channel.scale), True)
        for symbol, channels in self._channels["avgPrice"].items():
            for channel in channels:
                self._send(channel, payloads.average_price(exchange, symbol, channel.scale), True)
        for symbol, channels in self._channels["window"].items():
            for channel in channels:
                self._send(channel, self._window_payload(channel, symbol), True)
        for kind in ("all mini tickers", "all windows"):
            for channel in self._channels[kind].get("", ()):
                self._send_all_symbols(channel)

    def _day_bar(self, symbol: str) -> tuple[Any, ...]:
        market = self._exchange.market
        bar: tuple[Any, ...] = market.rolling_day()[0][market.column[symbol]].item()
        return bar

    def _window_payload(self, channel: Channel, symbol: str) -> str:
        name = channel.stream.detail
        bars, start = window_bars(self._exchange, WINDOWS[name])
        return payloads.window_ticker(self._exchange, symbol, name, bars, start, channel.scale)

    def _send_all_symbols(self, channel: Channel) -> None:
        """Send the tickers of all symbols that traded since the last message."""
        market = self._exchange.market
        sent = self._last_sent_ids.setdefault(channel, {})
        entries = []
        for symbol in market.column:
            last_id = market.last_trade_id(symbol)
            if sent.get(symbol) != last_id:
                sent[symbol] = last_id
                if channel.stream.kind == "all windows":
                    entries.append(self._window_payload(channel, symbol))
                else:
                    entries.append(payloads.mini_ticker(symbol, self._day_bar(symbol), market.time, channel.scale))
        if entries:
            self._send(channel, f"[{','.join(entries)}]", True)


def _opens_at(time: int, interval: str, offset: int) -> bool:
    """Whether a kline of ``interval`` opens at ``time`` (Unix ms, a full second)."""
    if interval == "1s":
        return True
    return time % 60_000 == 0 and int(bucket_open(np.array([time]), interval, offset)[0]) == time

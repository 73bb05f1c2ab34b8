"""The trade and aggTrade streams: every trade once, in order of ids."""

from collections.abc import Iterable

from cq_tui.simulator.api.public_trades import group_aggregates
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.streams import payloads
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.feed import Feed, SendPayload

#: Most trades that are sent after the market skipped ticks.
_MAX_TRADES = 1_000


class TradeFeed(Feed):
    """Sends new trades from the tape."""

    kinds = frozenset({"trade", "aggTrade"})

    def __init__(self, exchange: Exchange, send: SendPayload) -> None:
        super().__init__()
        self._exchange = exchange
        self._send = send
        self._last_sent_id: dict[str, int] = {}

    def open(self, channel: Channel) -> None:
        """Start a channel with the next trade."""
        super().open(channel)
        stream = channel.stream
        if stream.kind in self.kinds:
            self._last_sent_id.setdefault(stream.symbol, self._exchange.market.last_trade_id(stream.symbol))

    def close(self, channel: Channel) -> None:
        """Stop a channel; forget its symbol if it was the last one."""
        super().close(channel)
        if not any(channel.stream.symbol in channels for channels in self._channels.values()):
            self._last_sent_id.pop(channel.stream.symbol, None)

    def on_tick(self) -> None:
        """Send the new trades of all symbols."""
        self.on_trades(self._last_sent_id)

    def on_trades(self, symbols: Iterable[str]) -> None:
        """Send the new trades of some symbols, the market's before the account's."""
        market = self._exchange.market
        for symbol in symbols:
            last_sent = self._last_sent_id.get(symbol)
            if last_sent is None or (last := market.last_trade_id(symbol)) <= last_sent:
                continue
            self._last_sent_id[symbol] = last
            found = market.tape.trades(market.column[symbol], max(last_sent + 1, last - _MAX_TRADES + 1), last)
            for channel in self._channels["trade"].get(symbol, ()):
                for entry in found:
                    self._send(channel, payloads.trade(symbol, entry, channel.scale), False)
            if channels := self._channels["aggTrade"].get(symbol):
                merged = group_aggregates(found)
                for channel in channels:
                    for aggregate in merged:
                        self._send(channel, payloads.aggregate_trade(symbol, aggregate, channel.scale), False)

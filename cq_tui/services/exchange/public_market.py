"""The real market from Binance's public streams: order books and trades for paper mode."""

import asyncio
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from cq_tui.binance.errors import InvalidSymbol
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.market_events import TradeUpdate
from cq_tui.binance.order_book import DepthSnapshot, PriceLevel
from cq_tui.binance.order_books import OrderBooks
from cq_tui.binance.reconnect import Connected, Disconnected
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.stream_names import depth_stream, trade_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent
from cq_tui.simulator.market.live_prices import LiveTrade
from cq_tui.simulator.market.symbols import UnknownSymbolError

#: Trades queued per symbol until the next tick; beyond that, the oldest are dropped.
_MAX_QUEUED_TRADES = 10_000
#: Levels per side in a depth snapshot; their request weight leaves room for the feeder.
_SNAPSHOT_LEVELS = 500
#: Symbols named in a message, few enough that the reason after them stays visible.
_MAX_NAMED_SYMBOLS = 3


class NoListedSymbol(UnknownSymbolError):
    """The exchange lists none of the configured symbols; the message says what to do."""


class PublicMarket:
    """Follows the configured symbols that the exchange lists; ``symbols`` has them once they are known."""

    def __init__(self, rest: SpotRest, stream_url: str, wanted: Sequence[str], **stream_options: Any) -> None:
        self._rest = rest
        self._stream_url = stream_url
        self._stream_options = stream_options
        self._wanted = list(wanted)
        self._rules: dict[str, SymbolRules] = {}
        self._last_prices: dict[str, Decimal] = {}
        self._trades: dict[str, deque[LiveTrade]] = {}
        self._books = OrderBooks((), self._snapshot)
        self._down_reason = "not yet connected"
        #: Set once every order book has been complete.
        self.ready = asyncio.Event()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The followed symbols, in the configured order."""
        return tuple(self._rules)

    @property
    def problem(self) -> str | None:
        """Which order books are missing and why; None if none is."""
        missing = [symbol for symbol in self._rules if self._books.book(symbol) is None]
        if not missing:
            return None
        more = f" and {len(missing) - _MAX_NAMED_SYMBOLS} more" if len(missing) > _MAX_NAMED_SYMBOLS else ""
        reason = self._books.last_error or self._down_reason
        return f"no real order book for {', '.join(missing[:_MAX_NAMED_SYMBOLS])}{more}" + (
            f": {reason}" if reason else ""
        )

    async def _prepare(self) -> None:
        await self._rest.sync_clock()
        try:
            known = (await self._rest.exchange_info(self._wanted)).symbols
        except InvalidSymbol:
            known = {}
        listed = [known[name] for name in self._wanted if name in known]
        rules = {entry.symbol: entry for entry in listed if entry.tick_size and entry.step_size}
        if not rules:
            raise NoListedSymbol(f"the exchange lists none of {', '.join(self._wanted)}; change SYMBOLS")
        for ticker in await self._rest.tickers_24h(list(rules)):
            self._last_prices[ticker.symbol] = ticker.last_price
        self._rules = {symbol: entry for symbol, entry in rules.items() if self._last_prices.get(symbol)}
        self._trades = {symbol: deque(maxlen=_MAX_QUEUED_TRADES) for symbol in self._rules}
        self._books = OrderBooks(self._rules, self._snapshot)

    async def run(self) -> None:
        """Load the trading rules, then follow the streams until canceled. Raises BinanceError and NoListedSymbol."""
        await self._prepare()
        await self._follow()

    async def _follow(self) -> None:
        names = [stream for symbol in self._rules for stream in (depth_stream(symbol), trade_stream(symbol))]
        streams = MarketStreams(
            self._stream_url,
            names,
            budget=self._rest.budget,
            server_now_ms=self._rest.server_now_ms,
            **self._stream_options,
        )
        async with self._books as books, streams:
            async for event in streams:
                books.apply(event)
                self._apply_event(event)
                if not self.ready.is_set() and self.problem is None:
                    self.ready.set()

    def _apply_event(self, event: StreamEvent) -> None:
        if isinstance(event, TradeUpdate):
            self._last_prices[event.symbol] = event.price
            self._trades[event.symbol].append(LiveTrade(event.price, event.quantity, not event.buyer_is_maker))
        elif isinstance(event, Disconnected):
            self._down_reason = f"stream down: {event.reason}"
        elif isinstance(event, Connected):
            self._down_reason = ""

    async def _snapshot(self, symbol: str) -> DepthSnapshot:
        return await self._rest.depth(symbol, _SNAPSHOT_LEVELS)

    # The simulated exchange's LiveMarket interface

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""
        return self._rules[symbol]

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the latest trade."""
        return self._last_prices[symbol]

    def drain_trades(self, symbol: str) -> Sequence[LiveTrade]:
        """Return the trades since the last call, oldest first."""
        trades = list(self._trades[symbol])
        self._trades[symbol].clear()
        return trades

    def levels(self, symbol: str, side: str, most: int) -> list[PriceLevel]:
        """Return bids (BUY) or asks (SELL), best first; empty while the order book is missing."""
        book = self._books.book(symbol)
        if book is None:
            return []
        return book.bids(most) if side == "BUY" else book.asks(most)

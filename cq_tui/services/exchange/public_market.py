"""The real market as its public streams tell it: order books and trades, for the simulated exchange in paper mode."""

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

#: Trades of a symbol that may wait to be shown; of more than that in a second the oldest are left out.
_MAX_QUEUED_TRADES = 10_000
#: Levels of each side that a book begins with: what they cost of the request weight leaves room for the feeder.
_SNAPSHOT_LEVELS = 500
#: Symbols named in a message; the reason behind them must be seen, too.
_MAX_NAMED_SYMBOLS = 3


class NoListedSymbol(Exception):
    """The exchange lists none of the wanted symbols; the message says what to do."""


class PublicMarket:
    """Follows the symbols of ``wanted`` that the exchange lists; ``symbols`` are those, once they are known."""

    def __init__(self, rest: SpotRest, stream_url: str, wanted: Sequence[str], **stream_options: Any) -> None:
        self._rest = rest
        self._stream_url = stream_url
        self._stream_options = stream_options
        self._wanted = list(wanted)
        self._rules: dict[str, SymbolRules] = {}
        self._last_prices: dict[str, Decimal] = {}
        self._trades: dict[str, deque[LiveTrade]] = {}
        self._books = OrderBooks((), self._snapshot)
        self._down_reason = "not connected yet"
        #: Set when every book has been known once.
        self.ready = asyncio.Event()

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is followed, in the wanted order."""
        return tuple(self._rules)

    @property
    def problem(self) -> str | None:
        """Why some books are not known at the moment; None when all are."""
        missing = [symbol for symbol in self._rules if self._books.book(symbol) is None]
        if not missing:
            return None
        more = f" and {len(missing) - _MAX_NAMED_SYMBOLS} more" if len(missing) > _MAX_NAMED_SYMBOLS else ""
        reason = self._books.last_error or self._down_reason
        return f"no real order book of {', '.join(missing[:_MAX_NAMED_SYMBOLS])}{more}" + (
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
            raise NoListedSymbol(f"the exchange lists none of {', '.join(self._wanted)}: put others into SYMBOLS")
        for ticker in await self._rest.tickers_24h(list(rules)):
            self._last_prices[ticker.symbol] = ticker.last_price
        self._rules = {symbol: entry for symbol, entry in rules.items() if self._last_prices.get(symbol)}
        self._trades = {symbol: deque(maxlen=_MAX_QUEUED_TRADES) for symbol in self._rules}
        self._books = OrderBooks(self._rules, self._snapshot)

    async def run(self) -> None:
        """Learn the rules, then follow the streams until cancelled. Raises BinanceError, and NotListed."""
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

    # What the simulated exchange asks

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""
        return self._rules[symbol]

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the newest trade."""
        return self._last_prices[symbol]

    def drain_trades(self, symbol: str) -> Sequence[LiveTrade]:
        """Return what was traded since the last time this was asked, oldest first."""
        trades = list(self._trades[symbol])
        self._trades[symbol].clear()
        return trades

    def levels(self, symbol: str, side: str, most: int) -> list[PriceLevel]:
        """Return the best bids (BUY) or asks (SELL), best first; none while the book is not known."""
        book = self._books.book(symbol)
        if book is None:
            return []
        return book.bids(most) if side == "BUY" else book.asks(most)

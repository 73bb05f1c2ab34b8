"""The real market from Binance's public streams: order books and trades for paper mode.

Symbols that do not trade there are left out. When one of them does, or a tick or step size changes, ``run`` ends: the
exchange on top of it has to start anew with other symbols.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.market_events import TradeUpdate
from cq_tui.binance.order_book import DepthSnapshot, PriceLevel
from cq_tui.binance.order_books import OrderBooks
from cq_tui.binance.reconnect import Connected, Disconnected
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.rules_refresh import RulesRefresh
from cq_tui.binance.stream_names import depth_stream, trade_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent
from cq_tui.services.symbol_rules import SymbolRulesReader, describe_left_out, name_symbols
from cq_tui.simulator.market.live_prices import LiveTrade
from cq_tui.simulator.market.symbols import UnknownSymbolError

#: Trades queued per symbol until the next tick; beyond that, the oldest are dropped.
_MAX_QUEUED_TRADES = 10_000
#: Levels per side in a depth snapshot; their request weight leaves room for the feeder.
_SNAPSHOT_LEVELS = 500
#: Seconds between two readings of the status of the symbols: no stream announces a halt.
_STATUS_INTERVAL = 60.0


class NoListedSymbol(UnknownSymbolError):
    """The exchange lists none of the configured symbols; the message says what to do."""


class PublicMarket:
    """Follows the configured symbols that the exchange lists; ``symbols`` has them once they are known."""

    def __init__(self, rest: SpotRest, stream_url: str, wanted: Sequence[str], **stream_options: Any) -> None:
        self._rest = rest
        self._reader = SymbolRulesReader(rest, RulesRefresh(wanted, period=_STATUS_INTERVAL))
        self._stream_url = stream_url
        self._stream_options = stream_options
        self._wanted = list(wanted)
        #: Tick and step sizes of the symbols that traded at the start.
        self._sizes: dict[str, tuple[Decimal, Decimal]] = {}
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
        """Which order books are missing and which symbols are left out, and why; None if none is."""
        refresh = self._reader.refresh
        left_out = {symbol: why for symbol, why in refresh.left_out.items() if symbol not in refresh.never_listed}
        return "; ".join(filter(None, (self._missing_books(), describe_left_out(left_out)))) or None

    def _missing_books(self) -> str | None:
        missing = [symbol for symbol in self._traded if self._books.book(symbol) is None]
        if not missing:
            return None
        reason = self._books.last_error or self._down_reason
        return f"no real order book for {name_symbols(missing)}" + (f": {reason}" if reason else "")

    @property
    def _traded(self) -> list[str]:
        """The followed symbols that trade at the real exchange now."""
        trading = set(self._reader.refresh.trading)
        return [symbol for symbol in self._rules if symbol in trading]

    async def _prepare(self) -> None:
        """Read the rules until a symbol trades. Raises BinanceError and NoListedSymbol."""
        await self._rest.sync_clock()
        while not (rules := await self._read_rules()):
            await self._reader.wait_until_due()
        self._sizes = {symbol: _sizes(entry) for symbol, entry in rules.items()}
        for ticker in await self._rest.tickers_24h(list(rules)):
            self._last_prices[ticker.symbol] = ticker.last_price
        self._rules = {symbol: entry for symbol, entry in rules.items() if self._last_prices.get(symbol)}
        self._trades = {symbol: deque(maxlen=_MAX_QUEUED_TRADES) for symbol in self._rules}
        self._books = OrderBooks(self._rules, self._snapshot)

    async def _read_rules(self) -> dict[str, SymbolRules]:
        """Return the rules of the symbols that trade."""
        await self._reader.read_due()
        refresh = self._reader.refresh
        if len(refresh.never_listed) == len(self._wanted):
            raise NoListedSymbol(f"the exchange lists none of {', '.join(self._wanted)}; change SYMBOLS")
        found = {symbol: refresh.rules[symbol] for symbol in refresh.trading}
        return {symbol: entry for symbol, entry in found.items() if entry.tick_size and entry.step_size}

    async def run(self) -> None:
        """Load the trading rules, then follow the streams until canceled, or until other symbols have to be followed.

        Raises BinanceError and NoListedSymbol.
        """
        await self._prepare()
        tasks = [asyncio.create_task(part) for part in (self._follow(), self._watch_rules())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_rules(self) -> None:
        """Return when another symbol trades, or the sizes of one that is followed have changed."""
        while True:
            await self._reader.wait_until_due()
            try:
                rules = await self._read_rules()
            except BinanceError:
                continue  # it is due again later
            if any(_sizes(entry) != self._sizes.get(symbol) for symbol, entry in rules.items()):
                return

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
                if not self.ready.is_set() and self._missing_books() is None:
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

    def status(self, symbol: str) -> str:
        """Return the symbol's status; BREAK when it is no longer listed."""
        refresh = self._reader.refresh
        known = refresh.rules.get(symbol)
        return "BREAK" if known is None or symbol in refresh.delisted else known.status

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


def _sizes(rules: SymbolRules) -> tuple[Decimal, Decimal]:
    return rules.tick_size, rules.step_size

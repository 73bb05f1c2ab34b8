"""Live prices for paper trading: orders match against the book and trades of another exchange.

Each simulated second shows the other exchange's trades of the second before; its book is read again at every tick.
A symbol without a known book offers nothing.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import numpy as np

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.market.background_liquidity import MAX_LEVELS
from cq_tui.simulator.market.holes import Holes
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, TickBlock


class LiveTrade(NamedTuple):
    """A trade at the other exchange."""

    price: Decimal
    quantity: Decimal
    taker_bought: bool


class LiveMarket(Protocol):
    """Market data of another exchange, by symbol."""

    def rules(self, symbol: str) -> SymbolRules:
        """Return the symbol's trading rules."""

    def status(self, symbol: str) -> str:
        """Return the symbol's status, such as TRADING or HALT."""

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the last trade."""

    def drain_trades(self, symbol: str) -> Sequence[LiveTrade]:
        """Return the trades since the last call, oldest first."""

    def levels(self, symbol: str, side: str, most: int) -> list[PriceLevel]:
        """Return the best bids (BUY) or asks (SELL), best first; empty while the book is unknown."""


class LiveLiquidity:
    """The other exchange's book in one symbol, read at its first use in each tick.

    What orders consumed here is still offered there: it stays consumed until the quantity at its price changes.
    """

    def __init__(self, live: LiveMarket, symbol: str, tick_size: Decimal) -> None:
        self._live = live
        self._symbol = symbol
        self._tick_size = tick_size
        self._sides: dict[str, list[PriceLevel]] = {}
        #: By side and price, the quantity offered there and how much of it was consumed here.
        self._consumed: dict[str, dict[Decimal, tuple[Decimal, Decimal]]] = {"BUY": {}, "SELL": {}}

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""
        return self._tick_size

    def next_tick(self, consumed: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Record what was consumed, and read the book again at the next use."""
        for side, quantities in consumed.items():
            known = self._consumed[side]
            left = dict(self._sides.get(side, ())) if quantities else {}
            for price, quantity in quantities.items():
                if price in left:
                    offered, before = known.get(price, (left[price], Decimal(0)))
                    known[price] = (offered, before + quantity)
        self._sides.clear()

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return level ``number``, counted from 0; None after the last known one."""
        levels = self._levels_of(side)
        return levels[number] if number < len(levels) else None

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        """Return the best ``count`` levels, best first."""
        return self._levels_of(side)[:count]

    def _levels_of(self, side: str) -> list[PriceLevel]:
        if (levels := self._sides.get(side)) is None:
            levels = self._live.levels(self._symbol, side, MAX_LEVELS)
            if self._consumed[side]:
                levels = self._without_consumed(side, levels)
            self._sides[side] = levels
        return levels

    def _without_consumed(self, side: str, levels: list[PriceLevel]) -> list[PriceLevel]:
        """Return the levels less what was consumed; forget consumption where the quantity has changed."""
        known = self._consumed[side]
        self._consumed[side] = still = {
            level.price: known[level.price]
            for level in levels
            if level.price in known and known[level.price][0] == level.quantity
        }
        left = (
            PriceLevel(price, quantity - still[price][1]) if price in still else PriceLevel(price, quantity)
            for price, quantity in levels
        )
        return [level for level in left if level.quantity > 0]


class LivePrices:
    """A price source of another exchange's trades and books. Trade ids continue after ``trades_before``."""

    speed = 1.0

    def __init__(self, names: Sequence[str], live: LiveMarket, now_ms: int, trades_before: int = 0) -> None:
        self.trades_before = trades_before
        self._live = live
        self._symbols = tuple(_market_symbol(live.rules(name), live.last_price(name)) for name in names)
        self._next = now_ms // 1_000 * TICKS_PER_SECOND
        self._last = [_ticks(entry, live.last_price(entry.symbol)) for entry in self._symbols]
        self._best_ticks = [(last, last + 1) for last in self._last]

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    def liquidity(self, column: int) -> LiveLiquidity:
        """Return the other exchange's book."""
        entry = self._symbols[column]
        return LiveLiquidity(self._live, entry.symbol, entry.tick_size)

    def holes(self, column: int) -> Holes:
        """Return none: every second has its klines."""
        return Holes.none()

    def history(self, minutes: int) -> Bars:
        """Return no bars: history comes from the other exchange."""
        return np.empty((0, len(self._symbols)), dtype=BAR)

    def oldest(self) -> int:
        """Return no time that has passed."""
        return 2**62

    def past(self, column: int, first: int, last: int, *, hourly: bool = False) -> Bars:
        """Return no bars, either."""
        return np.empty(0, dtype=BAR)

    def next_block(self) -> TickBlock:
        """Return the next second."""
        shape = (TICKS_PER_SECOND, len(self._symbols))
        block = TickBlock(
            start=self._next,
            bid=np.empty(shape, dtype=np.int64),
            ask=np.empty(shape, dtype=np.int64),
            last=np.empty(shape, dtype=np.int64),
            quantity=np.zeros(shape),
            taker_bought=np.zeros(shape, dtype=np.bool_),
        )
        for column, entry in enumerate(self._symbols):
            block.bid[:, column], block.ask[:, column] = self._best(column, entry)
            block.last[:, column] = self._last[column]
            for row, trade in _one_trade_per_tick(self._live.drain_trades(entry.symbol)):
                block.last[row:, column] = _ticks(entry, trade.price)
                block.quantity[row, column] = float(trade.quantity)
                block.taker_bought[row, column] = trade.taker_bought
            self._last[column] = int(block.last[-1, column])
        self._next = block.end
        return block

    def _best(self, column: int, entry: MarketSymbol) -> tuple[int, int]:
        """Return best bid and ask in tick sizes, or the previous ones while the book is unknown."""
        bids, asks = (self._live.levels(entry.symbol, side, 1) for side in ("BUY", "SELL"))
        if bids and asks:
            self._best_ticks[column] = _ticks(entry, bids[0].price), _ticks(entry, asks[0].price)
        return self._best_ticks[column]

    def statuses(self, now: int) -> dict[str, str]:
        """Return the status of each symbol at the other exchange, which says it for no other time than now."""
        return {entry.symbol: self._live.status(entry.symbol) for entry in self._symbols}

    def state(self) -> dict[str, Any]:
        """Return what identifies the source: a restart reads the other exchange again."""
        return {"kind": "live", "symbols": [entry.symbol for entry in self._symbols], "tick_ms": TICK_MS}


def _one_trade_per_tick(trades: Sequence[LiveTrade]) -> list[tuple[int, LiveTrade]]:
    """Return at most one trade per tick, with its row: the first, lowest, highest and last, in order.

    Each carries the quantity of all trades since the one before it, so their bar equals the bar of all trades.
    """
    if not trades:
        return []
    numbers = range(len(trades))
    kept = {0, min(numbers, key=lambda n: trades[n].price), max(numbers, key=lambda n: trades[n].price), numbers[-1]}
    shown: list[tuple[int, LiveTrade]] = []
    first = 0
    for row, number in enumerate(sorted(kept)):
        quantity = sum((trade.quantity for trade in trades[first : number + 1]), Decimal(0))
        shown.append((row, trades[number]._replace(quantity=quantity)))
        first = number + 1
    return shown


def _market_symbol(rules: SymbolRules, price: Decimal) -> MarketSymbol:
    return MarketSymbol(rules.base_asset, rules.quote_asset, float(price), rules.tick_size, rules.step_size)


def _ticks(entry: MarketSymbol, price: Decimal) -> int:
    return max(int(price / entry.tick_size), 1)

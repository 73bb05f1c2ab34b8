"""A market over candles, in virtual time: its prices are moved by whoever plays the candles. No I/O.

It has one level on each side: whoever takes pays the price of the candle and what ``worse`` makes of it. All orders
within a candle share a part of its volume.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Protocol

import numpy as np

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.market.symbols import PRECISION, MarketSymbol, recorded_symbol
from cq_tui.simulator.market.ticks import BackgroundTrade, Floats

#: Share of a candle's volume that orders can take.
VOLUME_SHARE = Decimal("0.1")
_ROWS_AT_ONCE = 1 << 16


class Candles(Protocol):
    """The prices of one symbol as columns."""

    @property
    def symbol(self) -> str:
        """Name of the symbol."""

    @property
    def open(self) -> Floats:
        """First price of each candle."""

    @property
    def high(self) -> Floats:
        """Highest price of each."""

    @property
    def low(self) -> Floats:
        """Lowest price of each."""

    @property
    def close(self) -> Floats:
        """Last price of each."""

    @property
    def volume(self) -> Floats:
        """What was traded in each, in the base asset."""


def candle_symbol(candles: Candles) -> MarketSymbol:
    """Return how a symbol trades: as it does where the same candles are replayed. Raises UnknownSymbolError."""
    decimals = decimals_of((candles.open, candles.high, candles.low, candles.close))
    price = float(np.median(candles.close))
    return recorded_symbol(candles.symbol, price, decimals, decimals_of((candles.volume,)))


def decimals_of(columns: Sequence[Floats]) -> int:
    """Return the least number of decimals, at most 8, that these figures need."""
    decimals = 0
    for column in columns:
        for start in range(0, len(column), _ROWS_AT_ONCE):
            part = column[start : start + _ROWS_AT_ONCE]
            while decimals < PRECISION and not np.allclose(part, np.round(part, decimals), rtol=0, atol=1e-9):
                decimals += 1
    return decimals


@dataclass(slots=True)
class Line:
    """Where one symbol stands. Prices in tick sizes, amounts in the base asset."""

    symbol: MarketSymbol
    last: int
    bid: int
    ask: int
    #: What the orders of this candle may still take, as of the tick before this one.
    left: Decimal = Decimal(0)
    #: Whether what was taken at the tick before belongs to another candle.
    is_fresh: bool = True

    # As the liquidity behind the best prices

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""
        return self.symbol.tick_size

    def next_tick(self, consumed: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Count what orders took at the tick before."""
        if not self.is_fresh:
            self.left -= sum((taken for side in consumed.values() for taken in side.values()), Decimal(0))
        self.is_fresh = False

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return the only level, as long as anything is left."""
        if number or self.left <= 0:
            return None
        return PriceLevel(best * self.symbol.tick_size, self.left)

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        """Return the only level."""
        level = self.level(side, best, 0)
        return [] if level is None else [level]


class CandleMarket:
    """What the engine and the account of an exchange need of a market.

    ``worse(symbol, ticks)`` returns bid and ask of whoever takes at a price. A tick is one move of any price.
    """

    def __init__(self, symbols: Sequence[MarketSymbol], worse: Callable[[str, int], tuple[int, int]]) -> None:
        self.ended = False
        self.tick = 0
        self.symbols = tuple(symbols)
        self.column = {entry.symbol: number for number, entry in enumerate(symbols)}
        self.rules = {entry.symbol: SymbolRules.from_exchange_info(entry.exchange_info()) for entry in symbols}
        self.tape = self
        self._worse = worse
        self.lines: dict[str, Line] = {}
        for entry in symbols:
            start = max(round(entry.start_price / float(entry.tick_size)), 1)
            self.lines[entry.symbol] = Line(entry, start, *worse(entry.symbol, start))

    def advance(self, tick: int) -> None:
        """Go to a tick."""
        self.tick = tick

    def begin_candle(self, symbol: str, volume: float) -> None:
        """Let orders take a part of the next candle's volume (base asset)."""
        line = self.lines[symbol]
        step = line.symbol.step_size
        line.left = (Decimal(volume) * VOLUME_SHARE / step).to_integral_value(ROUND_DOWN) * step
        line.is_fresh = True

    def move(self, symbol: str, price: int, *, is_exact: bool = False) -> None:
        """Set a price (ticks), as of the next tick; ``is_exact``: bid and ask are there, too."""
        line = self.lines[symbol]
        line.last = price
        line.bid, line.ask = (price, price) if is_exact else self._worse(symbol, price)

    def price(self, ticks: int, symbol: str) -> Decimal:
        """Return a price in quote units."""
        return ticks * self.lines[symbol].symbol.tick_size

    # What the engine asks

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""
        line = self.lines[symbol]
        return line.last * line.symbol.tick_size

    def average_price(self, symbol: str) -> Decimal:
        """Return the last price: within a candle nothing is known of the last minutes."""
        return self.last_price(symbol)

    def best_ticks(self, symbol: str) -> tuple[int, int]:
        """Best bid and best ask, in tick sizes."""
        line = self.lines[symbol]
        return line.bid, line.ask

    def liquidity(self, symbol: str) -> Line:
        """What is offered; the same object at every tick."""
        return self.lines[symbol]

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        """None: resting orders are reached by bid and ask."""
        return None

    def market_trade_count(self, column: int, tick: int) -> int:
        """Return 0: the account's trades are the only ones that are counted."""
        return 0

    def add_fill(self, symbol: str, fill: Any) -> None:
        """Ignore a fill: nobody asks for the tape."""

"""Prices from outside: the simulated exchange fills orders at the quotes of a real one (paper trading).

The newest quotes are asked for once a second and hold for that second. A symbol without a fresh quote keeps its last
one, without trades: nothing rests on it but what was ordered before, since the trader refuses stale prices.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cq_tui.simulator.market.crowd import Crowd
from cq_tui.simulator.market.symbols import KNOWN_SYMBOLS, MarketSymbol, symbol_at_price
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Integers, TickBlock


class LiveQuote(NamedTuple):
    """Best prices and last trade of a symbol at another exchange."""

    bid: float
    ask: float
    last: float


ReadQuotes = Callable[[], Mapping[str, LiveQuote]]


class QuotesMissing(Exception):
    """A symbol has no quote to begin with; the message names it."""


class LivePrices:
    """A price source that asks ``read`` for quotes. Raises QuotesMissing when a symbol has none at the start.

    Trade ids go on after ``trades_before``.
    """

    def __init__(self, names: Sequence[str], read: ReadQuotes, now_ms: int, trades_before: int = 0) -> None:
        self.trades_before = trades_before
        self._read = read
        self._quotes = dict(read())
        missing = [name for name in names if name not in self._quotes]
        if missing:
            raise QuotesMissing(f"no quote of {', '.join(missing)} yet: the feeder has to bring them first")
        self._symbols = symbols = tuple(_listed(name, self._quotes[name].last) for name in names)
        self._ticks = np.array([float(entry.tick_size) for entry in symbols])
        self._steps = np.array([float(entry.step_size) for entry in symbols])
        self._next = now_ms // 1_000 * TICKS_PER_SECOND
        self._last = self._prices(lambda quote: quote.last)

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    def crowd(self, column: int) -> Crowd:
        """Return depth that follows from the price."""
        return Crowd(self.symbols[column])

    def history(self) -> Bars:
        """Return no bars: the history is the other exchange's to tell."""
        return np.empty((0, len(self._symbols)), dtype=BAR)

    def next_block(self) -> TickBlock:
        """Return the second that begins, at the quotes that are known now."""
        self._quotes.update(self._read())
        last = self._prices(lambda quote: quote.last)
        traded, bought = last != self._last, last >= self._last
        bid = self._prices(lambda quote: quote.bid)
        block = TickBlock(
            start=self._next,
            bid=_second(bid),
            ask=_second(np.maximum(self._prices(lambda quote: quote.ask), bid + 1)),
            last=_second(last),
            quantity=np.repeat(traded.astype(np.float64)[None, :] * self._steps, TICKS_PER_SECOND, axis=0),
            taker_bought=np.repeat(bought[None, :], TICKS_PER_SECOND, axis=0),
        )
        self._next, self._last = block.end, last
        return block

    def state(self) -> dict[str, Any]:
        """Return nothing to go on from: a restart asks for quotes again."""
        return {"kind": "live", "symbols": [entry.symbol for entry in self._symbols], "tick_ms": TICK_MS}

    def _prices(self, field: Callable[[LiveQuote], float]) -> Integers:
        prices = np.array([field(self._quotes[entry.symbol]) for entry in self._symbols])
        whole: Integers = np.maximum(np.round(prices / self._ticks), 1).astype(np.int64)
        return whole


def _listed(name: str, price: float) -> MarketSymbol:
    known = KNOWN_SYMBOLS.get(name)
    return symbol_at_price(name, price, known.tick_size if known else None)


def _second(prices: Integers) -> Integers:
    return np.repeat(prices[None, :], TICKS_PER_SECOND, axis=0)

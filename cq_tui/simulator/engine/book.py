"""The synthetic order book of one symbol at one tick: plain depth, so that large orders slip."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from cq_tui.simulator.market.symbols import MarketSymbol

MAX_LEVELS = 1_000
#: Prices of neighbouring levels lie about this many basis points apart.
_GAP_BP = 0.4


class Level(NamedTuple):
    """A price and the quantity offered there."""

    price: Decimal
    quantity: Decimal


class Book:
    """Bids and asks around the best prices, given in tick sizes; what orders take stays taken.

    The quantity at a price depends on the price alone, so that a book looks the same while its prices stay.
    """

    def __init__(self, symbol: MarketSymbol, best_bid: int, best_ask: int) -> None:
        self._symbol = symbol
        self._best = {"bids": best_bid, "asks": best_ask}
        self._taken: dict[Decimal, Decimal] = {}

    @property
    def best_bid(self) -> Decimal:
        """The highest price somebody pays."""
        return self._best["bids"] * self._symbol.tick_size

    @property
    def best_ask(self) -> Decimal:
        """The lowest price somebody sells at."""
        return self._best["asks"] * self._symbol.tick_size

    def levels(self, side: str, count: int = MAX_LEVELS) -> Iterator[Level]:
        """Yield the best levels of ``bids`` or ``asks``, best first, without what was taken."""
        tick, step = self._symbol.tick_size, self._symbol.step_size
        for price_ticks, quantity_steps in self._made(side, min(count, MAX_LEVELS)):
            price = price_ticks * tick
            left = quantity_steps * step - self._taken.get(price, Decimal(0))
            if left > 0:
                yield Level(price, left)

    def touch(self, side: str) -> Level:
        """Return the best level; with quantity zero when all that the book shows was taken."""
        best = next(self.levels(side, 1), None) or next(self.levels(side), None)
        return best or Level(self.best_bid if side == "bids" else self.best_ask, Decimal(0))

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Note that an order took this much at a level."""
        self._taken[price] = self._taken.get(price, Decimal(0)) + quantity

    def _made(self, side: str, count: int) -> Iterator[tuple[int, int]]:
        tick, step = float(self._symbol.tick_size), float(self._symbol.step_size)
        best = self._best[side]
        distance = np.arange(count, dtype=np.int64)
        gap = max(1, round(best * _GAP_BP / 1e4))
        offsets = distance * gap
        prices = best + offsets if side == "asks" else best - offsets
        prices = prices[prices > 0]
        jitter = 0.5 + ((prices * 2_654_435_761 >> 7) & 0xFF) / 255
        notional = self._symbol.touch_notional * (0.5 + 0.4 * np.sqrt(distance[: len(prices)])) * jitter
        steps = np.maximum(np.round(notional / (prices * tick) / step), 1).astype(np.int64)
        return zip(prices.tolist(), steps.tolist(), strict=True)

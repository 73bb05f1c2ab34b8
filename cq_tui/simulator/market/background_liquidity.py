"""The crowd's depth in one symbol, around its best prices: plain, steady, and large orders slip through it."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.market.symbols import MarketSymbol

MAX_LEVELS = 1_000
#: Prices of neighbouring levels lie at least so many basis points of the symbol's first price apart.
_GAP_BP = 0.25
#: Levels of one class of distance that are kept for the next time the price comes by.
_LEVELS_KEPT = 4_000


class BackgroundLiquidity(Protocol):
    """What everybody else offers in one symbol. Sides are BUY (bids) and SELL (asks), prices exact."""

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""

    def next_tick(self, taken: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Go on to another tick; ``taken`` is what orders took at this one, by side and price."""

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return the level behind ``number`` better ones, the best at ``best`` tick sizes; None behind the last."""

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        """Return the best ``count`` levels, best first."""


class GeneratedLiquidity:
    """Levels on a grid of absolute prices, and the best price wherever it is.

    What is offered at a price follows from the price and from a coarse class of its distance to the best one. So a
    best price that moves changes itself, and a handful of levels where one class of distance borders on the next.
    """

    def __init__(self, symbol: MarketSymbol) -> None:
        self._symbol = symbol
        self._gap = _round_gap(symbol.start_price / float(symbol.tick_size) * _GAP_BP / 1e4)
        #: Levels made so far, by class of distance and price in tick sizes.
        self._known: list[dict[int, PriceLevel]] = [{} for _ in range(MAX_LEVELS.bit_length() + 1)]
        self._grids: dict[str, tuple[int, list[PriceLevel]]] = {}
        self._classes: dict[tuple[int, int], tuple[range, list[PriceLevel]]] = {}

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""
        return self._symbol.tick_size

    def next_tick(self, taken: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Do nothing: all follows from the best prices, and what was taken is there again."""

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return the level behind ``number`` better ones of BUY (bids) or SELL (asks); None below the least price."""
        if number == 0:
            return self._level_at(best, 0)
        price = self._anchor(side, best) + (-number if side == "BUY" else number) * self._gap
        return self._level_at(price, number.bit_length()) if price > 0 else None

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        """Return the best ``count`` levels, best first."""
        count = min(count, MAX_LEVELS)
        anchor = self._anchor(side, best)
        known = self._grids.get(side)
        if known is None or known[0] != anchor or len(known[1]) < count - 1:
            known = self._grids[side] = (anchor, self._grid(anchor, -self._gap if side == "BUY" else self._gap, count))
        return [self._level_at(best, 0), *known[1][: count - 1]]

    def _anchor(self, side: str, best: int) -> int:
        """Return the price of the grid, in tick sizes, one gap before the level behind the best."""
        return ((best - 1) // self._gap + 1) * self._gap if side == "BUY" else best // self._gap * self._gap

    def _grid(self, anchor: int, gap: int, count: int) -> list[PriceLevel]:
        """Return the levels behind the best one, a class of distance at a time."""
        found: list[PriceLevel] = []
        for distance in range(1, (count - 1).bit_length() + 1):
            first, last = 1 << (distance - 1), min(1 << distance, count)
            prices = range(anchor + first * gap, anchor + last * gap, gap)
            found += self._distance_class(distance, prices)
        return found

    def _distance_class(self, distance: int, prices: range) -> list[PriceLevel]:
        """Return the levels of a class of distance; those that it had where the best price was before stay."""
        before, found = self._classes.get((distance, prices.step), (range(0), []))
        moved = (prices.start - before.start) // prices.step
        if len(before) != len(prices) or len(found) != len(prices) or prices[-1] <= 0 or abs(moved) >= len(prices):
            found = [self._level_at(price, distance) for price in prices if price > 0]
        elif moved > 0:
            found = found[moved:] + [self._level_at(price, distance) for price in prices[-moved:]]
        elif moved < 0:
            found = [self._level_at(price, distance) for price in prices[:-moved]] + found[:moved]
        self._classes[distance, prices.step] = (prices, found)
        return found

    def _level_at(self, price_ticks: int, distance: int) -> PriceLevel:
        known = self._known[distance]
        level = known.get(price_ticks)
        if level is None:
            if len(known) >= _LEVELS_KEPT:
                known.clear()
            level = known[price_ticks] = self._make_level(price_ticks, distance)
        return level

    def _make_level(self, price_ticks: int, distance: int) -> PriceLevel:
        tick, step = self._symbol.tick_size, self._symbol.step_size
        jitter = 0.5 + ((price_ticks * 2_654_435_761 >> 7) & 0xFF) / 255
        notional = self._symbol.best_level_notional * (0.5 + 0.4 * math.sqrt((1 << distance) - 1)) * jitter
        price = price_ticks * tick
        return PriceLevel(price, max(round(notional / float(price) / float(step)), 1) * step)


def _round_gap(ticks: float) -> int:
    """Return 1, 2 or 5 times a power of ten that is not below ``ticks``."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size >= ticks:
                return factor * size
        size *= 10

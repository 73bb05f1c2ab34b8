"""Background liquidity: what everybody but the account offers in a symbol. It is stable, and large orders slip."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.market.symbols import MarketSymbol

MAX_LEVELS = 1_000
#: Minimum distance between levels, in basis points of the symbol's start price.
_GAP_BP = 0.25
#: Levels cached of the nearest classes of distance, for when the price returns; of the others, twice both sides of one.
_LEVELS_KEPT = 32


class BackgroundLiquidity(Protocol):
    """What everybody but the account offers in one symbol. Sides are BUY (bids) and SELL (asks); prices are exact."""

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""

    def next_tick(self, consumed: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Move to the next tick; ``consumed`` is what orders took at this one, by side and price."""

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return level ``number``, counted from 0 at ``best`` (in tick sizes); None after the last."""

    def levels(self, side: str, best: int, count: int) -> list[PriceLevel]:
        """Return the best ``count`` levels, best first."""


class GeneratedLiquidity:
    """Generated levels: a grid of absolute prices behind a best price that need not be on it.

    The quantity at a price follows from the price and a coarse class of its distance to the best price. So a move of
    the best price changes only that level and a few where two classes of distance meet.
    """

    def __init__(self, symbol: MarketSymbol) -> None:
        self._symbol = symbol
        self._gap = _round_gap(symbol.start_price / float(symbol.tick_size) * _GAP_BP / 1e4)
        #: Cached levels, by class of distance and price in tick sizes.
        self._known: list[dict[int, PriceLevel]] = [{} for _ in range(MAX_LEVELS.bit_length() + 1)]
        self._grids: dict[str, tuple[int, list[PriceLevel]]] = {}
        self._classes: dict[tuple[int, int], tuple[range, list[PriceLevel]]] = {}

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""
        return self._symbol.tick_size

    def next_tick(self, consumed: Mapping[str, Mapping[Decimal, Decimal]]) -> None:
        """Do nothing: levels follow from the best price, and consumed quantity returns."""

    def level(self, side: str, best: int, number: int) -> PriceLevel | None:
        """Return level ``number``, counted from 0 at ``best`` (in tick sizes); None below the lowest price."""
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
        """Return the grid price, in tick sizes, one gap before the first level behind the best."""
        return ((best - 1) // self._gap + 1) * self._gap if side == "BUY" else best // self._gap * self._gap

    def _grid(self, anchor: int, gap: int, count: int) -> list[PriceLevel]:
        """Return the levels behind the best, one class of distance at a time."""
        found: list[PriceLevel] = []
        for distance in range(1, (count - 1).bit_length() + 1):
            first, last = 1 << (distance - 1), min(1 << distance, count)
            prices = range(anchor + first * gap, anchor + last * gap, gap)
            found += self._distance_class(distance, prices)
        return found

    def _distance_class(self, distance: int, prices: range) -> list[PriceLevel]:
        """Return the levels of a class of distance, reusing those of the previous best price."""
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
            if len(known) >= max(_LEVELS_KEPT, 2 << distance):
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
    """Round up to 1, 2 or 5 times a power of ten."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size >= ticks:
                return factor * size
        size *= 10

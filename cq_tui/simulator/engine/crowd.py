"""The crowd's depth in one symbol, around its best prices: plain, steady, and large orders slip through it."""

import math
from decimal import Decimal
from typing import NamedTuple

from cq_tui.simulator.market.symbols import MarketSymbol

MAX_LEVELS = 1_000
#: Prices of neighbouring levels lie at least so many basis points of the symbol's first price apart.
_GAP_BP = 0.25
#: Levels kept for the next time the price comes by.
_LEVELS_KEPT = 20_000


class Level(NamedTuple):
    """A price and the quantity offered there."""

    price: Decimal
    quantity: Decimal


class Crowd:
    """Levels on a grid of absolute prices, and the best price wherever it is.

    What is offered at a price follows from the price and from a coarse class of its distance to the best one. So a
    best price that moves changes itself, and a handful of levels where one class of distance borders on the next.
    """

    def __init__(self, symbol: MarketSymbol) -> None:
        self._symbol = symbol
        self._gap = _round_gap(symbol.start_price / float(symbol.tick_size) * _GAP_BP / 1e4)
        self._known: dict[tuple[int, int], Level] = {}
        self._grids: dict[str, tuple[int, list[Level]]] = {}

    def level(self, side: str, best: int, number: int) -> Level | None:
        """Return the level behind ``number`` better ones of BUY (bids) or SELL (asks); None below the least price."""
        if number == 0:
            return self._at(best, 0)
        gap = self._gap
        price = ((best - 1) // gap - number + 1) * gap if side == "BUY" else (best // gap + number) * gap
        return self._at(price, number) if price > 0 else None

    def levels(self, side: str, best: int, count: int) -> list[Level]:
        """Return the best ``count`` levels, best first."""
        count = min(count, MAX_LEVELS)
        anchor = (best - 1) // self._gap if side == "BUY" else best // self._gap
        known = self._grids.get(side)
        if known is None or known[0] != anchor or len(known[1]) < count - 1:
            found = (self.level(side, best, number) for number in range(1, count))
            known = self._grids[side] = (anchor, [level for level in found if level is not None])
        return [self._at(best, 0), *known[1][: count - 1]]

    def _at(self, price_ticks: int, number: int) -> Level:
        key = (price_ticks, number.bit_length())
        level = self._known.get(key)
        if level is None:
            if len(self._known) >= _LEVELS_KEPT:
                self._known.clear()
            level = self._known[key] = self._made(*key)
        return level

    def _made(self, price_ticks: int, distance: int) -> Level:
        tick, step = self._symbol.tick_size, self._symbol.step_size
        jitter = 0.5 + ((price_ticks * 2_654_435_761 >> 7) & 0xFF) / 255
        notional = self._symbol.touch_notional * (0.5 + 0.4 * math.sqrt((1 << distance) - 1)) * jitter
        price = price_ticks * tick
        return Level(price, max(round(notional / float(price) / float(step)), 1) * step)


def _round_gap(ticks: float) -> int:
    """Return 1, 2 or 5 times a power of ten that is not below ``ticks``."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size >= ticks:
                return factor * size
        size *= 10

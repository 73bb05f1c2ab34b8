"""The way of a price within a candle: from the open to the extreme that hurts, to the other one, and to the close.

On its way it stops at each price at which an open order is triggered or filled, and goes on from there. So a stop is
triggered at its level and not at the extreme; only a candle that opens beyond it is a gap.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from cq_tui.lookback.track import Candle
from cq_tui.simulator.engine.orders import EngineOrder

#: A candle's length is as many parts; each leg of the way begins after one of them.
PARTS = 4


class Levels(NamedTuple):
    """The prices of the open orders of a symbol (in ticks): reached by falling, and by rising."""

    below: tuple[int, ...] = ()
    above: tuple[int, ...] = ()
    #: Where the core sends an entry that waits for its limit: nothing of it is at the exchange before.
    limits: tuple[int, ...] = ()

    @property
    def falling(self) -> tuple[int, ...]:
        """All that is reached by falling."""
        return self.below + self.limits

    def next_stop(self, price: int, target: int) -> int:
        """Return where the way from a price to another is interrupted first; at its end if nowhere."""
        if target < price:
            return max((level for level in self.falling if target <= level < price), default=target)
        return min((level for level in self.above if price < level <= target), default=target)

    def touches(self, low: int, high: int) -> bool:
        """Whether a candle reaches any of them."""
        return any(level >= low for level in self.falling) or any(level <= high for level in self.above)

    def is_ambiguous(self, opened: int, low: int, high: int) -> bool:
        """Whether a candle reaches both sides, and its open neither: which came first is not known."""
        falls = any(low <= level < opened for level in self.below)
        return falls and any(opened < level <= high for level in self.above)


def levels_of(orders: Iterable[EngineOrder], tick_size: Decimal) -> Levels:
    """Return the prices at which open orders are triggered or filled."""
    below: list[int] = []
    above: list[int] = []
    for order in orders:
        if order.is_pending:
            continue
        is_waiting = order.is_stop and not order.is_working
        price = int((order.stop_price if is_waiting else order.price) / tick_size)
        # A stop of a sale waits below, a resting sale above; purchases the other way round.
        falls = (order.side == "SELL") == (is_waiting and order.type.startswith("STOP_LOSS"))
        (below if falls else above).append(price)
    return Levels(tuple(below), tuple(above))


def way_of(candle: Candle, *, rises_first: bool = False) -> tuple[int, int, int]:
    """Return where the price goes after the open. There are only long positions, so the low hurts."""
    return (candle.high, candle.low, candle.close) if rises_first else (candle.low, candle.high, candle.close)

"""Past ticks of all symbols in as little memory as they need: an hour of 500 symbols has seven million of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Bars, Flags, Floats, Integers, TickBlock, bars_of_ticks

_Small = NDArray[np.int32]
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PackedTicks:
    """The trades of a block of ticks; its prices and quantities come out exactly as they were.

    ``last`` are prices in tick sizes. ``quantity`` is negative where the taker sold: a number of step sizes, or of
    the base asset where that is not exact.
    """

    start: int
    last: Integers | _Small
    quantity: Floats | _Small

    @classmethod
    def of(cls, block: TickBlock, step_sizes: Floats) -> "PackedTicks":
        """Pack a block."""
        last = block.last if block.last.max(initial=0) > _MOST else block.last.astype(np.int32)
        steps = np.round(block.quantity / step_sizes)
        is_exact = steps.max(initial=0) <= _MOST and np.array_equal(steps * step_sizes, block.quantity)
        sign = np.where(block.taker_bought, 1, -1)
        if is_exact:
            return cls(block.start, last, (steps * sign).astype(np.int32))
        return cls(block.start, last, block.quantity * sign)

    @classmethod
    def joined(cls, parts: "Sequence[PackedTicks]", step_sizes: Floats) -> "PackedTicks":
        """Return consecutive blocks as one: a few large arrays leave fewer gaps in memory than many small ones."""
        quantities: list[Any] = [part.quantity for part in parts]
        if any(each.dtype == np.float64 for each in quantities):
            quantities = [each if each.dtype == np.float64 else each * step_sizes for each in quantities]
        return cls(parts[0].start, np.concatenate([part.last for part in parts]), np.concatenate(quantities))

    def __len__(self) -> int:
        return len(self.last)

    @property
    def end(self) -> int:
        """Number of the tick after the last."""
        return self.start + len(self)

    def counts(self, column: int) -> Integers:
        """Return how many trades a symbol had from the first tick up to and including each."""
        return np.cumsum(self.quantity[:, column] != 0, dtype=np.int64)

    def trades(
        self, column: int, step_size: float, rows: Integers | slice = slice(None)
    ) -> tuple[Integers, Floats, Flags]:
        """Return a symbol's prices in tick sizes, its quantities, and whether the taker bought."""
        quantity = self.quantity[rows, column]
        amount = np.abs(quantity)
        sizes: Floats = amount if quantity.dtype == np.float64 else amount * step_size
        return self.last[rows, column].astype(np.int64), sizes, quantity > 0


def seconds_of(pages: Sequence[PackedTicks], column: int, tick_size: float, step_size: float) -> Bars:
    """Return a symbol's 1 s bars of consecutive blocks."""
    parts = [page.trades(column, step_size) for page in pages]
    last, quantity, bought = (np.concatenate(each)[:, None] for each in zip(*parts, strict=True))
    block = TickBlock(pages[0].start, last, last, last, quantity, bought)
    return np.asarray(bars_of_ticks(block, np.array([tick_size]), TICKS_PER_SECOND)[:, 0])

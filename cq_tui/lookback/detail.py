"""Finer candles of a symbol: which of two prices was reached first."""

import numpy as np

from cq_tui.lookback.columns import KlineColumns


class Detail:
    """Finer candles. ``tick_size`` is that of the symbol, in which prices are counted."""

    def __init__(self, columns: KlineColumns, tick_size: float) -> None:
        self._columns, self._tick = columns, tick_size

    def rises_first(self, below: int, above: int, from_ms: int, until_ms: int) -> bool | None:
        """Return whether the price above was reached before the one below; None if that cannot be told.

        So it is where one candle reaches both, or those until then are not all there.
        """
        part = self._columns.between(from_ms, until_ms)
        fell = _first(part.low <= (below + 0.25) * self._tick)
        rose = _first(part.high >= (above - 0.25) * self._tick)
        if fell == rose:
            return None
        count = min(fell, rose) + 1
        is_whole = int(part.open_time[count - 1]) == from_ms + (count - 1) * part.interval_ms
        return rose < fell if is_whole else None


def _first(reached: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Return the number of the first candle that does; beyond the last if none does."""
    return int(reached.argmax()) if reached.any() else len(reached)

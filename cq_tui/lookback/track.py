"""The candles of one symbol as a run asks for them: by time, and in whole tick sizes."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from cq_tui.lookback.columns import KlineColumns
from cq_tui.simulator.market.candles import candle_symbol
from cq_tui.simulator.market.symbols import MarketSymbol

#: Rows searched at first, and at most, before the next look at what else may happen.
_FIRST_ROWS, _MOST_ROWS = 64, 1 << 14


class Candle(NamedTuple):
    """One candle in tick sizes."""

    open: int
    high: int
    low: int
    close: int


class Band(NamedTuple):
    """Within it nothing happens; prices in quote units."""

    #: Where orders wait: reached as soon as a candle's low or high is there.
    low: float = -np.inf
    high: float = np.inf
    #: What matters once a candle has closed: its close, and its high.
    lowest_close: float = -np.inf
    highest_close: float = np.inf
    highest_high: float = np.inf


class Track:
    """The candles of one symbol."""

    def __init__(self, columns: KlineColumns) -> None:
        self.columns = columns
        self.symbol: MarketSymbol = candle_symbol(columns)
        self.interval_ms = columns.interval_ms
        self._times = columns.open_time
        self._per_tick = float(1 / self.symbol.tick_size)

    @property
    def tick_size(self) -> Decimal:
        """The symbol's tick size."""
        return self.symbol.tick_size

    def ticks(self, price: float) -> int:
        """Return a price in tick sizes."""
        return round(price * self._per_tick)

    def opens_at(self, ms: int) -> int | None:
        """Return the row of the candle that opens then."""
        row = int(self._times.searchsorted(ms))
        return row if row < len(self._times) and self._times[row] == ms else None

    def open_now(self, ms: int) -> int | None:
        """Return the row of the candle that is open then."""
        row = int(self._times.searchsorted(ms, side="right")) - 1
        return row if row >= 0 and ms < self._times[row] + self.interval_ms else None

    def closed_by(self, ms: int) -> int:
        """Return the row of the last candle that has closed by then; -1 for none."""
        return int(self._times.searchsorted(ms - self.interval_ms, side="right")) - 1

    def next_open(self, ms: int) -> int | None:
        """Return when the first candle opens from then on (Unix ms)."""
        row = int(self._times.searchsorted(ms))
        return int(self._times[row]) if row < len(self._times) else None

    def open_ms(self, row: int) -> int:
        """Return when a candle opens (Unix ms)."""
        return int(self._times[row])

    def candle(self, row: int) -> Candle:
        """Return a candle in tick sizes."""
        columns = self.columns
        prices = columns.open, columns.high, columns.low, columns.close
        return Candle(*(self.ticks(float(one[row])) for one in prices))

    def close_ticks(self, row: int) -> int:
        """Return a close in tick sizes."""
        return self.ticks(float(self.columns.close[row]))

    def first_outside(self, band: Band, from_ms: int, until_ms: int, *, after_ms: int) -> int:
        """Return when a candle first leaves a band, up to ``until_ms``: when it opens, or when its close is known.

        Candles that open after ``after_ms`` count as a whole, those from ``from_ms`` on by their close.
        """
        columns, length = self.columns, self.interval_ms
        row, end = int(self._times.searchsorted(from_ms)), int(self._times.searchsorted(until_ms))
        size = _FIRST_ROWS
        while row < end:
            part = slice(row, min(row + size, end))
            lows, highs, closes = columns.low[part], columns.high[part], columns.close[part]
            reached = (lows <= band.low) | (highs >= band.high)
            left = (closes <= band.lowest_close) | (closes >= band.highest_close) | (highs >= band.highest_high)
            for offset in np.flatnonzero(reached | left):
                opened = int(self._times[row + int(offset)])
                if reached[offset] and opened > after_ms:
                    return min(opened, until_ms)
                if left[offset]:
                    return min(opened + length, until_ms)
            row, size = part.stop, min(size * 4, _MOST_ROWS)
        return until_ms

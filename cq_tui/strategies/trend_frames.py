"""The higher time frames of trend_multi_tf: the direction of the tide, and whether the trend is armed."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns
from cq_tui.strategies.indicators import adx, atr, ema, minus_di, plus_di

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class TideRow(NamedTuple):
    """The tide frame at one closed bar; prices in the quote asset."""

    close: float
    ema_middle: float
    ema_slow: float
    atr: float


class TrendRow(NamedTuple):
    """The trend frame at one closed bar."""

    ema_fast: float
    ema_middle: float
    ema_slow: float
    adx: float
    plus_di: float
    minus_di: float
    atr: float


class TideColumns(NamedTuple):
    """The tide frame at consecutive bars, the fields of ``TideRow`` as columns."""

    close: Floats
    ema_middle: Floats
    ema_slow: Floats
    atr: Floats

    def row(self, number: int) -> TideRow:
        """Return one bar."""
        return TideRow(*(float(column[number]) for column in self))


class TrendColumns(NamedTuple):
    """The trend frame at consecutive bars, the fields of ``TrendRow`` as columns."""

    ema_fast: Floats
    ema_middle: Floats
    ema_slow: Floats
    adx: Floats
    plus_di: Floats
    minus_di: Floats
    atr: Floats

    def row(self, number: int) -> TrendRow:
        """Return one bar."""
        return make_trend_row([float(column[number]) for column in self])


#: ``TrendRow._make`` without its frame and its count of the values.
make_trend_row: Callable[[Iterable[float]], TrendRow] = partial(tuple.__new__, TrendRow)

EMPTY_TIDE = TideRow(*(math.nan,) * 4)
EMPTY_TREND = TrendRow(*(math.nan,) * 7)


def tide_direction(row: TideRow) -> int:
    """+1 if close and middle average are above the slow average, −1 if both are below, else 0."""
    if row.close > row.ema_slow and row.ema_middle > row.ema_slow:
        return 1
    if row.close < row.ema_slow and row.ema_middle < row.ema_slow:
        return -1
    return 0


def trend_direction(row: TrendRow) -> int:
    """+1 for fast > middle > slow average with +DI above −DI, −1 for the reverse, else 0."""
    if row.ema_fast > row.ema_middle > row.ema_slow and row.plus_di > row.minus_di:
        return 1
    if row.ema_fast < row.ema_middle < row.ema_slow and row.minus_di > row.plus_di:
        return -1
    return 0


def next_armed(armed: int, row: TrendRow, arm_at: float, disarm_below: float) -> int:
    """Armed direction after a trend bar: armed at ``arm_at``, held while ADX ≥ ``disarm_below``."""
    direction = trend_direction(row)
    if direction == 0 or not row.adx >= disarm_below:
        return 0
    return direction if row.adx >= arm_at or armed == direction else 0


class TideFrame:
    """Indicators of the tide frame."""

    def __init__(self, middle: int, slow: int, atr_period: int) -> None:
        self._middle, self._slow, self._atr = ema(middle), ema(slow), atr(atr_period)
        self.row = EMPTY_TIDE

    def update(self, bar: Kline) -> None:
        """Process a closed bar."""
        close = bar.close
        self.row = TideRow(
            close, self._middle.step(close), self._slow.step(close), self._atr.step(bar.high, bar.low, close)
        )

    def warm(self, bars: BarColumns) -> TideColumns:
        """Process the history as a batch; return all rows."""
        columns = TideColumns(
            bars.close, self._middle.warm(bars.close), self._slow.warm(bars.close), self._atr.warm(bars)
        )
        if len(bars.close):
            self.row = columns.row(-1)
        return columns

    def reset(self) -> None:
        """Forget all bars."""
        for indicator in (self._middle, self._slow, self._atr):
            indicator.reset()
        self.row = EMPTY_TIDE


class TrendFrame:
    """Indicators of the trend frame, and its armed direction."""

    def __init__(self, fast: int, middle: int, slow: int, period: int, *, arm_at: float, disarm_below: float) -> None:
        self._averages = (ema(fast), ema(middle), ema(slow))
        self._ranges = (adx(period), plus_di(period), minus_di(period), atr(period))
        self._arm_at, self._disarm_below = arm_at, disarm_below
        self.row = EMPTY_TREND
        #: +1 long, −1 short, 0 not armed.
        self.armed = 0

    def update(self, bar: Kline) -> None:
        """Process a closed bar."""
        _, _, _, high, low, close, _, _, _ = bar
        fast, middle, slow = self._averages
        strength, plus, minus, span = self._ranges
        self._step(make_trend_row((
            fast.step(close), middle.step(close), slow.step(close), strength.step(high, low, close),
            plus.step(high, low, close), minus.step(high, low, close), span.step(high, low, close),
        )))  # fmt: skip

    def warm(self, bars: BarColumns) -> TrendColumns:
        """Process the history as a batch; return all rows."""
        columns = TrendColumns(
            *(average.warm(bars.close) for average in self._averages),
            *(indicator.warm(bars) for indicator in self._ranges),
        )
        if len(bars.close):
            self.go_to(columns, self.decided(columns), len(bars.close) - 1)
        return columns

    def decided(self, columns: TrendColumns) -> Integers:
        """Return for each bar the latest one on which alone the armed direction depends; 0 if there is none.

        Between the two levels of ADX it depends on the bar before, too.
        """
        is_decided = ~((columns.adx >= self._disarm_below) & (columns.adx < self._arm_at))
        return np.maximum.accumulate(np.where(is_decided, np.arange(len(is_decided)), 0))

    def go_to(self, columns: TrendColumns, decided: Integers, number: int) -> None:
        """Be as after a bar of a series."""
        self.armed = 0
        for each in range(int(decided[number]), number + 1):
            self._step(columns.row(each))

    def reset(self) -> None:
        """Forget all bars."""
        for average in self._averages:
            average.reset()
        for indicator in self._ranges:
            indicator.reset()
        self.row = EMPTY_TREND
        self.armed = 0

    def _step(self, row: TrendRow) -> None:
        self.row = row
        self.armed = next_armed(self.armed, row, self._arm_at, self._disarm_below)

"""The setup of bb_mean_revert_v2: a calm market, a close outside the band, a close back inside.

A pure state machine over closed bars.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Bands narrower than this share of the price mean a flat series. A hundredth of a basis point: far above the
#: rounding noise of a standard deviation, far below any moving market.
FLAT_WIDTH = 1e-6


class BandRow(NamedTuple):
    """One closed trigger bar with its indicators; NaN until there is a value."""

    high: float
    low: float
    close: float
    upper: float
    middle: float
    lower: float
    width: float
    #: Simple moving average of the width.
    usual_width: float
    rsi: float
    adx: float
    atr: float


#: ``BandRow._make`` without its frame and its count of the values.
make_row: Callable[[Iterable[float]], BandRow] = partial(tuple.__new__, BandRow)

EMPTY_ROW = BandRow(*(math.nan,) * 11)


class BandColumns(NamedTuple):
    """Consecutive bars with their indicators, the fields of ``BandRow`` as columns."""

    high: Floats
    low: Floats
    close: Floats
    upper: Floats
    middle: Floats
    lower: Floats
    width: Floats
    usual_width: Floats
    rsi: Floats
    adx: Floats
    atr: Floats

    def row(self, number: int) -> BandRow:
        """Return one bar."""
        return make_row([float(column[number]) for column in self])


@dataclass(frozen=True, slots=True)
class BandRules:
    """Parameters of the setup."""

    adx_limit: float = 25.0
    width_limit: float = 1.2
    oversold: float = 30.0
    overbought: float = 70.0
    #: Bars after the setup within which the close must be back inside.
    patience: int = 3


class Setup(NamedTuple):
    """A close outside the band in a calm market, pending until a close back inside."""

    #: +1 below the lower band, −1 above the upper.
    side: int
    #: Lowest low since the setup (highest high for −1).
    extreme: float
    #: RSI of the bar that closed outside.
    rsi: float
    #: ADX of the bar before it.
    calm_adx: float
    bars_waited: int


class BandSetup:
    """Follows the bars and detects a setup that closes back inside the band."""

    def __init__(self, rules: BandRules) -> None:
        self.rules = rules
        self.reset()

    def reset(self) -> None:
        """Forget the pending setup and the previous bar: bars cannot be counted across a gap."""
        self.pending: Setup | None = None
        #: The fields of the latest bar. Of one that closed inside the bands while no setup is pending, to set them here
        #: is all that ``update`` would do.
        self.previous: tuple[float, ...] = EMPTY_ROW

    def update(self, row: BandRow) -> Setup | None:
        """Add the next closed bar; return the setup that it brings back inside the band."""
        returned = self._advance(row) if self.pending is not None else None
        side = band_breakout(row, self.rules)
        if side and is_calm(previous := make_row(self.previous), self.rules):
            self._start(side, row, previous.adx)
        self.previous = row
        return returned

    def _advance(self, row: BandRow) -> Setup | None:
        waiting = self.pending
        assert waiting is not None
        extreme = min(waiting.extreme, row.low) if waiting.side > 0 else max(waiting.extreme, row.high)
        waiting = waiting._replace(extreme=extreme, bars_waited=waiting.bars_waited + 1)
        inside = row.lower < row.close < row.upper
        self.pending = None if inside or waiting.bars_waited >= self.rules.patience else waiting
        return waiting if inside else None

    def _start(self, side: int, row: BandRow, calm_adx: float) -> None:
        extreme = row.low if side > 0 else row.high
        if self.pending is not None and self.pending.side == side:
            # Renewed before it came back: the stop must still lie beyond the extreme.
            worst = min if side > 0 else max
            extreme = worst(extreme, self.pending.extreme)
        self.pending = Setup(side, extreme, row.rsi, calm_adx, 0)


def is_calm(row: BandRow, rules: BandRules) -> bool:
    """Whether the market neither trends nor widens at this bar. A flat or unknown market is not calm."""
    return row.adx <= rules.adx_limit and row.width > FLAT_WIDTH and row.width <= rules.width_limit * row.usual_width


def band_breakout(row: BandRow, rules: BandRules) -> int:
    """+1 for an oversold close below the lower band, −1 for an overbought one above the upper, else 0."""
    if not row.width > FLAT_WIDTH:
        return 0
    if row.close < row.lower and row.rsi < rules.oversold:
        return 1
    if row.close > row.upper and row.rsi > rules.overbought:
        return -1
    return 0


def breakouts(columns: BandColumns, rules: BandRules) -> list[int]:
    """Return the bars at which ``band_breakout`` follows a bar that ``is_calm``."""
    wide = columns.width > FLAT_WIDTH
    below = (columns.close < columns.lower) & (columns.rsi < rules.oversold)
    above = (columns.close > columns.upper) & (columns.rsi > rules.overbought)
    calm = (columns.adx <= rules.adx_limit) & wide & (columns.width <= rules.width_limit * columns.usual_width)
    return (np.flatnonzero((wide & (below | above))[1:] & calm[:-1]) + 1).tolist()

"""Indicators: thin typed wrappers around TA-Lib's streaming handles, O(1) per closed bar.

A handle is opened on history and updated one bar at a time; its values equal those of TA-Lib's batch functions, bit for
bit. Until the first value an indicator returns NaN, so that any comparison is false. Handles cannot be stored: after a
restart they are opened again on the stored klines.

``update`` and ``step`` both add the next closed bar. ``update`` checks its input; ``step`` is the handle's own function
once there is one, three times as fast, for bars that are known to be finite, as those of the engine are.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cq_tui.lean_import import modules_left_out
from cq_tui.strategies.bars import BarColumns

# TA-Lib loads both wherever they are installed, to take their columns too: 40 MB, and longer than all the rest.
with modules_left_out("pandas", "polars"):
    from talib import stream

Series = NDArray[np.float64]


class NonFiniteInput(ValueError):
    """An indicator received NaN or infinity; the message names the indicator and the value."""


class _CloseHandle(Protocol):
    @property
    def value(self) -> float: ...

    def update(self, real: float, /) -> float: ...


class _BarHandle(Protocol):
    @property
    def value(self) -> float: ...

    def update(self, high: float, low: float, close: float, /) -> float: ...


class CloseIndicator:
    """One value from closes. ``first`` is the number of the bar (from 1) with the first value."""

    __slots__ = ("_handle", "_history", "_open", "first", "name", "step")

    def __init__(self, name: str, first: int, open_and_fill: Callable[[Series], tuple[_CloseHandle, Series]]) -> None:
        self.name = name
        self.first = first
        self._open = open_and_fill
        self.reset()

    def reset(self) -> None:
        """Forget all bars."""
        self._handle: _CloseHandle | None = None
        self._history: list[float] = []
        self.step: Callable[[float], float] = self._collect

    @property
    def value(self) -> float:
        """The value at the latest bar."""
        return math.nan if self._handle is None else self._handle.value

    def update(self, close: float) -> float:
        """Add the next closed bar and return its value. Raises NonFiniteInput without changing state."""
        if not math.isfinite(close):
            raise NonFiniteInput(f"{self.name}: close is {close}")
        return self.step(close)

    def _collect(self, close: float) -> float:
        self._history.append(close)
        if len(self._history) == self.first:
            self._start(np.array(self._history, dtype=np.float64))
        return self.value

    def warm(self, closes: Series) -> Series:
        """Start from a batch; return the value at each bar, NaN before the first."""
        _require_finite(self.name, closes)
        self.reset()
        if len(closes) < self.first:
            self._history = closes.tolist()
            return np.full(len(closes), math.nan)
        return self._start(closes)

    def _start(self, closes: Series) -> Series:
        self._handle, values = self._open(closes)
        self._history = []
        self.step = self._handle.update
        return values


class BarIndicator:
    """One value from high, low and close. ``first`` is the number of the bar (from 1) with the first value."""

    __slots__ = ("_handle", "_history", "_open", "first", "name", "step")

    def __init__(
        self,
        name: str,
        first: int,
        open_and_fill: Callable[[Series, Series, Series], tuple[_BarHandle, Series]],
    ) -> None:
        self.name = name
        self.first = first
        self._open = open_and_fill
        self.reset()

    def reset(self) -> None:
        """Forget all bars."""
        self._handle: _BarHandle | None = None
        self._history: list[tuple[float, float, float]] = []
        self.step: Callable[[float, float, float], float] = self._collect

    @property
    def value(self) -> float:
        """The value at the latest bar."""
        return math.nan if self._handle is None else self._handle.value

    def update(self, high: float, low: float, close: float) -> float:
        """Add the next closed bar and return its value. Raises NonFiniteInput without changing state."""
        if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
            raise NonFiniteInput(f"{self.name}: high, low, close are {high}, {low}, {close}")
        return self.step(high, low, close)

    def _collect(self, high: float, low: float, close: float) -> float:
        self._history.append((high, low, close))
        if len(self._history) == self.first:
            self._start(*(np.array(column, dtype=np.float64) for column in zip(*self._history, strict=True)))
        return self.value

    def warm(self, bars: BarColumns) -> Series:
        """Start from a batch; return the value at each bar, NaN before the first."""
        for column in bars:
            _require_finite(self.name, column)
        self.reset()
        if len(bars.close) < self.first:
            self._history = list(zip(bars.high.tolist(), bars.low.tolist(), bars.close.tolist(), strict=True))
            return np.full(len(bars.close), math.nan)
        return self._start(*bars)

    def _start(self, high: Series, low: Series, close: Series) -> Series:
        self._handle, values = self._open(high, low, close)
        self._history = []
        self.step = self._handle.update
        return values


def ema(period: int) -> CloseIndicator:
    """Exponential moving average: alpha 2/(n+1), seeded with the simple average of the first n closes."""
    return CloseIndicator(f"EMA({period})", period, partial(stream.EMA.open_and_fill, timeperiod=period))


def sma(period: int) -> CloseIndicator:
    """Simple moving average of the last n values."""
    return CloseIndicator(f"SMA({period})", period, partial(stream.SMA.open_and_fill, timeperiod=period))


def rsi(period: int = 14) -> CloseIndicator:
    """Relative strength index with Wilder's smoothing, 0..100. A flat series gives 0.0: check for movement first."""
    return CloseIndicator(f"RSI({period})", period + 1, partial(stream.RSI.open_and_fill, timeperiod=period))


def atr(period: int = 14) -> BarIndicator:
    """Average true range: the mean of the first n true ranges, then Wilder's smoothing."""
    return BarIndicator(f"ATR({period})", period + 1, partial(stream.ATR.open_and_fill, timeperiod=period))


def adx(period: int = 14) -> BarIndicator:
    """Average directional index, 0..100, Wilder's sums. A flat series gives 0.0."""
    return BarIndicator(f"ADX({period})", 2 * period, partial(stream.ADX.open_and_fill, timeperiod=period))


def plus_di(period: int = 14) -> BarIndicator:
    """Positive directional indicator, 0..100."""
    return BarIndicator(f"+DI({period})", period + 1, partial(stream.PLUS_DI.open_and_fill, timeperiod=period))


def minus_di(period: int = 14) -> BarIndicator:
    """Negative directional indicator, 0..100."""
    return BarIndicator(f"-DI({period})", period + 1, partial(stream.MINUS_DI.open_and_fill, timeperiod=period))


class Bands(NamedTuple):
    """Bollinger bands at one bar, in quote units."""

    upper: float
    middle: float
    lower: float

    @property
    def width(self) -> float:
        """Distance between the outer bands as a share of the middle band."""
        return (self.upper - self.lower) / self.middle


_NO_BANDS = Bands(math.nan, math.nan, math.nan)


class BollingerBands:
    """Simple average of n closes, plus and minus ``deviations`` population standard deviations."""

    __slots__ = ("_handle", "_history", "_open", "first", "name", "step")

    def __init__(self, period: int = 20, deviations: float = 2.0) -> None:
        self.name = f"BBANDS({period}, {deviations})"
        self.first = period
        self._open = partial(
            stream.BBANDS.open_and_fill, timeperiod=period, nbdevup=deviations, nbdevdn=deviations, matype=0
        )
        self.reset()

    def reset(self) -> None:
        """Forget all bars."""
        self._handle: stream.BBANDS | None = None
        self._history: list[float] = []
        #: Returns upper, middle and lower band.
        self.step: Callable[[float], tuple[float, float, float]] = self._collect

    @property
    def value(self) -> Bands:
        """The bands at the latest bar."""
        return _NO_BANDS if self._handle is None else Bands(*self._handle.value)

    def update(self, close: float) -> Bands:
        """Add the next closed bar and return its bands. Raises NonFiniteInput without changing state."""
        if not math.isfinite(close):
            raise NonFiniteInput(f"{self.name}: close is {close}")
        return Bands(*self.step(close))

    def _collect(self, close: float) -> tuple[float, float, float]:
        self._history.append(close)
        if len(self._history) == self.first:
            self._start(np.array(self._history, dtype=np.float64))
        return self.value

    def warm(self, closes: Series) -> tuple[Series, Series, Series]:
        """Start from a batch; return upper, middle and lower at each bar, NaN before the first."""
        _require_finite(self.name, closes)
        self.reset()
        if len(closes) < self.first:
            self._history = closes.tolist()
            empty = np.full(len(closes), math.nan)
            return empty, empty, empty
        return self._start(closes)

    def _start(self, closes: Series) -> tuple[Series, Series, Series]:
        self._handle, (upper, middle, lower) = self._open(closes)
        self._history = []
        self.step = self._handle.update
        return upper, middle, lower


def _require_finite(name: str, values: Series) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        at = int(np.argmin(finite))
        raise NonFiniteInput(f"{name}: bar {at} of the batch holds {values[at]}")

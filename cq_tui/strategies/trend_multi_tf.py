"""trend_multi_tf: enter on a crossing in the trigger frame that agrees with trend and tide.

Long, all on closed bars (a SELL mirrors each rule, and on spot only closes what is held):

- tide: close > EMA200 and EMA50 > EMA200;
- trend: EMA20 > EMA50 > EMA200 and +DI > −DI, armed when ADX reaches 25, disarmed below 20;
- trigger: EMA20 crosses above EMA50.

Stop at entry − 2·ATR14, target at entry + 3·ATR14 of the trigger frame. The optional trailing stop is 3·ATR22 below the
highest high of 22 bars; the signal carries the distance at the decision, so the stop can only rise.

Confidence, with s(x, k) = x / (x + k), 0 for x ≤ 0, so that it increases with each term and stays below 1::

    0.4 · s(min(C − EMA200, EMA50 − EMA200) / ATR14, 4)   tide agreement, on the tide frame
  + 0.3 · s(ADX − 20, 15)                                 strength beyond the disarming level
  + 0.3 · s((EMA50 − EMA200) / ATR14, 4)                  distance, on the trend frame
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame, interval_label
from cq_tui.strategies.indicators import atr, ema
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters, chosen_parameters
from cq_tui.strategies.scanning import Recording
from cq_tui.strategies.trend_frames import Floats, Integers, TideFrame, TideRow, TrendFrame, TrendRow, tide_direction

#: Read once for each bar of each symbol.
_TRIGGER = Frame.TRIGGER


class TrendParameters(StrategyParameters):
    """Parameters of trend_multi_tf."""

    ema_fast: int = Field(20, ge=2, le=1000, description="Bars of the fast EMA, on the trigger and trend frames.")
    ema_middle: int = Field(50, ge=2, le=1000, description="Bars of the middle EMA, on all frames.")
    ema_slow: int = Field(200, ge=2, le=1000, description="Bars of the slow EMA, on the trend and tide frames.")
    period: int = Field(14, ge=2, le=200, description="Period of ATR, ADX and the directional indicators.")
    adx_arm: float = Field(25.0, ge=0, le=100, description="ADX of the trend frame from which entries are armed.")
    adx_disarm: float = Field(20.0, ge=0, le=100, description="ADX of the trend frame below which they are disarmed.")
    stop_atr: float = Field(2.0, gt=0, description="Distance of the stop from the entry, in ATR.")
    target_atr: float = Field(3.0, gt=0, description="Distance of the target from the entry, in ATR.")
    trail: bool = Field(False, description="Whether the stop trails below the highest high.")
    trail_period: int = Field(22, ge=2, le=200, description="Period of the ATR of the trailing stop.")
    trail_atr: float = Field(3.0, gt=0, description="Distance of the trailing stop, in that ATR.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.ema_fast < self.ema_middle < self.ema_slow:
            raise ValueError("must be ema_fast < ema_middle < ema_slow")
        if self.adx_disarm > self.adx_arm:
            raise ValueError("adx_disarm must not exceed adx_arm")
        return self


def saturated(excess: float, half: float) -> float:
    """Map 0..∞ to 0..1, increasing; ``half`` maps to one half, and anything not above zero to 0."""
    return excess / (excess + half) if excess > 0 else 0.0


def confidence(side: int, tide: TideRow, trend: TrendRow, disarm: float = 20.0) -> float:
    """Confidence of a signal of direction ``side`` (+1 or −1), by the formula in the module's docstring."""
    agreement = min(side * (tide.close - tide.ema_slow), side * (tide.ema_middle - tide.ema_slow))
    distance = side * (trend.ema_middle - trend.ema_slow)
    return (
        0.4 * saturated(agreement / tide.atr, 4.0)
        + 0.3 * saturated(trend.adx - disarm, 15.0)
        + 0.3 * saturated(distance / trend.atr, 4.0)
    )


class TriggerRow(NamedTuple):
    """The trigger frame at one closed bar; prices in the quote asset."""

    ema_fast: float
    ema_middle: float
    atr: float
    #: That of the trailing stop; NaN if none trails.
    trail_atr: float


class TriggerColumns(NamedTuple):
    """The trigger frame at consecutive bars."""

    ema_fast: Floats
    ema_middle: Floats
    atr: Floats
    trail_atr: Floats
    #: Fast less middle average at the bar before, and at each.
    before: Floats
    after: Floats

    def row(self, number: int) -> TriggerRow:
        """Return one bar."""
        return TriggerRow(*(float(column[number]) for column in self[:4]))


class TrendMultiTf:
    """The strategy on one symbol."""

    name: ClassVar[str] = "trend_multi_tf"
    Parameters: ClassVar[type[StrategyParameters]] = TrendParameters

    def __init__(self, symbol: str, base_interval_ms: int, parameters: StrategyParameters | None = None) -> None:
        chosen = chosen_parameters(self.name, parameters, TrendParameters)
        self.parameters: StrategyParameters = chosen
        self._p = chosen
        self._symbol = symbol
        self._frame_label = interval_label(base_interval_ms * Frame.TRIGGER)
        self.warm_up: Mapping[Frame, int] = _warm_up(chosen)
        self._tide = TideFrame(chosen.ema_middle, chosen.ema_slow, chosen.period)
        self._trend = TrendFrame(
            chosen.ema_fast, chosen.ema_middle, chosen.ema_slow, chosen.period,
            arm_at=chosen.adx_arm, disarm_below=chosen.adx_disarm,
        )  # fmt: skip
        self._fast, self._middle = ema(chosen.ema_fast), ema(chosen.ema_middle)
        self._atr = atr(chosen.period)
        #: Only where a stop trails.
        self._trail_atr = atr(chosen.trail_period) if chosen.trail else None
        #: Fast less middle average at the latest bar of the trigger frame.
        self._difference = math.nan
        #: The trigger frame at the bar of a scan.
        self._scanned: TriggerRow | None = None

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        """Process one closed bar; decide on bars of the trigger frame."""
        if frame is not _TRIGGER:
            (self._tide if frame is Frame.TIDE else self._trend).update(bar)
            return None
        _, _, _, high, low, close, _, _, _ = bar
        before, after = self._difference, self._fast.step(close) - self._middle.step(close)
        self._difference = after
        self._atr.step(high, low, close)
        if self._trail_atr is not None:
            self._trail_atr.step(high, low, close)
        crossed = crossing(before, after)
        if crossed == 0 or crossed != self._trend.armed or crossed != tide_direction(self._tide.row):
            return None
        return self._signal(crossed, bar)

    def warm(self, frame: Frame, bars: BarColumns) -> None:
        """Process the history of a frame as a batch."""
        if frame is Frame.TIDE:
            self._tide.warm(bars)
        elif frame is Frame.TREND:
            self._trend.warm(bars)
        else:
            self._trigger_columns(bars)
            self._difference = self._fast.value - self._middle.value

    def scan(self, recording: Recording) -> Iterator[tuple[int, Callable[[Kline], Signal | None]]]:
        """Find the crossings at once, and judge each by the latest bars of the other frames."""
        frames = recording.frames
        tide, trend = frames[Frame.TIDE].over_runs(self._tide.warm), frames[Frame.TREND].over_runs(self._trend.warm)
        trigger = frames[Frame.TRIGGER].over_runs(self._trigger_columns)
        decided = self._trend.decided(trend)
        ready = recording.ready(crossings(trigger.before, trigger.after))
        closed = frames[Frame.TRIGGER].close_time(ready)
        places = (ready, frames[Frame.TIDE].latest(closed), frames[Frame.TREND].latest(closed))
        for number, at_tide, at_trend in zip(*(each.tolist() for each in places), strict=True):
            crossed = crossing(float(trigger.before[number]), float(trigger.after[number]))
            self._tide.row = tide.row(at_tide)
            if crossed != tide_direction(self._tide.row):
                continue
            self._trend.go_to(trend, decided, at_trend)
            if crossed == self._trend.armed:
                self._scanned = trigger.row(number)
                yield number, partial(self._signal, crossed)

    def _trigger_columns(self, bars: BarColumns) -> TriggerColumns:
        """Return the indicators of the trigger frame over consecutive bars."""
        fast, middle, span = self._fast.warm(bars.close), self._middle.warm(bars.close), self._atr.warm(bars)
        trail = np.full(len(span), math.nan) if self._trail_atr is None else self._trail_atr.warm(bars)
        after = fast - middle
        return TriggerColumns(fast, middle, span, trail, np.append(math.nan, after[:-1])[: len(after)], after)

    @property
    def _trigger(self) -> TriggerRow:
        """The trigger frame at its latest bar."""
        if self._scanned is not None:
            return self._scanned
        trail = math.nan if self._trail_atr is None else self._trail_atr.value
        return TriggerRow(self._fast.value, self._middle.value, self._atr.value, trail)

    def reset(self, frame: Frame) -> None:
        """Forget the bars of a frame, including the armed direction or the side of the crossing."""
        if frame is Frame.TIDE:
            self._tide.reset()
        elif frame is Frame.TREND:
            self._trend.reset()
        else:
            for average in (self._fast, self._middle):
                average.reset()
            self._atr.reset()
            if self._trail_atr is not None:
                self._trail_atr.reset()
            self._difference = math.nan

    def values(self) -> dict[str, float]:
        """Return the latest indicator values."""
        tide, trend, trigger = self._tide.row, self._trend.row, self._trigger
        return {
            "tide": float(tide_direction(tide)),
            "tide.ema_middle": tide.ema_middle,
            "tide.ema_slow": tide.ema_slow,
            "trend": float(self._trend.armed),
            "trend.ema_fast": trend.ema_fast,
            "trend.ema_middle": trend.ema_middle,
            "trend.ema_slow": trend.ema_slow,
            "trend.adx": trend.adx,
            "trend.plus_di": trend.plus_di,
            "trend.minus_di": trend.minus_di,
            "trigger.ema_fast": trigger.ema_fast,
            "trigger.ema_middle": trigger.ema_middle,
            "trigger.atr": trigger.atr,
        }

    def _signal(self, direction: int, bar: Kline) -> Signal | None:
        trigger, tide, trend = self._trigger, self._tide.row, self._trend.row
        span = trigger.atr
        stop = bar.close - direction * self._p.stop_atr * span
        target = bar.close + direction * self._p.target_atr * span
        if not (span > 0 and tide.atr > 0 and trend.atr > 0 and stop > 0 and target > 0):
            return None
        return Signal(
            symbol=self._symbol,
            side=Side.BUY if direction > 0 else Side.SELL,
            entry_price=bar.close,
            stop_loss=stop,
            take_profit=target,
            confidence=confidence(direction, tide, trend, self._p.adx_disarm),
            strategy=self.name,
            frame=self._frame_label,
            bar_close_time=bar.close_time,
            trail=None if self._trail_atr is None else self._p.trail_atr * trigger.trail_atr,
            reason=(
                f"EMA{self._p.ema_fast} crossed {'above' if direction > 0 else 'below'} EMA{self._p.ema_middle}, "
                f"trend ADX {trend.adx:.1f}, tide {'up' if direction > 0 else 'down'}"
            ),
        )


def crossing(before: float, after: float) -> int:
    """+1 if the difference rises through zero, −1 if it falls through zero, else 0 (also for NaN)."""
    if before <= 0 < after:
        return 1
    if before >= 0 > after:
        return -1
    return 0


def crossings(before: Floats, after: Floats) -> Integers:
    """Return the bars at which there is a ``crossing``."""
    return np.flatnonzero(((before <= 0) & (after > 0)) | ((before >= 0) & (after < 0)))


def _warm_up(parameters: TrendParameters) -> dict[Frame, int]:
    higher = 3 * max(parameters.ema_slow, parameters.period)
    trail = parameters.trail_period if parameters.trail else 0
    trigger = 3 * max(parameters.ema_middle, parameters.period, trail)
    return {Frame.TIDE: higher, Frame.TREND: higher, Frame.TRIGGER: trigger}

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
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame, interval_label
from cq_tui.strategies.indicators import atr, ema
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters, chosen_parameters
from cq_tui.strategies.trend_frames import TideFrame, TideRow, TrendFrame, TrendRow, tide_direction

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
            self._fast.warm(bars.close)
            self._middle.warm(bars.close)
            self._atr.warm(bars)
            if self._trail_atr is not None:
                self._trail_atr.warm(bars)
            self._difference = self._fast.value - self._middle.value

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
        tide, trend = self._tide.row, self._trend.row
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
            "trigger.ema_fast": self._fast.value,
            "trigger.ema_middle": self._middle.value,
            "trigger.atr": self._atr.value,
        }

    def _signal(self, direction: int, bar: Kline) -> Signal | None:
        span, tide, trend = self._atr.value, self._tide.row, self._trend.row
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
            trail=None if self._trail_atr is None else self._p.trail_atr * self._trail_atr.value,
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


def _warm_up(parameters: TrendParameters) -> dict[Frame, int]:
    higher = 3 * max(parameters.ema_slow, parameters.period)
    trail = parameters.trail_period if parameters.trail else 0
    trigger = 3 * max(parameters.ema_middle, parameters.period, trail)
    return {Frame.TIDE: higher, Frame.TREND: higher, Frame.TRIGGER: trigger}

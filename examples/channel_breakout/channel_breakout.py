"""channel_breakout: buy when the price leaves the channel of the last bars upwards, in a rising market.

On closed bars: a close of the trigger frame above the highest high of the ``entry_bars`` before, while the close of the
trend frame is above its EMA. Sell what was bought at a close below the lowest low of the ``exit_bars`` before. The stop
is 2 ATR below the entry, the target 4 ATR above it.
"""

from collections import deque
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import Frame, interval_label
from cq_tui.strategies.indicators import atr, ema
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters, chosen_parameters


class ChannelParameters(StrategyParameters):
    """Parameters of channel_breakout."""

    entry_bars: int = Field(20, ge=2, le=500, description="Bars whose highest high has to be passed.")
    exit_bars: int = Field(10, ge=2, le=500, description="Bars whose lowest low ends a position.")
    ema_period: int = Field(50, ge=2, le=500, description="Period of the average on the trend frame.")
    stop_atr: float = Field(2.0, gt=0, description="Distance of the stop, in ATR.")
    target_atr: float = Field(4.0, gt=0, description="Distance of the target, in ATR.")


class ChannelBreakout:
    """The strategy on one symbol."""

    name: ClassVar[str] = "channel_breakout"
    Parameters: ClassVar[type[StrategyParameters]] = ChannelParameters

    def __init__(self, symbol: str, base_interval_ms: int, parameters: StrategyParameters | None = None) -> None:
        self.parameters = self._p = chosen_parameters(self.name, parameters, ChannelParameters)
        self._symbol = symbol
        self._interval = interval_label(base_interval_ms)
        # Three times the longest period of each frame.
        self.warm_up: Mapping[Frame, int] = {
            Frame.TREND: 3 * self._p.ema_period,
            Frame.TRIGGER: 3 * max(self._p.entry_bars, self._p.exit_bars, 14),
        }
        self._average, self._range = ema(self._p.ema_period), atr(14)
        self._highs: deque[float] = deque(maxlen=self._p.entry_bars)
        self._lows: deque[float] = deque(maxlen=self._p.exit_bars)
        self._is_rising = False

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        """Process one closed bar; decide on bars of the trigger frame."""
        if frame is Frame.TREND:
            self._is_rising = bar.close > self._average.update(bar.close)
            return None
        span = self._range.update(bar.high, bar.low, bar.close)
        signal = self._decide(bar, span) if len(self._highs) == self._p.entry_bars and span > 0 else None
        self._highs.append(bar.high)
        self._lows.append(bar.low)
        return signal

    def reset(self, frame: Frame) -> None:
        """Forget the bars of a frame: there was a gap."""
        if frame is Frame.TREND:
            self._average.reset()
            self._is_rising = False
        else:
            self._range.reset()
            self._highs.clear()
            self._lows.clear()

    def values(self) -> dict[str, float]:
        """Return the latest values, which each signal carries."""
        return {
            "channel.high": max(self._highs, default=float("nan")),
            "channel.low": min(self._lows, default=float("nan")),
            "trend.ema": self._average.value,
            "trigger.atr": self._range.value,
        }

    def _decide(self, bar: Kline, span: float) -> Signal | None:
        if self._is_rising and bar.close > max(self._highs):
            return self._signal(Side.BUY, bar, span)
        if bar.close < min(self._lows):
            return self._signal(Side.SELL, bar, span)
        return None

    def _signal(self, side: Side, bar: Kline, span: float) -> Signal | None:
        stop = bar.close - side.sign * self._p.stop_atr * span
        target = bar.close + side.sign * self._p.target_atr * span
        if stop <= 0 or target <= 0:
            return None
        return Signal(
            symbol=self._symbol,
            side=side,
            entry_price=bar.close,
            stop_loss=stop,
            take_profit=target,
            confidence=0.5,
            strategy=self.name,
            frame=self._interval,
            bar_close_time=bar.close_time,
            reason=f"close left the channel {'upwards' if side is Side.BUY else 'downwards'}",
        )

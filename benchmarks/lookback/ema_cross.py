"""An EMA cross with stops and targets by the ATR, as users write it for our engine and for backtesting.py.

The strategies are written for each engine as its documentation does, so that the rates compare, not the trades.
"""

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
import talib

from cq_tui.books.ledger import Ledger
from cq_tui.books.round_trips import round_trips
from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.run import run
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters

FAST, SLOW, RANGE = 20, 50, 14
#: Average true ranges from the entry to the stop, and to the target.
STOP, TARGET = 2.0, 3.0
#: Bars until the averages say something.
_WARM = 150


class EmaCross:
    """Buys where the fast average crosses above the slow one, and sells where it crosses back."""

    name: ClassVar[str] = "ema_atr"
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: _WARM}

    def __init__(self, symbol: str) -> None:
        self.parameters = StrategyParameters()
        self.symbol = symbol
        self._fast = self._slow = self._close = self._range = float("nan")

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        """Take a bar."""
        close, before = bar.close, self._close
        self._close = close
        if before != before:
            self._fast = self._slow = close
            self._range = bar.high - bar.low
            return None
        was_above = self._fast > self._slow
        true_range = max(bar.high, before) - min(bar.low, before)
        self._range += (true_range - self._range) / RANGE
        self._fast += (close - self._fast) * 2 / (FAST + 1)
        self._slow += (close - self._slow) * 2 / (SLOW + 1)
        is_above = self._fast > self._slow
        if was_above == is_above:
            return None
        side, sign = (Side.BUY, 1) if is_above else (Side.SELL, -1)
        stop, target = close - sign * STOP * self._range, close + sign * TARGET * self._range
        return Signal(self.symbol, side, close, stop, target, 0.5, self.name, "1m", bar.close_time)

    def reset(self, frame: Frame) -> None:
        """Forget everything."""
        self._fast = self._slow = self._close = self._range = float("nan")

    def values(self) -> dict[str, float]:
        """Return the averages."""
        return {"fast": self._fast, "slow": self._slow}


def ours(klines: KlineColumns, plan: BacktestPlan) -> int:
    """Play it here; return the number of closed positions."""
    result = run(plan, {klines.symbol: klines}, lambda symbol, _: [EmaCross(symbol)])
    ledger = Ledger()
    for fact in result.facts:
        ledger.take(fact)
    return sum(not trip.is_open for trip in round_trips(ledger))


def theirs(klines: KlineColumns) -> int:
    """Play it with backtesting.py; return the number of closed positions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy
        from backtesting.lib import crossover

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            """Compute the averages over whole columns."""
            self.fast = self.I(talib.EMA, self.data.Close, FAST)
            self.slow = self.I(talib.EMA, self.data.Close, SLOW)
            self.range = self.I(talib.ATR, self.data.High, self.data.Low, self.data.Close, RANGE)

        def next(self) -> None:
            """Buy where the averages cross, and leave where they cross back."""
            if crossover(self.fast, self.slow) and not self.position:
                close, width = self.data.Close[-1], self.range[-1]
                self.buy(size=1, sl=close - STOP * width, tp=close + TARGET * width)
            elif crossover(self.slow, self.fast) and self.position:
                self.position.close()

    frame = pd.DataFrame(
        {"Open": klines.open, "High": klines.high, "Low": klines.low, "Close": klines.close, "Volume": klines.volume},
        index=pd.to_datetime(klines.open_time, unit="ms"),
    )
    engine: Any = Backtest(frame, Cross, cash=1e6, commission=0, trade_on_close=False, finalize_trades=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trades that are still open
        return len(engine.run()._trades)

"""Another engine, backtesting.py, trades the same: candle by candle, price by price, profit to 1e-9.

The strategy is written twice: as a plug-in that gets bar by bar, and as a table of signals made of whole columns. Left
out is what the two assume differently on purpose: ambiguous candles (counted), and targets that a candle opens beyond,
where the other one takes the open.
"""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from cq_tui.books.ledger import Ledger
from cq_tui.books.round_trips import round_trips
from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.run import run
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters
from tests.lookback.scripted import FREE, MINUTE, SETTINGS, START

FAST, SLOW, WARM = 8, 21, 63
STOP, TARGET = 0.004, 0.006
COUNT = 6_000


#: The other one knows no quarantine either.
WITHOUT_COSTS = BacktestPlan(
    {}, costs=FREE, settings=replace(SETTINGS, max_symbol_stops=1_000, max_strategy_stops=1_000)
)


class Ema:
    """Buys where the fast average crosses above the slow one, and sells where it crosses back."""

    name: ClassVar[str] = "ema_cross"
    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters
    warm_up: Mapping[Frame, int] = {Frame.TRIGGER: WARM}

    def __init__(self, symbol: str) -> None:
        self.parameters = StrategyParameters()
        self.symbol = symbol
        self.fast = self.slow = float("nan")

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        close = bar.close
        was_above = self.fast > self.slow
        is_first = self.fast != self.fast
        self.fast = close if is_first else self.fast + (close - self.fast) * 2 / (FAST + 1)
        self.slow = close if is_first else self.slow + (close - self.slow) * 2 / (SLOW + 1)
        is_above = self.fast > self.slow
        if is_first or was_above == is_above:
            return None
        side = Side.BUY if is_above else Side.SELL
        levels = _levels(close) if is_above else (close * 1.1, close * 0.9)
        return Signal(self.symbol, side, close, *levels, 0.5, self.name, "1m", bar.close_time)

    def reset(self, frame: Frame) -> None:
        self.fast = self.slow = float("nan")

    def values(self) -> dict[str, float]:
        return {}


def _levels(close: float) -> tuple[float, float]:
    return round(close * (1 - STOP), 2), round(close * (1 + TARGET), 2)


class Trip(NamedTuple):
    """One position: numbers of the candles of entry and exit, and their prices."""

    entered: int
    left: int
    entry: float
    exit: float


def walk() -> KlineColumns:
    """Return candles with gaps between them, two decimals."""
    draw = np.random.default_rng(3)
    close = np.round(2_000 * np.exp(np.cumsum(draw.normal(0, 0.0008, COUNT))), 2)
    opened = np.round(np.concatenate([close[:1], close[:-1]]) + draw.choice([0.0, 0.0, 0.3, -0.4, 4.0, -4.0], COUNT), 2)
    high = np.round(np.maximum(opened, close) + draw.exponential(0.6, COUNT), 2)
    low = np.round(np.minimum(opened, close) - draw.exponential(0.6, COUNT), 2)
    times = START + np.arange(COUNT) * MINUTE
    return KlineColumns("COINUSDT", MINUTE, times, opened, high, low, close, np.full(COUNT, 1e6))


def ours(klines: KlineColumns) -> tuple[list[Trip], int]:
    """Return the positions, and how many candles were ambiguous."""
    result = run(WITHOUT_COSTS, {klines.symbol: klines}, lambda symbol, _: [Ema(symbol)])
    ledger = Ledger()
    for fact in result.facts:
        ledger.take(fact)
    trips = []
    for trip in round_trips(ledger):
        if trip.is_open or trip.exit_price is None:
            continue
        entered, left = ((ms - START) // MINUTE for ms in (trip.opened_ms, trip.closed_ms))
        trips.append(Trip(entered, left, float(trip.entry_price), float(trip.exit_price)))
    return trips, result.ambiguous_bars


def theirs(klines: KlineColumns) -> list[Trip]:
    """Return the positions of the other engine, which buys one coin at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy

    close = pd.Series(klines.close)
    # The plug-in begins anew after each gap; there is none here.
    above = (close.ewm(span=FAST, adjust=False).mean() > close.ewm(span=SLOW, adjust=False).mean()).to_numpy()
    up, down = above & ~np.roll(above, 1), ~above & np.roll(above, 1)

    class Table(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            """Read the table in ``next``."""

        def next(self) -> None:
            number = len(self.data) - 1
            if number < WARM:
                return
            if up[number] and not self.position:
                stop, target = _levels(float(klines.close[number]))
                self.buy(size=1, sl=stop, tp=target)
            elif down[number] and self.position:
                self.position.close()

    frame = pd.DataFrame(
        {"Open": klines.open, "High": klines.high, "Low": klines.low, "Close": klines.close, "Volume": klines.volume},
        index=pd.to_datetime(klines.open_time, unit="ms"),
    )
    engine: Any = Backtest(frame, Table, cash=1e6, commission=0, trade_on_close=False, finalize_trades=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trades that are still open
        trades = engine.run()._trades
    columns = ("EntryBar", "ExitBar", "EntryPrice", "ExitPrice")
    return [Trip(*row) for row in trades[list(columns)].itertuples(index=False, name=None)]


def test_entries_exits_and_profit_are_the_same() -> None:
    klines = walk()
    mine, ambiguous = ours(klines)
    other = theirs(klines)
    beyond = [one.entered for one in other if klines.open[one.left] > _levels(klines.close[one.entered - 1])[1]]
    kept, expected = ([one for one in trips if one.entered not in beyond] for trips in (mine, other))
    assert kept == expected
    profits = (sum(one.exit - one.entry for one in trips) for trips in (kept, expected))
    assert abs(next(profits) - next(profits)) < 1e-9
    assert ambiguous == 0
    assert len(kept) > 100
    assert len(beyond) < 30
    assert {one.exit > one.entry for one in kept} == {True, False}

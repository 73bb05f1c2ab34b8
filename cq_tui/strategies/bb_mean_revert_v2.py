"""bb_mean_revert_v2: enter on a close back inside the Bollinger band, in a market without a trend.

On closed bars of the trigger frame (a SELL mirrors each rule, and on spot only closes what is held):

- regime, on the bar *before* the setup, which itself raises both: ADX14 ≤ 25, width ≤ 1.2 · SMA50(width);
- setup: a close below the lower band (20, 2) with RSI14 < 30;
- trigger: a later close, within 3 bars, back inside the band.

Stop 1·ATR14 beyond the lowest low since the setup, target the middle band; skipped when reward/risk < 1.0.
Time stop after 6 bars; no new entry for 10 bars after a stop.

Confidence, with s(x, k) = x / (x + k), 0 for x ≤ 0, so that it increases with each term and stays in 0..1::

    0.4 · (30 − RSI at the setup) / 30         depth; (RSI − 70) / 30 for a SELL
  + 0.3 · (25 − ADX before the setup) / 25     calm
  + 0.3 · s(reward / risk − 1.0, 1)            payoff
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from cq_tui.contracts.market import Kline
from cq_tui.strategies.band_setup import (
    EMPTY_ROW,
    BandColumns,
    BandRow,
    BandRules,
    BandSetup,
    Setup,
    breakouts,
    make_row,
)
from cq_tui.strategies.bars import BarColumns, Frame, interval_label
from cq_tui.strategies.indicators import BollingerBands, adx, atr, rsi, sma
from cq_tui.strategies.protocol import Side, Signal, StrategyParameters, chosen_parameters
from cq_tui.strategies.scanning import Recording


class BandParameters(StrategyParameters):
    """Parameters of bb_mean_revert_v2."""

    band_period: int = Field(20, ge=2, le=1000, description="Bars of the Bollinger bands.")
    deviations: float = Field(2.0, gt=0, le=10, description="Distance of the bands from their middle, in deviations.")
    period: int = Field(14, ge=2, le=200, description="Period of RSI, ATR and ADX.")
    width_period: int = Field(50, ge=2, le=1000, description="Bars of the average band width.")
    adx_limit: float = Field(25.0, gt=0, le=100, description="Highest ADX before a setup.")
    width_limit: float = Field(1.2, gt=0, description="Widest bands before a setup, in average widths.")
    oversold: float = Field(30.0, gt=0, lt=50, description="RSI below which a close below the band is a setup to buy.")
    overbought: float = Field(70.0, gt=50, lt=100, description="RSI above which one above it is a setup to sell.")
    patience: int = Field(3, ge=1, le=100, description="Bars within which the price must return into the bands.")
    stop_atr: float = Field(1.0, gt=0, description="Distance of the stop beyond the setup's extreme, in ATR.")
    reward_risk: float = Field(1.0, ge=0, description="Least ratio of the way to the target to that to the stop.")
    max_bars: int = Field(6, ge=1, description="Bars after which a position is closed.")
    cooldown_bars: int = Field(10, ge=0, description="Bars without a new entry after a stop.")


def confidence(setup: Setup, reward_risk: float, parameters: BandParameters) -> float:
    """Confidence by the formula in the module's docstring."""
    if setup.side > 0:
        depth = (parameters.oversold - setup.rsi) / parameters.oversold
    else:
        depth = (setup.rsi - parameters.overbought) / (100 - parameters.overbought)
    calm = (parameters.adx_limit - setup.calm_adx) / parameters.adx_limit
    excess = max(reward_risk - parameters.reward_risk, 0.0)
    return 0.4 * depth + 0.3 * calm + 0.3 * excess / (excess + 1.0)


class BbMeanRevertV2:
    """The strategy on one symbol."""

    name: ClassVar[str] = "bb_mean_revert_v2"
    Parameters: ClassVar[type[StrategyParameters]] = BandParameters

    def __init__(self, symbol: str, base_interval_ms: int, parameters: StrategyParameters | None = None) -> None:
        chosen = chosen_parameters(self.name, parameters, BandParameters)
        self.parameters: StrategyParameters = chosen
        self._p = chosen
        self._symbol = symbol
        self._frame_label = interval_label(base_interval_ms * Frame.TRIGGER)
        longest = max(chosen.width_period, chosen.band_period, chosen.period)
        self.warm_up: Mapping[Frame, int] = {Frame.TRIGGER: 3 * longest}
        self._bands = BollingerBands(chosen.band_period, chosen.deviations)
        self._usual_width = sma(chosen.width_period)
        self._rsi, self._adx, self._atr = rsi(chosen.period), adx(chosen.period), atr(chosen.period)
        self._setup = BandSetup(
            BandRules(chosen.adx_limit, chosen.width_limit, chosen.oversold, chosen.overbought, chosen.patience)
        )
        #: The fields of a ``BandRow``, which takes longer to make and is seldom needed.
        self._row: tuple[float, ...] = EMPTY_ROW

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        """Process one closed bar of the trigger frame and decide."""
        _, _, _, high, low, close, _, _, _ = bar
        upper, middle, lower = self._bands.step(close)
        width = (upper - lower) / middle
        usual_width = self._usual_width
        self._row = row = (
            high, low, close, upper, middle, lower, width,
            usual_width.step(width) if width == width else usual_width.value,
            self._rsi.step(close), self._adx.step(high, low, close), self._atr.step(high, low, close),
        )  # fmt: skip
        setup = self._setup
        if setup.pending is None and lower <= close <= upper:
            setup.previous = row
            return None
        returned = setup.update(make_row(row))
        return None if returned is None else self._signal(returned, bar)

    def warm(self, frame: Frame, bars: BarColumns) -> None:
        """Process the history as a batch."""
        columns = self._columns(bars)
        # A close inside the bands ends any setup, so only the bars from the last one on matter.
        inside = np.flatnonzero((columns.lower < bars.close) & (bars.close < columns.upper))
        first = inside[-1] if len(inside) else 0
        for row in map(BandRow, *(column[first:].tolist() for column in columns)):
            self._setup.update(row)
            self._row = row

    def scan(self, recording: Recording) -> Iterator[tuple[int, Callable[[Kline], Signal | None]]]:
        """Find the setups at once, and follow each bar by bar."""
        series = recording.frames[Frame.TRIGGER]
        for run in series.runs:
            bars = BarColumns(*(column[run] for column in series.columns.bars))
            columns = self._columns(bars)
            for at, setup in self._returns(columns, breakouts(columns, self._setup.rules)):
                yield run.start + at, partial(self._signal, setup)

    def _returns(self, columns: BandColumns, starts: Iterable[int]) -> Iterator[tuple[int, Setup]]:
        """Follow the setups that begin at bars; yield where each closes back inside the bands."""
        setup, after = self._setup, 0
        setup.reset()
        for start in starts:
            if start < after:
                # It was seen while another one was followed.
                continue
            setup.previous = columns.row(start - 1)
            for at in range(start, len(columns.close)):
                self._row = row = columns.row(at)
                if (returned := setup.update(row)) is not None:
                    yield at, returned
                after = at + 1
                if setup.pending is None:
                    break

    def _columns(self, bars: BarColumns) -> BandColumns:
        """Return all indicators over consecutive bars."""
        upper, middle, lower = self._bands.warm(bars.close)
        width = (upper - lower) / middle
        known = width[self._bands.first - 1 :]
        unknown = np.full(len(width) - len(known), np.nan)
        usual_width = np.concatenate((unknown, self._usual_width.warm(known)))
        strength = (self._rsi.warm(bars.close), self._adx.warm(bars), self._atr.warm(bars))
        return BandColumns(bars.high, bars.low, bars.close, upper, middle, lower, width, usual_width, *strength)

    def reset(self, frame: Frame) -> None:
        """Forget all bars and the pending setup."""
        self._bands.reset()
        self._usual_width.reset()
        self._rsi.reset()
        self._adx.reset()
        self._atr.reset()
        self._setup.reset()
        self._row = EMPTY_ROW

    def values(self) -> dict[str, float]:
        """Return the latest indicator values."""
        row, waiting = make_row(self._row), self._setup.pending
        return {
            "upper": row.upper,
            "middle": row.middle,
            "lower": row.lower,
            "width": row.width,
            "usual_width": row.usual_width,
            "rsi": row.rsi,
            "adx": row.adx,
            "atr": row.atr,
            "setup": 0.0 if waiting is None else float(waiting.side),
        }

    def _signal(self, setup: Setup, bar: Kline) -> Signal | None:
        side, row = setup.side, make_row(self._row)
        stop = setup.extreme - side * self._p.stop_atr * row.atr
        risk = side * (bar.close - stop)
        reward = side * (row.middle - bar.close)
        if not (row.atr > 0 and risk > 0 and reward > 0 and stop > 0):
            return None
        if reward / risk < self._p.reward_risk:
            return None
        return Signal(
            symbol=self._symbol,
            side=Side.BUY if side > 0 else Side.SELL,
            entry_price=bar.close,
            stop_loss=stop,
            take_profit=row.middle,
            confidence=confidence(setup, reward / risk, self._p),
            strategy=self.name,
            frame=self._frame_label,
            bar_close_time=bar.close_time,
            max_bars=self._p.max_bars,
            cooldown_bars=self._p.cooldown_bars,
            reason=(
                f"back inside the {'lower' if side > 0 else 'upper'} band after {setup.bars_waited} bars, "
                f"RSI {setup.rsi:.1f}, reward/risk {reward / risk:.2f}"
            ),
        )

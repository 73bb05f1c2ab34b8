"""Generated prices: a seeded, correlated random walk with changing volatility, trends and ranges.

A block's random numbers depend only on (seed, block number), and the state between blocks is small: so a restart
generates exactly the same prices from a recorded state. The market runs about sixty times as fast as a real one: a
second moves like a minute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from cq_tui.simulator.market.background_liquidity import GeneratedLiquidity
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Flags, Floats, TickBlock

BLOCK_SECONDS = 20
BLOCK_MS = BLOCK_SECONDS * 1_000
_TICKS = BLOCK_SECONDS * TICKS_PER_SECOND
_DT = 1 / TICKS_PER_SECOND
_SHOCK_TICKS = 6
_TIMES = np.arange(1, _TICKS + 1)[:, None] * _DT
_COARSE_SECONDS = 60
_COARSE_DAYS = 7
#: Trades of each symbol in the history before a new era.
COARSE_TRADES = _COARSE_DAYS * 86_400 * TICKS_PER_SECOND
_CLOCK_IDS_SINCE = 1_577_836_800_000


@dataclass(frozen=True, slots=True)
class WalkModel:
    """Parameters of the market. Volatilities and drifts are log returns per second, times are seconds."""

    sigma: float = 6.6e-4
    volatility_spread: float = 0.22
    volatility_memory: float = 240.0
    range_share: float = 0.4
    range_seconds: tuple[float, float] = (300.0, 1_500.0)
    trend_seconds: tuple[float, float] = (900.0, 3_600.0)
    impulse_seconds: tuple[float, float] = (60.0, 160.0)
    impulse_drift: tuple[float, float] = (1e-4, 2.2e-4)
    pullback_seconds: tuple[float, float] = (20.0, 60.0)
    pullback_share: float = 0.7
    trend_walk: float = 0.5
    range_walk: float = 0.5
    range_cycle: float = 0.45
    shock_seconds: float = 80.0
    shock_size: tuple[float, float] = (4e-3, 8e-3)
    shock_memory: float = 5.0
    tick_noise: float = 3.8e-4
    range_memory: float = 60.0
    cycle_periods: tuple[float, float] = (30.0, 90.0)
    cycle_memory: float = 60.0
    market_seconds: tuple[float, float] = (120.0, 1_200.0)
    market_drift: float = 5e-5
    home_memory: float = 10_800.0
    home_width: float = 0.06


@dataclass(slots=True)
class WalkState:
    """The state between blocks; arrays have one value per symbol. Log prices are relative to ``home``.

    ``trades`` is the number of each symbol's trades before the next block. Field names are part of the ledger's format.
    """

    block: int
    start_ms: int
    trades: int
    level: Floats
    cycle: Floats
    cycle_quadrature: Floats
    shock: Floats
    volatility: Floats
    regime: Floats  # 1 a trend up, -1 a trend down, 0 a range
    regime_left: Floats  # blocks
    leg_left: Floats  # blocks
    drift: Floats
    center: Floats
    frequency: Floats
    market: Floats  # volatility, drift, blocks left of the market factor

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and lists; floats are exact."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name in self.__slots__
            for value in (getattr(self, name),)
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "WalkState":
        """Read the JSON of ``to_json``. Raises KeyError, TypeError or ValueError if it is invalid."""
        arrays = {name: np.array(raw[name], dtype=np.float64) for name in cls.__slots__[3:]}
        return cls(block=int(raw["block"]), start_ms=int(raw["start_ms"]), trades=recorded_trades(raw), **arrays)

    @classmethod
    def at(cls, start_ms: int, level: Floats, trades: int = 0) -> "WalkState":
        """Return the state at a whole second with these log prices, after ``trades`` and the history's trades."""
        zeros = np.zeros_like(level)
        return cls(
            block=0, start_ms=start_ms, trades=trades + COARSE_TRADES, level=level,
            cycle=zeros, cycle_quadrature=zeros, shock=zeros, volatility=zeros,
            regime=zeros, regime_left=zeros, leg_left=zeros, drift=zeros, center=level, frequency=zeros + 0.1,
            market=np.zeros(3),
        )  # fmt: skip


def recorded_trades(raw: Mapping[str, Any]) -> int:
    """Return the trades of each symbol before a recorded state.

    States recorded before trades were counted continue with their ids, which came from the clock.
    """
    return int(raw.get("trades", (int(raw["start_ms"]) - _CLOCK_IDS_SINCE) // TICK_MS))


class RandomWalk:
    """A price source that never ends. ``state`` must match ``symbols``."""

    def __init__(
        self, symbols: Sequence[MarketSymbol], seed: int, state: WalkState, model: WalkModel | None = None
    ) -> None:
        self._symbols = tuple(symbols)
        self.seed = seed
        self._state = state
        self._model = model or WalkModel()
        self._home = np.log(np.array([entry.start_price for entry in symbols]))
        self._tick_size = np.array([float(entry.tick_size) for entry in symbols])
        self._step_size = np.array([float(entry.step_size) for entry in symbols])
        self._scale = np.array([entry.volatility for entry in symbols])
        self._beta = np.array([entry.beta for entry in symbols])
        self._half_spread = np.array([entry.spread_bp for entry in symbols]) / 2e4
        self._trade_notional = np.array([entry.best_level_notional for entry in symbols]) * 0.12

    @property
    def symbols(self) -> tuple[MarketSymbol, ...]:
        """The symbols, in the column order of every block."""
        return self._symbols

    @property
    def trades_before(self) -> int:
        """Trades of each symbol before the next block."""
        return self._state.trades

    def state(self) -> dict[str, Any]:
        """Return the state before the next block."""
        return self._state.to_json()

    def _random(self, stream: int, block: int) -> Generator:
        return Generator(Philox(key=self.seed, counter=[0, 0, stream, block]))

    def next_block(self) -> TickBlock:
        """Generate the next block of ticks and advance the state."""
        random = self._random(0, self._state.block)
        self._turn_regimes(random)
        sigma = self._next_sigma(random)
        log_price = self._home + self._walk(random, sigma) + self._cycles(random, sigma)
        log_price += self._shocks(random) + self._noise(random, sigma)
        start_ms = self._state.start_ms
        self._state.block += 1
        self._state.start_ms += BLOCK_MS
        self._state.trades += _TICKS
        return self._quote(random, log_price, sigma, start_ms // TICK_MS)

    def _turn_regimes(self, random: Generator) -> None:
        """Draw the next regime where one has ended: a range, an uptrend or a downtrend; then its legs."""
        state, model = self._state, self._model
        chance = random.random((6, len(self._symbols)))
        over = state.regime_left < 1
        # Far from home, trends more often point back: prices stay plausible for days.
        up = chance[0] < 1 / (1 + np.exp(np.clip(state.level / model.home_width, -30, 30)))
        regime = np.where(chance[1] < model.range_share, 0.0, np.where(up, 1.0, -1.0))
        seconds = np.where(
            regime == 0, _log_uniform(chance[2], model.range_seconds), _log_uniform(chance[2], model.trend_seconds)
        )
        period = _log_uniform(chance[3], model.cycle_periods)
        state.regime = np.where(over, regime, state.regime)
        state.regime_left = np.where(over, np.ceil(seconds / BLOCK_SECONDS), state.regime_left) - 1
        state.center = np.where(over, state.level, state.center)
        state.frequency = np.where(over, 2 * np.pi / period, state.frequency)
        self._turn_legs(over, chance[4], chance[5])
        self._turn_market(random)

    def _turn_legs(self, fresh: Flags, strength: Floats, length: Floats) -> None:
        """Alternate a trend's impulses with shorter, weaker pullbacks; a range has no drift."""
        state, model = self._state, self._model
        over = fresh | (state.leg_left < 1)
        impulse = fresh | (state.drift * state.regime <= 0)
        low, high = model.impulse_drift
        size = (low + (high - low) * strength) * self._scale * state.regime
        drift = np.where(impulse, size, -model.pullback_share * size)
        seconds = np.where(
            impulse, _log_uniform(length, model.impulse_seconds), _log_uniform(length, model.pullback_seconds)
        )
        state.drift = np.where(over, drift, state.drift)
        state.leg_left = np.where(over, np.ceil(seconds / BLOCK_SECONDS), state.leg_left) - 1

    def _turn_market(self, random: Generator) -> None:
        chance = random.random(2)
        volatility, drift, left = self._state.market
        if left < 1:
            drift = (2 * chance[0] - 1) * self._model.market_drift
            seconds = _log_uniform(chance[1:], self._model.market_seconds)[0]
            left = float(np.ceil(seconds / BLOCK_SECONDS))
        self._state.market = np.array([volatility, drift, left - 1])

    def _next_sigma(self, random: Generator) -> Floats:
        """Update the volatilities of market and symbols; return each symbol's, per second."""
        state, model = self._state, self._model
        keep = np.exp(-BLOCK_SECONDS / model.volatility_memory)
        fresh = np.sqrt(1 - keep * keep) * model.volatility_spread
        shock = random.standard_normal(len(self._symbols) + 1)
        state.volatility = keep * state.volatility + fresh * shock[1:]
        state.market[0] = keep * state.market[0] + fresh * shock[0]
        # This keeps the mean variance at sigma²: exp(2·N(-2s², 2s²)) has mean 1.
        wander = state.volatility + state.market[0] - 2 * model.volatility_spread**2
        return np.asarray(model.sigma * self._scale * np.exp(wander))

    def _correlated(self, random: Generator) -> Floats:
        """Draw a normal number for every tick and symbol: the market's share is beta, the rest is the symbol's own."""
        market, own = random.standard_normal((_TICKS, 1)), random.standard_normal((_TICKS, len(self._symbols)))
        return np.asarray(self._beta * market + np.sqrt(1 - self._beta**2) * own)

    def _walk(self, random: Generator, sigma: Floats) -> Floats:
        state, model = self._state, self._model
        shock = self._correlated(random)
        calm = np.where(state.regime != 0, model.trend_walk, model.range_walk)
        pull = -state.level / model.home_memory
        pull -= np.where(state.regime != 0, 0.0, (state.level - state.center) / model.range_memory)
        drift = state.drift + self._beta * state.market[1] * np.abs(state.regime) + pull
        path = state.level + np.cumsum(shock * (sigma * calm * np.sqrt(_DT)) + drift * _DT, axis=0)
        state.level = path[-1]
        return np.asarray(path)

    def _cycles(self, random: Generator, sigma: Floats) -> Floats:
        """A damped oscillator driven by noise: the swings of a range, which decay in a trend."""
        state, model = self._state, self._model
        powers = np.exp(_TIMES * (-1 / model.cycle_memory + 1j * state.frequency))
        noise = self._correlated(random)
        size = sigma * model.range_cycle * np.sqrt(_DT) * (state.regime == 0)
        path = powers * (state.cycle + 1j * state.cycle_quadrature + np.cumsum(noise * size / powers, axis=0))
        state.cycle, state.cycle_quadrature = path[-1].real.copy(), path[-1].imag.copy()
        return np.asarray(path.real)

    def _shocks(self, random: Generator) -> Floats:
        """Occasional shocks in a range: the price jumps and reverts."""
        state, model, width = self._state, self._model, len(self._symbols)
        chance = random.random((4, width))
        happens = (chance[0] < BLOCK_SECONDS / model.shock_seconds) & (state.regime == 0)
        low, high = model.shock_size
        size = np.where(chance[1] < 0.5, -1.0, 1.0) * (low + (high - low) * chance[2]) * self._scale * happens
        first = np.floor(chance[3] * (_TICKS - _SHOCK_TICKS))
        ticks = np.arange(_TICKS)[:, None]
        impulse = np.where((ticks >= first) & (ticks < first + _SHOCK_TICKS), size / _SHOCK_TICKS, 0.0)
        powers = np.exp(-_TIMES / model.shock_memory)
        path = powers * (state.shock + np.cumsum(impulse / powers, axis=0))
        state.shock = path[-1].copy()
        return np.asarray(path)

    def _noise(self, random: Generator, sigma: Floats) -> Floats:
        """Noise of single trades around the price, which widens a second's high and low."""
        size = self._model.tick_noise * sigma / self._model.sigma
        return self._correlated(random) * size

    def _quote(self, random: Generator, log_price: Floats, sigma: Floats, start: int) -> TickBlock:
        """Put a spread around each price, with one trade at its bid or ask."""
        mid, shape = np.exp(log_price), log_price.shape
        half = self._half_spread * np.maximum(sigma / self._model.sigma, 0.5)
        bid = np.floor(mid * (1 - half) / self._tick_size).astype(np.int64)
        bid = np.maximum(bid, 1)
        ask = np.maximum(np.ceil(mid * (1 + half) / self._tick_size).astype(np.int64), bid + 1)
        pressure = np.diff(log_price, axis=0, prepend=log_price[:1]) / (sigma * np.sqrt(_DT))
        bought = random.random(shape) < 0.5 + 0.3 * np.tanh(pressure)
        notional = self._trade_notional * np.exp(0.9 * random.standard_normal(shape)) * (0.5 + np.abs(pressure))
        quantity = np.maximum(np.round(notional / mid / self._step_size), 1.0) * self._step_size
        return TickBlock(start, bid, ask, np.where(bought, ask, bid), quantity, bought)

    def liquidity(self, column: int) -> GeneratedLiquidity:
        """Return liquidity generated from the price."""
        return GeneratedLiquidity(self.symbols[column])

    def history(self) -> Bars:
        """Return coarse bars of the days before the current state, ending at its price."""
        model, width = self._model, len(self._symbols)
        count = _COARSE_DAYS * 86_400 // _COARSE_SECONDS
        random = self._random(1, self._state.block)
        shock = self._beta * random.standard_normal((count, 1))
        shock += np.sqrt(1 - self._beta**2) * random.standard_normal((count, width))
        # 1.4: trends add to the moves of the walk alone.
        shock *= 1.4 * model.sigma * self._scale * np.sqrt(_COARSE_SECONDS)
        keep = np.exp(-_COARSE_SECONDS / model.home_memory)
        past = self._home + _decaying_sum(self._state.level + self._state.cycle, shock, keep)[::-1]
        return self._coarse_bars(random, np.exp(past))

    def _coarse_bars(self, random: Generator, close: Floats) -> Bars:
        count, width = close.shape
        price = np.round(close / self._tick_size) * self._tick_size
        bars = np.empty((count, width), dtype=BAR)
        first = self._state.start_ms - count * _COARSE_SECONDS * 1_000
        bars["open_time"] = (first + np.arange(count) * _COARSE_SECONDS * 1_000)[:, None]
        bars["close"] = price
        bars["open"] = np.concatenate([price[:1], price[:-1]])
        reach = np.abs(random.standard_normal((2, count, width))) * self._model.sigma * self._scale * 2
        top, bottom = np.maximum(bars["open"], price), np.minimum(bars["open"], price)
        bars["high"] = np.round(top * (1 + reach[0]) / self._tick_size) * self._tick_size
        bars["low"] = np.round(bottom * (1 - reach[1]) / self._tick_size) * self._tick_size
        trades = _COARSE_SECONDS * TICKS_PER_SECOND
        bars["quote"] = self._trade_notional * trades * 1.9 * (0.5 + random.random((count, width)))
        bars["volume"] = np.round(bars["quote"] / price / self._step_size) * self._step_size
        bars["taker"], bars["taker_quote"] = bars["volume"] / 2, bars["quote"] / 2
        bars["trades"] = trades
        return bars


def _log_uniform(chance: Floats, bounds: tuple[float, float]) -> Floats:
    low, high = np.log(bounds[0]), np.log(bounds[1])
    return np.asarray(np.exp(low + (high - low) * chance))


def _decaying_sum(start: Floats, shock: Floats, keep: float) -> Floats:
    """Return y with y[0] = start and y[n] = keep·y[n-1] + shock[n]: a first-order recursion, chunk by chunk."""
    result = np.empty_like(shock)
    value = start
    for first in range(0, len(shock), 1_000):
        part = shock[first : first + 1_000]
        powers = keep ** np.arange(1, len(part) + 1)[:, None]
        path = powers * (value + np.cumsum(part / powers, axis=0))
        result[first : first + len(part)], value = path, path[-1]
    result[0] = start
    return result

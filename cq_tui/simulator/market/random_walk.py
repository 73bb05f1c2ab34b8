"""Generated prices: seeded, correlated martingales whose volatility changes on two time scales.

The next move has no direction that anyone could follow; only its size can be guessed, as in real markets. A pull
toward home keeps prices plausible for weeks, and is far too weak to trade on. The market runs sixty times as fast as a
real one: a second moves like a minute (`statistics.py` says how both are compared).

A block's random numbers depend only on (seed, block number), and the state between blocks is small: so a restart
generates exactly the same prices from a recorded state.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator, Philox

from cq_tui.simulator.market.background_liquidity import GeneratedLiquidity
from cq_tui.simulator.market.holes import Holes
from cq_tui.simulator.market.past import DAY_MS, MINUTE_MS, Past
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import BAR, TICK_MS, TICKS_PER_SECOND, Bars, Floats, TickBlock

BLOCK_SECONDS = 20
BLOCK_MS = BLOCK_SECONDS * 1_000
_TICKS = BLOCK_SECONDS * TICKS_PER_SECOND
_DT = 1 / TICKS_PER_SECOND
_SECONDS = np.arange(1, BLOCK_SECONDS + 1)[:, None]
#: Days of minutes before the first tick that are there from the start; older ones are made on demand.
COARSE_DAYS = 7
#: Trades of each symbol in the history before a new era.
COARSE_TRADES = COARSE_DAYS * 86_400 * TICKS_PER_SECOND
#: Seconds of a real market that pass in one of the simulated market, unless another speed is chosen.
FULL_SPEED = 60
_CLOCK_IDS_SINCE = 1_577_836_800_000


@dataclass(frozen=True, slots=True)
class WalkModel:
    """Parameters of the market. Times are seconds; ``sigma`` is the standard deviation of log returns per second.

    The logarithm of volatility is the sum of two processes, each with a spread and a memory: ``slow`` makes calm and
    busy hours of the market, ``fast`` bursts of a few bars. ``shared`` is the part of their variance that all symbols
    have in common, and ``most_volatile`` limits the sum.
    """

    sigma: float = 1e-3
    slow_spread: float = 0.65
    slow_memory: float = 600.0
    fast_spread: float = 0.55
    fast_memory: float = 4.0
    shared: float = 0.4
    most_volatile: float = 2.2
    home_memory: float = 86_400.0

    def at_speed(self, speed: float) -> "WalkModel":
        """Return the market at another speed than sixty times that of a real one."""
        share = speed / FULL_SPEED
        return replace(
            self,
            sigma=self.sigma * math.sqrt(share),
            slow_memory=self.slow_memory / share,
            fast_memory=self.fast_memory / share,
            home_memory=self.home_memory / share,
        )


@dataclass(slots=True)
class WalkState:
    """The state between blocks; arrays have one value per symbol. Log prices are relative to ``home``.

    ``slow`` and ``fast`` are the volatility's two processes, in standard deviations: the market's part first, then the
    symbols' own. ``trades`` is the number of each symbol's trades before the next block. Field names are part of the
    ledger's format.
    """

    block: int
    start_ms: int
    trades: int
    level: Floats
    slow: Floats
    fast: Floats

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
        calm = np.zeros(len(level) + 1)
        return cls(0, start_ms, trades + COARSE_TRADES, level, calm, calm)


def recorded_trades(raw: Mapping[str, Any]) -> int:
    """Return the trades of each symbol before a recorded state.

    States recorded before trades were counted continue with their ids, which came from the clock.
    """
    return int(raw.get("trades", (int(raw["start_ms"]) - _CLOCK_IDS_SINCE) // TICK_MS))


class RandomWalk:
    """A price source that never ends. ``state`` must match ``symbols``; without ``era``, one begins with it."""

    def __init__(
        self,
        symbols: Sequence[MarketSymbol],
        seed: int,
        state: WalkState,
        speed: float = FULL_SPEED,
        era: tuple[int, Floats] | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self.seed = seed
        self._state = state
        self.speed = speed
        self._model = WalkModel().at_speed(speed)
        self._home = np.log(np.array([entry.start_price for entry in symbols]))
        self._tick_size = np.array([float(entry.tick_size) for entry in symbols])
        self._step_size = np.array([float(entry.step_size) for entry in symbols])
        self._scale = np.array([entry.volatility for entry in symbols])
        self._beta = np.array([entry.beta for entry in symbols])
        self._half_spread = np.array([entry.spread_bp for entry in symbols]) / 2e4
        self._trade_notional = np.array([entry.best_level_notional for entry in symbols]) * 0.12

        self._era = era or (state.start_ms, state.level)
        self._past = Past(symbols, seed, self._model.sigma, self._model.home_memory, self._era)
        self._past.add_knot(state.start_ms, state.level)

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
        start_ms, random = self._state.start_ms, self._random(0, self._state.block)
        log_price, sigma = self._step(random)
        if start_ms // DAY_MS != self._state.start_ms // DAY_MS:
            self._past.add_knot(self._state.start_ms, self._state.level)
        return self._quote(random, log_price, sigma, start_ms // TICK_MS)

    def _step(self, random: Generator) -> tuple[Floats, Floats]:
        """Advance the state by a block; return its log prices and volatilities."""
        sigma = self._next_sigma(random)
        log_price = self._home + self._walk(random, sigma)
        self._state.block += 1
        self._state.start_ms += BLOCK_MS
        self._state.trades += _TICKS
        return log_price, sigma

    def _next_sigma(self, random: Generator) -> Floats:
        """Advance the volatilities; return each tick's by symbol, as the standard deviation of a second."""
        state, model, width = self._state, self._model, len(self._symbols) + 1
        keep = np.exp(-BLOCK_SECONDS / model.slow_memory)
        state.slow = keep * state.slow + np.sqrt(1 - keep * keep) * random.standard_normal(width)
        keep = np.exp(-1 / model.fast_memory)
        powers = keep**_SECONDS
        fresh = np.sqrt(1 - keep * keep) * random.standard_normal((BLOCK_SECONDS, width))
        fast = powers * (state.fast + np.cumsum(fresh / powers, axis=0))
        state.fast = fast[-1].copy()
        sum_of_both = model.slow_spread * state.slow + model.fast_spread * fast
        wander = np.sqrt(model.shared) * sum_of_both[:, :1] + np.sqrt(1 - model.shared) * sum_of_both[:, 1:]
        # This keeps the mean variance at sigma²: exp(2·N(-s², s²)) has mean 1.
        wander -= model.slow_spread**2 + model.fast_spread**2
        sigma = model.sigma * self._scale * np.exp(np.minimum(wander, model.most_volatile))
        return np.repeat(sigma, TICKS_PER_SECOND, axis=0)

    def _walk(self, random: Generator, sigma: Floats) -> Floats:
        """Advance the log prices; the market's share of each symbol's moves is beta, the rest is the symbol's own."""
        state = self._state
        market, own = random.standard_normal((_TICKS, 1)), random.standard_normal((_TICKS, len(self._symbols)))
        shock = self._beta * market + np.sqrt(1 - self._beta**2) * own
        drift = state.level * (-_DT / self._model.home_memory)
        # Half the variance: it is the price that has no direction, not its logarithm.
        drift = drift - sigma * sigma * (_DT / 2)
        path = state.level + np.cumsum(shock * (sigma * np.sqrt(_DT)) + drift, axis=0)
        state.level = path[-1].copy()
        return np.asarray(path)

    def leads_to(self, levels: Floats, blocks: int) -> Floats:
        """Return the log prices from which a new walk of this seed reaches ``levels`` after so many blocks.

        A walk moves by the same steps wherever it begins, but for the pull, which is a constant share of the level.
        """
        steps = RandomWalk(self._symbols, self.seed, WalkState.at(0, np.zeros_like(levels)), self.speed)
        for block in range(blocks):
            steps._step(self._random(0, block))
        keep = 1 - BLOCK_SECONDS / self._model.home_memory
        return np.asarray((levels - steps._state.level) / keep**blocks)

    def _quote(self, random: Generator, log_price: Floats, sigma: Floats, start: int) -> TickBlock:
        """Put a spread around each price, with one trade at its bid or ask."""
        mid, shape = np.exp(log_price), log_price.shape
        # Spreads widen when prices move fast, but less than prices do.
        half = self._half_spread * np.clip(np.sqrt(sigma / self._model.sigma), 0.7, 2.0)
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

    def holes(self, column: int) -> Holes:
        """Return none: every second has its klines."""
        return Holes.none()

    def statuses(self, now: int) -> dict[str, str]:
        """Return none: there is no other exchange."""
        return {}

    @property
    def era(self) -> tuple[int, Floats]:
        """Where the era began: Unix ms and log prices."""
        return self._era

    def history(self, minutes: int) -> Bars:
        """Return the minutes before the current state, ending at its price."""
        last = self._state.start_ms
        first = last - min(minutes * MINUTE_MS, COARSE_DAYS * DAY_MS)
        bars = np.empty(
            (len(range(-(-first // MINUTE_MS) * MINUTE_MS, last, MINUTE_MS)), len(self._symbols)), dtype=BAR
        )
        for column in range(len(self._symbols)):
            bars[:, column] = self._past.minutes(column, first, last)
        return bars

    def oldest(self) -> int:
        """Return the open time of the oldest minute: a year before the era."""
        return self._past.first_ms

    def past(self, column: int, first: int, last: int, *, hourly: bool = False) -> Bars:
        """Return a symbol's minutes from ``first`` to before ``last`` (Unix ms), of a year before the era and since."""
        return (self._past.hours if hourly else self._past.minutes)(column, first, last)

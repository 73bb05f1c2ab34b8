"""The generated past: a year of minutes before a walk's first tick, made when somebody asks for them.

A week's random numbers depend only on (seed, week, symbol); weeks are counted from the day on which the era began. The
path runs through known points, the *knots*: the prices at which the era began, and those that the walk passed since.
So a restart shows the same past.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator, Philox

from cq_tui.simulator.market.bars import aggregate
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import BAR, TICKS_PER_SECOND, Bars, Floats

DAY_MS = 86_400_000
MINUTE_MS = 60_000
PAST_DAYS = 366
_DAY_MINUTES = DAY_MS // MINUTE_MS
#: Days that are made at once.
_DAYS = 7
_WEEK_MS = _DAYS * DAY_MS
#: Weeks of hours kept in memory, of all symbols: about 13 kB each.
_WEEKS_KEPT = 2_000
_TRADES = 60 * TICKS_PER_SECOND
#: Streams of random numbers, beside those of the blocks.
_DAILY, _MARKET, _OWN = 2, 3, 4


class Past:
    """Minutes before the ticks. ``sigma`` is the deviation of a second's log return, ``memory`` the pull's in seconds.

    The first knot is (Unix ms, log prices relative to the start prices) where the era began.
    """

    def __init__(
        self, symbols: Sequence[MarketSymbol], seed: int, sigma: float, memory: float, era: tuple[int, Floats]
    ) -> None:
        self._symbols = tuple(symbols)
        self._seed = seed
        self._sigma = sigma * np.array([entry.volatility for entry in symbols])
        self._beta = np.array([entry.beta for entry in symbols])
        self._keep = float(np.exp(-DAY_MS / 1_000 / memory))
        #: Deviation of prices from their start prices, and the part of it that is new after a day.
        self._spread = self._sigma * np.sqrt(memory / 2)
        self._knots: list[tuple[int, Floats]] = [era]
        #: Log prices at each midnight before the era, the latest first; made at the first use.
        self._midnights: list[Floats] | None = None
        #: Hours by symbol and week, the latest used last.
        self._weeks: dict[tuple[int, int], Bars] = {}

    @property
    def first_ms(self) -> int:
        """Open time of the oldest minute."""
        return self._first_midnight - (PAST_DAYS - 1) * DAY_MS

    @property
    def _first_midnight(self) -> int:
        return self._knots[0][0] // DAY_MS * DAY_MS

    def add_knot(self, time_ms: int, level: Floats) -> None:
        """Note the log prices at a time after the last knot, through which the past has to run."""
        if time_ms > self._knots[-1][0]:
            self._knots.append((time_ms, level.copy()))

    def minutes(self, column: int, first: int, last: int) -> Bars:
        """Return a symbol's minutes that open from ``first`` to before ``last`` (Unix ms), none after the last knot."""
        first = max(-(-first // MINUTE_MS) * MINUTE_MS, self.first_ms)
        last = min(last, self._knots[-1][0])
        if first >= last:
            return np.empty(0, dtype=BAR)
        weeks = range(self._week_of(first), last, _WEEK_MS)
        bars = np.concatenate([self._week(column, midnight) for midnight in weeks])
        skipped = (first - weeks[0]) // MINUTE_MS
        return bars[skipped : skipped - (first - last) // MINUTE_MS]

    def hours(self, column: int, first: int, last: int) -> Bars:
        """Return the same as ``minutes``, but whole weeks as hours, which are kept: they are soon asked for again."""
        first = max(first, self.first_ms)
        begin = self._week_of(first + _WEEK_MS - 1)
        end = self._week_of(min(last, self._knots[-1][0]))
        if begin >= end:
            return self.minutes(column, first, last)
        whole = [self._week_in_hours(column, week) for week in range(begin, end, _WEEK_MS)]
        return np.concatenate([self.minutes(column, first, begin), *whole, self.minutes(column, end, last)])

    def _week_in_hours(self, column: int, begin: int) -> Bars:
        known = self._weeks.pop((column, begin), None)
        if known is None:
            known = aggregate(self._week(column, begin), "1h")
            while len(self._weeks) >= _WEEKS_KEPT:
                del self._weeks[next(iter(self._weeks))]
        self._weeks[column, begin] = known
        return known

    def _week_of(self, time_ms: int) -> int:
        """Return when the week that contains a time begins."""
        return time_ms - (time_ms - self._first_midnight) % _WEEK_MS

    def _random(self, stream: int, column: int, number: int) -> Generator:
        return Generator(Philox(key=self._seed, counter=[0, column, stream, number]))

    def _level(self, column: int, time_ms: int) -> float:
        """Return the log price at a knot, or at a midnight."""
        times = [time for time, _ in self._knots]
        if time_ms >= times[0]:
            return float(np.interp(time_ms, times, [level[column] for _, level in self._knots]))
        return float(self._midnight_levels()[(self._first_midnight - time_ms) // DAY_MS][column])

    def _midnight_levels(self) -> list[Floats]:
        """Walk back from the era's first price, a day at a time, drawn to the start prices like the walk itself."""
        if self._midnights is None:
            level, self._midnights = self._knots[0][1], []
            fresh = self._spread * np.sqrt(1 - self._keep**2)
            for back in range(PAST_DAYS + _DAYS):
                random = self._random(_DAILY, 0, back)
                shock = self._beta * random.standard_normal()
                shock = shock + np.sqrt(1 - self._beta**2) * random.standard_normal(len(self._symbols))
                level = self._keep * level + fresh * shock
                self._midnights.append(level)
        return self._midnights

    def _week(self, column: int, begin: int) -> Bars:
        """Return the minutes of a week: steps of its own, bent so that they run through the prices known."""
        week = PAST_DAYS + (begin - self._first_midnight) // _WEEK_MS
        beta = float(self._beta[column])
        shape = (_DAYS, _DAY_MINUTES)
        random = self._random(_OWN, column, week)
        steps = beta * self._random(_MARKET, 0, week).standard_normal(shape)
        steps += np.sqrt(1 - beta**2) * random.standard_normal(shape)
        steps *= float(self._sigma[column]) * np.sqrt(60)
        midnights = [begin + day * DAY_MS for day in range(_DAYS + 1)]
        levels = np.array([self._level(column, midnight) for midnight in midnights])
        path = _bent(steps, levels[:-1, None], levels[1:, None])
        for time, _ in self._knots:
            if begin < time < midnights[-1]:
                self._bend_day(column, path, steps, begin, (time - begin) // DAY_MS)
        opening = np.concatenate((levels[:-1, None], path[:, :-1]), axis=1)
        prices = self._symbols[column].start_price * np.exp(np.stack((opening.ravel(), path.ravel())))
        return self._bars(column, begin, prices, random)

    def _bend_day(self, column: int, path: Floats, steps: Floats, begin: int, day: int) -> None:
        """Run a day's path through the knots within it."""
        midnight = begin + day * DAY_MS
        inside = [time for time, _ in self._knots if midnight < time < midnight + DAY_MS]
        for start, end in pairwise([midnight, *inside, midnight + DAY_MS]):
            part = slice(*(-(-(time - midnight) // MINUTE_MS) for time in (start, end)))
            path[day, part] = _bent(steps[day, part], self._level(column, start), self._level(column, end))

    def _bars(self, column: int, begin: int, prices: Floats, random: Generator) -> Bars:
        """Return bars from their opens and closes."""
        entry, count = self._symbols[column], prices.shape[1]
        tick, step = float(entry.tick_size), float(entry.step_size)
        opened, closed = np.maximum(np.round(prices / tick), 1) * tick
        bars = np.empty(count, dtype=BAR)
        bars["open_time"] = begin + np.arange(count) * MINUTE_MS
        bars["open"], bars["close"] = opened, closed
        reach = np.abs(random.standard_normal((2, count))) * (float(self._sigma[column]) * 2)
        bars["high"] = np.round(np.maximum(opened, closed) * (1 + reach[0]) / tick) * tick
        lowest = np.minimum(opened, closed) * np.maximum(1 - reach[1], 0.5)
        bars["low"] = np.maximum(np.round(lowest / tick), 1) * tick
        notional = entry.best_level_notional * 0.12 * _TRADES * 1.9 * (0.5 + random.random(count))
        bars["volume"] = np.maximum(np.round(notional / closed / step), 1) * step
        bars["quote"] = bars["volume"] * (opened + closed) / 2
        bars["taker"], bars["taker_quote"] = bars["volume"] / 2, bars["quote"] / 2
        bars["trades"] = _TRADES
        return bars


def _bent(steps: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """Return the sums of steps along the last axis, bent so that they lead from ``low`` to ``high``."""
    count = steps.shape[-1]
    walked = np.cumsum(steps, axis=-1)
    share = np.arange(1, count + 1) / max(count, 1)
    return np.asarray(low + (high - low) * share + walked - walked[..., -1:] * share)

"""Figures of a report: functions of results and of an equity curve. What cannot be computed is None, never NaN.

Money is exact in the books; figures are floats made of it. Nothing is called annual under 30 days. A year has 365
days, as markets for coins never close, and days are of UTC.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_MS: Final = 86_400_000
YEAR_DAYS: Final = 365.0
#: Orders in which the results are shuffled, by how many results at least, and where chance begins: always the same.
SHUFFLES: Final = 1_000
LEAST_SHUFFLED: Final = 10
_CHANCE: Final = 1
#: Under so many days nothing is extrapolated to a year.
LEAST_DAYS: Final = 30

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


class Curve(NamedTuple):
    """What something was worth, by Unix milliseconds in ascending order."""

    ms: Times
    value: Floats


class Drawdown(NamedTuple):
    """The deepest fall from a peak. Times in Unix milliseconds."""

    amount: float
    #: Of the peak; None if the peak was not above zero.
    share: float | None
    peak_ms: int
    bottom_ms: int
    #: When the peak was reached again; None if it was not.
    end_ms: int | None


class ShuffledFalls(NamedTuple):
    """The largest falls that the same results would have made in other orders: their 5th, 50th, 95th percentile."""

    orders: int
    low: float
    median: float
    high: float


class Sharpe(NamedTuple):
    """A Sharpe ratio with a risk-free rate of 0, and its standard error."""

    ratio: float
    error: float


def curve(ms: Sequence[int] | Times, value: Sequence[float] | Floats) -> Curve:
    """Return a curve. Raises ValueError unless both are of one length and finite, and times never go back."""
    times, values = np.asarray(ms, dtype=np.int64), np.asarray(value, dtype=np.float64)
    if times.shape != values.shape or times.ndim != 1:
        raise ValueError(f"{times.size} times, but {values.size} values of a curve")
    if not np.isfinite(values).all():
        raise ValueError("a value of a curve is no finite number")
    if (np.diff(times) < 0).any():
        raise ValueError("the times of a curve go back")
    return Curve(times, values)


def return_share(start: float, end: float) -> float | None:
    """Return what was earned as a share of the start; None if that was not above zero."""
    return end / start - 1 if start > 0 else None


def annual_return(start: float, end: float, days: float) -> float | None:
    """Return the compound annual growth rate; None under 30 days, or if either end is not above zero."""
    if days < LEAST_DAYS or start <= 0 or end <= 0:
        return None
    return float((end / start) ** (YEAR_DAYS / days) - 1)


def max_drawdown(of: Curve) -> Drawdown | None:
    """Return the fall of the largest amount below a peak before it; None if there was none."""
    if not of.value.size:
        return None
    peaks = np.maximum.accumulate(of.value)
    falls = peaks - of.value
    bottom = int(falls.argmax())
    amount = float(falls[bottom])
    if amount <= 0:
        return None
    peak_value = float(peaks[bottom])
    # The last time that the peak was touched before the fall.
    peak = int(np.flatnonzero(of.value[: bottom + 1] == peak_value)[-1])
    later = np.flatnonzero(of.value[bottom:] >= peak_value)
    end = int(of.ms[bottom + int(later[0])]) if later.size else None
    share = amount / peak_value if peak_value > 0 else None
    return Drawdown(amount, share, int(of.ms[peak]), int(of.ms[bottom]), end)


def max_drawdown_share(of: Curve) -> float | None:
    """Return the largest fall as a share of its peak, which may be another than that of the largest amount."""
    if not of.value.size:
        return None
    peaks = np.maximum.accumulate(of.value)
    positive = peaks > 0
    if not positive.any():
        return None
    return float(((peaks[positive] - of.value[positive]) / peaks[positive]).max())


def daily_returns(of: Curve) -> Floats:
    """Return the return of each day (UTC) after the first value; a day without a value earns nothing.

    From the first day whose start is not above zero on there is no return any more.
    """
    if of.value.size < 2:
        return np.empty(0)
    days = of.ms // DAY_MS
    first, last = int(days[0]), int(days[-1])
    # The last value of each day, carried over days without one.
    places = np.searchsorted(days, np.arange(first, last + 1), side="right") - 1
    ends = of.value[places]
    if places[0]:  # the first day has an end of its own
        ends = np.concatenate((of.value[:1], ends))
    starts = ends[:-1]
    broken = np.flatnonzero(starts <= 0)
    upto = int(broken[0]) if broken.size else starts.size
    return np.asarray(ends[1 : upto + 1] / starts[:upto] - 1, dtype=np.float64)


def daily_sharpe(returns: Floats) -> Sharpe | None:
    """Return mean ÷ standard deviation of daily returns, with the standard error for independent returns.

    The error is √((1 + SR²/2) ÷ T) of Lo (2002), "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4).
    None under two returns, or if they do not vary.
    """
    if returns.size < 2 or not (deviation := _deviation(returns)):
        return None
    ratio = float(returns.mean()) / deviation
    return Sharpe(ratio, math.sqrt((1 + ratio * ratio / 2) / returns.size))


def annual_sharpe(returns: Floats) -> Sharpe | None:
    """Return the daily one × √365, its error likewise (independent returns); None under 30 days."""
    daily = daily_sharpe(returns)
    if daily is None or returns.size < LEAST_DAYS:
        return None
    root = math.sqrt(YEAR_DAYS)
    return Sharpe(daily.ratio * root, daily.error * root)


def annual_sortino(returns: Floats) -> float | None:
    """Return mean ÷ downside deviation (root mean square of the losses, over all days) × √365; None under 30 days."""
    if returns.size < LEAST_DAYS:
        return None
    downside = math.sqrt(float(np.square(np.minimum(returns, 0)).mean()))
    return float(returns.mean()) / downside * math.sqrt(YEAR_DAYS) if downside else None


def calmar(annual: float | None, drawdown_share: float | None) -> float | None:
    """Return annual return ÷ largest drawdown."""
    return annual / drawdown_share if annual is not None and drawdown_share else None


def profit_factor(results: Sequence[float]) -> float | None:
    """Return gains ÷ losses; None without a loss."""
    lost = -math.fsum(one for one in results if one < 0)
    return math.fsum(one for one in results if one > 0) / lost if lost else None


def expectancy(results: Sequence[float]) -> float | None:
    """Return the average result."""
    return math.fsum(results) / len(results) if results else None


def system_quality(results: Sequence[float]) -> float | None:
    """Return √n × mean ÷ standard deviation of the results (Van Tharp's SQN, of amounts); None if it is not defined."""
    values = np.asarray(results, dtype=np.float64)
    if values.size < 2 or not (deviation := _deviation(values)):
        return None
    return math.sqrt(values.size) * float(values.mean()) / deviation


def win_rate(results: Sequence[float]) -> float | None:
    """Return the share of results above zero."""
    return sum(one > 0 for one in results) / len(results) if results else None


def longest_runs(results: Sequence[float]) -> tuple[int, int]:
    """Return the longest runs of results above zero, and of others."""
    longest = {True: 0, False: 0}
    run, before = 0, None
    for is_win in (one > 0 for one in results):
        run = run + 1 if is_win is before else 1
        before = is_win
        longest[is_win] = max(longest[is_win], run)
    return longest[True], longest[False]


def exposure(spans: Sequence[tuple[int, int]], from_ms: int, to_ms: int) -> float | None:
    """Return the share of a period in which anything was held; ``spans`` may overlap."""
    if to_ms <= from_ms:
        return None
    held, upto = 0, from_ms
    for start, end in sorted(spans):
        held += max(min(end, to_ms) - max(start, upto), 0)
        upto = max(upto, min(end, to_ms))
    return held / (to_ms - from_ms)


def thinned(of: Curve, most: int) -> Curve:
    """Return at most ``most`` points that keep the look: of equal parts the lowest and the highest, and both ends."""
    count = of.value.size
    if count <= most:
        return of
    parts = np.array_split(np.arange(1, count - 1), max((most - 2) // 2, 1))
    kept = {0, count - 1}
    for part in parts:
        values = of.value[part]
        kept |= {int(part[values.argmin()]), int(part[values.argmax()])}
    places = np.array(sorted(kept))
    return Curve(of.ms[places], of.value[places])


def _deviation(values: Floats) -> float:
    """Return the sample standard deviation; 0 for values that differ by no more than rounding."""
    deviation = float(values.std(ddof=1))
    scale = float(np.abs(values).max())
    return deviation if deviation > 1e-12 * max(scale, 1e-300) else 0.0


def shuffled_falls(results: Sequence[float]) -> ShuffledFalls | None:
    """Return the largest falls of the sum of these results in random orders; None for fewer than ten.

    The order of trades is partly luck: a fall that was small may only have been lucky. The same results, in whatever
    order they are given, make the same figures.
    """
    if len(results) < LEAST_SHUFFLED:
        return None
    draw, ordered = np.random.default_rng(_CHANCE), np.sort(np.asarray(results, dtype=np.float64))
    falls = np.empty(SHUFFLES)
    for number in range(SHUFFLES):
        sums = np.concatenate([[0.0], np.cumsum(draw.permutation(ordered))])
        falls[number] = (np.maximum.accumulate(sums) - sums).max()
    low, median, high = np.percentile(falls, (5, 50, 95)).tolist()
    return ShuffledFalls(SHUFFLES, low, median, high)

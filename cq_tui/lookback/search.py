"""Searching parameters: which sets, over which periods, and what the best of many is worth. No I/O.

What is best in the past is best by luck to some part. So each set runs over periods that chose it (in-sample) and over
later ones that did not (out-of-sample), and the best is judged by how many were tried.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cq_tui.books.ledger import Ledger
from cq_tui.books.metrics import curve, daily_returns, daily_sharpe, max_drawdown_share, return_share
from cq_tui.books.round_trips import round_trips
from cq_tui.lookback.result import BacktestResult

#: Values of ``NAME.PARAMETER``.
ParameterSet = Mapping[str, Any]
#: What sets can be ranked by.
RANKS: Final = ("return", "sharpe", "profit")
MOST_SETS: Final = 100_000
_EULER = 0.5772156649015329


class SearchError(ValueError):
    """It cannot be searched; the message names what is wrong, and the remedy."""


class Range(NamedTuple):
    """The values of one parameter."""

    #: ``NAME.PARAMETER``.
    key: str
    values: Sequence[Any]


class Window(NamedTuple):
    """A period that chooses, and the one after it that judges. Unix ms, ends not included."""

    begin: int
    split: int
    end: int


class Outcome(NamedTuple):
    """One set over one period, in quote units and shares."""

    profit: float
    return_share: float
    #: Positions that were closed.
    trades: int
    max_drawdown_share: float
    #: Of daily returns: mean ÷ deviation, their number, skewness, kurtosis. None and 0 if they do not vary.
    sharpe: float | None
    days: int
    skewness: float
    kurtosis: float


class Tried(NamedTuple):
    """One set over all windows: what it brought in them together."""

    number: int
    chosen: ParameterSet
    inside: Sequence[Outcome]
    outside: Sequence[Outcome]


def grid(ranges: Sequence[Range]) -> list[ParameterSet]:
    """Return all combinations, the last range fastest. Raises SearchError for too many."""
    count = math.prod(len(each.values) for each in ranges)
    if count > MOST_SETS:
        raise SearchError(f"{count:,} sets are too many; take wider steps, or --random {min(count, 1_000)}")
    keys = [each.key for each in ranges]
    return [dict(zip(keys, values, strict=True)) for values in product(*(each.values for each in ranges))]


def drawn(ranges: Sequence[Range], count: int, seed: int) -> list[ParameterSet]:
    """Return that many different combinations by chance, or all if there are no more; a seed gives the same ones."""
    whole = math.prod(len(each.values) for each in ranges)
    if whole <= count:
        return grid(ranges)
    if count > MOST_SETS:
        raise SearchError(f"{count:,} sets are too many; at most {MOST_SETS:,}")
    # PCG64's stream for a seed is fixed (NEP 19).
    random = np.random.Generator(np.random.PCG64(seed))
    places: dict[tuple[int, ...], None] = {}
    while len(places) < count:
        places[tuple(int(random.integers(len(each.values))) for each in ranges)] = None
    return [{each.key: each.values[place] for each, place in zip(ranges, chosen, strict=True)} for chosen in places]


def split_once(begin: int, end: int, share: float) -> list[Window]:
    """Return one window: the first ``share`` of the time chooses."""
    return [Window(begin, begin + round((end - begin) * share), end)]


def walk_forward(begin: int, end: int, choose_ms: int, judge_ms: int) -> list[Window]:
    """Return windows, one after another by the length of what judges. Raises SearchError if there is none."""
    starts = range(begin, end - choose_ms - judge_ms + 1, judge_ms)
    if not starts:
        raise SearchError("the recording is shorter than one window of --split; take shorter ones")
    return [Window(start, start + choose_ms, start + choose_ms + judge_ms) for start in starts]


def outcome_of(result: BacktestResult) -> Outcome:
    """Return what a run brought."""
    equity = curve(result.equity_ms, result.equity)
    start, final = float(result.equity[0]), float(result.equity[-1])
    returns = daily_returns(equity)
    ratio = daily_sharpe(returns)
    skewness, kurtosis = _moments(returns)
    ledger = Ledger()
    for fact, ms in zip(result.facts, result.facts_ms, strict=True):
        ledger.take(fact, ms)
    closed = sum(not trip.is_open for trip in round_trips(ledger))
    return Outcome(
        final - start,
        return_share(start, final) or 0.0,
        closed,
        max_drawdown_share(equity) or 0.0,
        None if ratio is None else ratio.ratio,
        len(returns),
        skewness,
        kurtosis,
    )


def _moments(returns: NDArray[np.float64]) -> tuple[float, float]:
    deviation = float(returns.std()) if returns.size else 0.0
    if not deviation > 0:
        return 0.0, 3.0
    scores = (returns - returns.mean()) / deviation
    return float((scores**3).mean()), float((scores**4).mean())


def score(outcomes: Sequence[Outcome], rank: str) -> float:
    """Return what a set is ranked by, over its periods; one that cannot be ranked is last."""
    if rank == "sharpe":
        known = [one.sharpe for one in outcomes if one.sharpe is not None]
        return sum(known) / len(outcomes) if known else -math.inf
    return sum(one.return_share if rank == "return" else one.profit for one in outcomes)


def ranked(tried: Sequence[Tried], rank: str) -> list[Tried]:
    """Return the sets, the best in-sample first; of equals the earlier one."""
    return sorted(tried, key=lambda one: -score(one.inside, rank))


def chosen_anew(tried: Sequence[Tried], rank: str) -> list[Tried]:
    """Return for each window the set that was best in its first part: what would have been used in the second."""
    windows = range(len(tried[0].inside)) if tried else range(0)
    return [max(tried, key=lambda one, at=at: score([one.inside[at]], rank)) for at in windows]  # type: ignore[misc]


def rank_agreement(tried: Sequence[Tried], rank: str) -> float | None:
    """Return Spearman's correlation between the sets' order in-sample and out-of-sample; None if there is none."""
    if len(tried) < 3:
        return None
    inside, outside = [_places([score(part(one), rank) for one in tried]) for part in (_inside, _outside)]
    if not inside.std() or not outside.std():
        return None
    return float(np.corrcoef(inside, outside)[0, 1])


def _inside(one: Tried) -> Sequence[Outcome]:
    return one.inside


def _outside(one: Tried) -> Sequence[Outcome]:
    return one.outside


def _places(scores: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks from 0; equals share the middle of theirs."""
    values = np.array(scores)
    return np.array([(values < each).sum() + ((values == each).sum() - 1) / 2 for each in values], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Luck:
    """What the best of many sets would show if none were any good, and what it showed."""

    sets: int
    #: Daily Sharpe ratio that the best of them is expected to have by chance.
    by_chance: float
    found: float
    #: The deflated Sharpe ratio: how probable it is that the true one is above zero.
    probability: float


def luck(best: Tried, tried: Sequence[Tried]) -> Luck | None:
    """Judge the best set by how many were tried; None if too few have a Sharpe ratio.

    The deflated Sharpe ratio of Bailey and López de Prado (2014), Journal of Portfolio Management 40(5); over several
    windows the mean of their ratios counts, on all their days.
    """
    ratios = [ratio for one in tried if (ratio := _mean_ratio(one.inside)) is not None]
    found, days = _mean_ratio(best.inside), sum(one.days for one in best.inside)
    if found is None or len(ratios) < 2 or days < 3:
        return None
    count, normal = len(tried), NormalDist()
    spread = float(np.std(ratios, ddof=1))
    least = (1 - _EULER) * normal.inv_cdf(1 - 1 / count) + _EULER * normal.inv_cdf(1 - 1 / (count * math.e))
    by_chance = spread * least
    skewness = float(np.mean([one.skewness for one in best.inside]))
    kurtosis = float(np.mean([one.kurtosis for one in best.inside]))
    variance = 1 - skewness * found + (kurtosis - 1) / 4 * found**2
    if variance <= 0:
        return None
    return Luck(count, by_chance, found, normal.cdf((found - by_chance) * math.sqrt(days - 1) / math.sqrt(variance)))


def _mean_ratio(outcomes: Sequence[Outcome]) -> float | None:
    known = [one.sharpe for one in outcomes if one.sharpe is not None]
    return sum(known) / len(known) if known else None


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return several periods as one: sums, the deepest fall, the mean Sharpe ratio."""
    return Outcome(
        sum(one.profit for one in outcomes),
        sum(one.return_share for one in outcomes),
        sum(one.trades for one in outcomes),
        max((one.max_drawdown_share for one in outcomes), default=0.0),
        _mean_ratio(outcomes),
        sum(one.days for one in outcomes),
        0.0,
        3.0,
    )


def tasks(sets: int, windows: int) -> Iterator[tuple[int, int]]:
    """Yield what is to be run: set and window, sets first, so that an early end has whole sets."""
    return product(range(sets), range(windows))

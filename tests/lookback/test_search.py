"""Searching: which sets and periods, and what the best of many is worth."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from cq_tui.lookback.search import (
    Outcome,
    Range,
    SearchError,
    Tried,
    Window,
    chosen_anew,
    drawn,
    grid,
    luck,
    rank_agreement,
    ranked,
    split_once,
    walk_forward,
)

RANGES = [Range("a.x", (1, 2, 3)), Range("b.y", (0.5, 1.5))]


def outcome(profit: float, sharpe: float | None = None, days: int = 100) -> Outcome:
    return Outcome(profit, profit / 1000, 5, 0.1, sharpe, days, 0.0, 3.0)


def tried(inside: Sequence[float], outside: Sequence[float], number: int = 0, sharpe: float | None = None) -> Tried:
    chosen = {"a.x": number}
    return Tried(number, chosen, [outcome(one, sharpe) for one in inside], [outcome(one) for one in outside])


def test_a_grid_has_each_combination_once_and_in_order() -> None:
    sets = grid(RANGES)
    assert len(sets) == 6
    assert sets[0] == {"a.x": 1, "b.y": 0.5}
    assert sets[1] == {"a.x": 1, "b.y": 1.5}
    with pytest.raises(SearchError, match="too many"):
        grid([Range("a.x", range(1_000)), Range("b.y", range(1_000))])


def test_a_seed_draws_the_same_different_sets_again() -> None:
    wide = [Range("a.x", range(100)), Range("b.y", range(100))]
    first, again, other = drawn(wide, 50, 1), drawn(wide, 50, 1), drawn(wide, 50, 2)
    assert first == again != other
    assert len({tuple(each.values()) for each in first}) == 50
    assert drawn(RANGES, 10, 1) == grid(RANGES)


def test_what_judges_always_follows_what_chooses_and_none_is_left_out() -> None:
    assert split_once(0, 100, 0.7) == [Window(0, 70, 100)]
    windows = walk_forward(0, 100, 30, 20)
    assert windows == [Window(0, 30, 50), Window(20, 50, 70), Window(40, 70, 90)]
    assert all(before.end == after.split for before, after in pairwise(windows))
    with pytest.raises(SearchError, match="shorter than one window"):
        walk_forward(0, 49, 30, 20)


def test_sets_are_ranked_in_sample_only() -> None:
    sets = [tried([1, 1], [9, 9], 0), tried([5, -1], [0, 0], 1), tried([3, 3], [-7, -7], 2)]
    assert [one.number for one in ranked(sets, "return")] == [2, 1, 0]
    assert [one.number for one in chosen_anew(sets, "return")] == [1, 2]
    assert rank_agreement(sets, "return") == pytest.approx(-1.0)
    assert rank_agreement(sets[:2], "return") is None


def test_the_best_of_many_without_skill_is_seen_as_luck() -> None:
    """Daily Sharpe ratios of 400 sets on 100 days, none of them with skill; then one that has it."""
    random = np.random.default_rng(3)
    sets = [tried([0], [0], number, sharpe) for number, sharpe in enumerate(random.normal(0, 0.1, 400).tolist())]
    best = max(sets, key=lambda one: one.inside[0].sharpe or 0)
    judged = luck(best, sets)
    assert judged is not None
    # The expected greatest of 400 normal numbers is 2.97 deviations.
    assert judged.by_chance == pytest.approx(0.297, abs=0.02)
    assert judged.probability < 0.7
    skilled = tried([0], [0], 400, 0.6)
    found = luck(skilled, [*sets, skilled])
    assert found is not None
    assert found.probability > 0.99


def test_the_deflated_sharpe_ratio_is_that_of_its_paper() -> None:
    """Bailey and López de Prado (2014), equations 1 and 2, with skewness −3 and kurtosis 10 on 1,250 days.

    The Sharpe ratio is 2.5 a year of 250 days, the variance of the ratios of 100 trials is 1/2 a year: then the
    expected greatest is 0.1132 a day, and the deflated ratio 0.9004.
    """
    found = 2.5 / math.sqrt(250)
    spread = math.sqrt(0.5 / 250)
    values = np.random.default_rng(1).normal(0, 1, 99)
    # 100 ratios with just that variance, the best one among them.
    ratios = _with_deviation(values.tolist(), found, spread)
    sets = [
        Tried(number, {}, [Outcome(0, 0, 1, 0, ratio, 1250, -3.0, 10.0)], []) for number, ratio in enumerate(ratios)
    ]
    judged = luck(sets[-1], sets)
    assert judged is not None
    assert judged.by_chance == pytest.approx(0.1132, abs=2e-4)
    assert judged.probability == pytest.approx(0.9004, abs=2e-3)
    assert NormalDist().inv_cdf(judged.probability) > 1


def _with_deviation(values: list[float], last: float, deviation: float) -> list[float]:
    """Return values, and a last one, whose sample deviation is given."""
    low, high = 0.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        made = [last * 0 + value * middle for value in values] + [last]
        if float(np.std(made, ddof=1)) > deviation:
            high = middle
        else:
            low = middle
    return [value * low for value in values] + [last]

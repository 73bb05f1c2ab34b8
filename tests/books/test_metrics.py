"""Figures against calculations by hand, and against another formula for the same; what has no value is None."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.books import metrics
from cq_tui.books.metrics import DAY_MS, curve

#: Of five positions.
RESULTS = [20.0, -10.0, 9.8, -4.0, -5.0]


def days(*values: float) -> metrics.Curve:
    return curve([number * DAY_MS for number in range(len(values))], values)


def test_five_results_by_hand() -> None:
    assert metrics.win_rate(RESULTS) == 0.4
    assert metrics.expectancy(RESULTS) == pytest.approx(10.8 / 5)
    assert metrics.profit_factor(RESULTS) == pytest.approx(29.8 / 19)
    assert metrics.longest_runs(RESULTS) == (1, 2)
    # Deviations from 2.16: 17.84, -12.16, 7.64, -6.16, -7.16; squares add up to 613.712.
    assert metrics.system_quality(RESULTS) == pytest.approx(math.sqrt(5) * 2.16 / math.sqrt(613.712 / 4))


def test_without_results_there_are_no_figures() -> None:
    assert [each([]) for each in (metrics.win_rate, metrics.expectancy, metrics.profit_factor)] == [None] * 3
    assert metrics.system_quality([]) is metrics.system_quality([1.0]) is metrics.system_quality([2.0, 2.0]) is None
    assert metrics.longest_runs([]) == (0, 0)
    assert metrics.profit_factor([1.0]) is None
    assert metrics.profit_factor([-1.0, 0.0]) == 0


def test_falls_in_other_orders() -> None:
    assert metrics.shuffled_falls([-1.0] * 9) is None
    same = metrics.shuffled_falls([-1.0] * 10)
    assert same == (1000, 10.0, 10.0, 10.0), "all orders are the same"
    results = [5.0, -1.0, -2.0, 3.0, -4.0, 1.0, 2.0, -3.0, 4.0, -5.0]
    found = metrics.shuffled_falls(results)
    assert found is not None
    assert found == metrics.shuffled_falls(results[::-1]), "the order that was is forgotten"
    # Sorted best first, all losses come last; alternating, no fall is deeper than the largest loss.
    assert 5.0 <= found.low < found.median < found.high <= 15.0


def test_the_deepest_fall_by_hand() -> None:
    fall = metrics.max_drawdown(days(100, 120, 90, 120, 130, 65, 80))
    assert fall == (65.0, 0.5, 4 * DAY_MS, 5 * DAY_MS, None)
    assert metrics.max_drawdown(days(100, 80, 100, 101)) == (20.0, 0.2, 0, DAY_MS, 2 * DAY_MS)
    # Of the largest amount it is 20 %, but another fall was half of its peak.
    of = days(10, 5, 100, 80)
    assert (metrics.max_drawdown(of) or ())[:2] == (20.0, 0.2)
    assert metrics.max_drawdown_share(of) == 0.5
    assert metrics.max_drawdown(days(1, 2, 3)) is metrics.max_drawdown(days(5)) is metrics.max_drawdown(days()) is None


def test_an_equity_at_or_below_zero_has_an_amount_and_no_share() -> None:
    fall = metrics.max_drawdown(days(-5, -9))
    assert fall is not None
    assert (fall.amount, fall.share) == (4.0, None)
    assert metrics.max_drawdown_share(days(-5, -9)) is None
    assert metrics.return_share(0, 5) is metrics.return_share(-1, 5) is metrics.annual_return(100, 0, 60) is None
    assert metrics.daily_returns(days(100, 0, 50, 60)).tolist() == [-1.0]


def test_days_are_of_utc_and_one_without_a_value_earns_nothing() -> None:
    of = curve([10, 20, DAY_MS + 5, 3 * DAY_MS + 1], [100.0, 110.0, 99.0, 198.0])
    assert metrics.daily_returns(of).tolist() == pytest.approx([0.1, -0.1, 0.0, 1.0])


def test_nothing_is_annual_under_thirty_days() -> None:
    assert metrics.annual_return(100, 110, 29.9) is None
    assert metrics.annual_return(100, 121, 365.0 * 2) == pytest.approx(0.1)
    returns = np.array([0.01, -0.01] * 14 + [0.02])
    assert metrics.annual_sharpe(returns) is None
    assert metrics.annual_sortino(returns) is None
    assert metrics.annual_sharpe(np.append(returns, 0.0)) is not None


def test_the_sharpe_ratio_and_its_error_by_hand() -> None:
    # Mean 0.01, squares of the deviations 4e-4, 0, 4e-4: deviation 0.02.
    ratio, error = metrics.daily_sharpe(np.array([0.03, 0.01, -0.01])) or (0, 0)
    assert (ratio, error) == pytest.approx((0.5, math.sqrt((1 + 0.125) / 3)))
    assert metrics.daily_sharpe(np.array([0.1])) is metrics.daily_sharpe(np.array([0.1, 0.1])) is None


@given(st.lists(st.integers(-2_000, 2_000).map(lambda one: one / 10_000), min_size=30, max_size=60))
def test_ratios_equal_those_of_the_textbook_written_without_arrays(returns: list[float]) -> None:
    yearly = metrics.annual_sharpe(np.array(returns))
    if yearly is not None:
        expected = statistics.fmean(returns) / statistics.stdev(returns) * math.sqrt(365)
        assert yearly.ratio == pytest.approx(expected, rel=1e-9, abs=1e-12)
    losses = [min(one, 0.0) ** 2 for one in returns]
    sortino = metrics.annual_sortino(np.array(returns))
    if any(losses):
        expected = statistics.fmean(returns) / math.sqrt(math.fsum(losses) / len(losses)) * math.sqrt(365)
        assert sortino == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert sortino is None


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=40))
def test_the_deepest_fall_equals_the_one_over_all_pairs(values: list[float]) -> None:
    pairs = [(early - late, (early - late) / early) for i, early in enumerate(values) for late in values[i:]]
    fall = metrics.max_drawdown(days(*values))
    assert (0.0 if fall is None else fall.amount) == max(amount for amount, _ in pairs)
    assert metrics.max_drawdown_share(days(*values)) == max(share for _, share in pairs)


def test_figures_are_those_of_quantstats_and_backtesting_py() -> None:
    """Computed once with quantstats 0.0.86 (365 periods) and backtesting.py 0.6.6, which are no dependencies."""
    day = np.arange(120)
    of = curve(day * DAY_MS, 1000 * np.exp(0.002 * day / 3 + 0.05 * np.sin(day / 7) + 0.01 * np.cos(day * 2.3)))
    returns = metrics.daily_returns(of)
    assert (metrics.annual_sharpe(returns) or (0, 0))[:] == pytest.approx((0.27003813371554236, 1.75143749))
    assert metrics.annual_sortino(returns) == pytest.approx(0.39005051259439816)
    assert metrics.max_drawdown_share(of) == pytest.approx(0.09826296410062307)
    assert metrics.annual_return(of.value[0], of.value[-1], 119) == pytest.approx(0.037435708539297785)
    assert metrics.profit_factor(RESULTS) == pytest.approx(1.56842, rel=1e-5)
    assert metrics.system_quality(RESULTS) == pytest.approx(0.38993, rel=1e-5)


def test_exposure_counts_overlapping_positions_once() -> None:
    assert metrics.exposure([(0, 10), (5, 20), (30, 500)], 0, 40) == 30 / 40
    assert metrics.exposure([], 0, 40) == 0
    assert metrics.exposure([(0, 1)], 5, 5) is None


def test_a_thinned_curve_keeps_its_ends_and_its_extremes() -> None:
    values = np.sin(np.arange(10_000) / 50) * 100
    values[4_321], values[7_777] = 500, -500
    kept = metrics.thinned(curve(np.arange(10_000), values), 500)
    assert kept.value.size <= 500
    assert (kept.ms[0], kept.ms[-1], kept.value.max(), kept.value.min()) == (0, 9_999, 500, -500)
    assert metrics.thinned(days(1, 2, 3), 5).value.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("ms", "value"), [([1], [1.0, 2.0]), ([1, 2], [1.0, math.nan]), ([2, 1], [1.0, 2.0])])
def test_a_curve_that_is_none_is_refused(ms: list[int], value: list[float]) -> None:
    with pytest.raises(ValueError):
        curve(ms, value)

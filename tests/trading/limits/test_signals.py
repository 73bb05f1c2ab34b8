"""Limits on signals: confidence, and a target that is worth its costs, to the last digit."""

from dataclasses import replace

from cq_tui.trading.entry_context import EntryLimits
from cq_tui.trading.limits.signals import check_confidence, check_target, round_trip_cost
from tests.trading.samples import BUDGET, NOW, SIGNAL, D, context


def test_a_confidence_at_the_limit_is_enough() -> None:
    at_it = context(limits=EntryLimits(min_confidence=0.7))
    assert check_confidence(at_it, SIGNAL, NOW) is None
    denial = check_confidence(at_it, replace(SIGNAL, confidence=0.69), NOW)
    assert denial is not None
    assert denial.detail == "0.69, at least 0.7"


def test_a_round_trip_costs_both_commissions_and_half_the_spread() -> None:
    """Bought at 40,010 and sold at 40,600, at 0.1 %: 40.01 and 40.60; and half of a spread of 10."""
    assert round_trip_cost(context(bid=D(40_000)), D(40_600)) == D("85.61")
    assert round_trip_cost(context(), D(40_600)) == D("80.61"), "without a bid the spread is not known"
    free = context(bid=D(40_000), budget=replace(BUDGET, commission=D(0)))
    assert round_trip_cost(free, D(40_600)) == D(5)


def test_a_target_brings_its_costs_so_many_times() -> None:
    """The sample's target is 590 above the ask, 6.8917... times its costs."""
    for factor, is_denied in ((D("6.89"), False), (D("6.90"), True), (D(0), False)):
        found = check_target(context(bid=D(40_000), limits=EntryLimits(target_costs=factor)), SIGNAL, NOW)
        assert (found is not None) is is_denied, factor
    exact = context(bid=D(40_000), limits=EntryLimits(target_costs=D(2)))
    # 0.998 times the target is at least 40,010 + 80.02 + 10, so it is 40,180.3808.
    assert check_target(exact, replace(SIGNAL, take_profit=D("40180.39")), NOW) is None
    assert check_target(exact, replace(SIGNAL, take_profit=D("40180.38")), NOW) is not None


def test_a_target_that_brings_exactly_its_costs_is_enough() -> None:
    """Without a commission, half of a spread of 10 is 5: 118 of them are the target's 590."""
    free = replace(BUDGET, commission=D(0))
    exact = context(bid=D(40_000), budget=free, limits=EntryLimits(target_costs=D(118)))
    assert check_target(exact, SIGNAL, NOW) is None
    assert check_target(replace(exact, bid=D("39999.99")), SIGNAL, NOW) is not None


def test_a_target_is_judged_on_the_tick() -> None:
    """Twice its costs is 40,180.3808: what the exchange is sent of a target just above is below that."""
    limit = context(bid=D(40_000), limits=EntryLimits(target_costs=D(2)))
    assert check_target(limit, replace(SIGNAL, take_profit=D("40180.384")), NOW) is not None
    assert check_target(replace(limit, rules=None), replace(SIGNAL, take_profit=D("40180.384")), NOW) is None
    assert check_target(limit, replace(SIGNAL, take_profit=D("40180.3851")), NOW) is None

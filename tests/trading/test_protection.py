"""Which protective orders a symbol takes, judged as they will be sent."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.trading.protection import RefusedLeg, can_protect_by_list, refused_leg, stop_limit, stop_type
from tests.trading.samples import RULES

D = Decimal
PLAIN = replace(RULES, order_types=frozenset({"LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT"}))
LIMITED = replace(RULES, order_types=frozenset({"LIMIT_MAKER", "STOP_LOSS_LIMIT"}))


def test_a_stop_without_a_limit_is_preferred() -> None:
    assert (stop_type(PLAIN), stop_limit(PLAIN, D(100))) == ("STOP_LOSS", None)
    assert (stop_type(LIMITED), stop_limit(LIMITED, D("100.01"))) == ("STOP_LOSS_LIMIT", D("97.00"))
    assert stop_type(replace(PLAIN, order_types=frozenset({"LIMIT_MAKER"}))) is None


@pytest.mark.parametrize(
    "changes",
    [{"oco_allowed": False}, {"order_types": frozenset({"STOP_LOSS"})}, {"order_types": frozenset({"LIMIT"})}],
)
def test_a_list_needs_both_orders(changes: dict[str, object]) -> None:
    assert can_protect_by_list(PLAIN)
    assert not can_protect_by_list(replace(PLAIN, **changes))  # type: ignore[arg-type]


def test_a_target_too_far_from_the_price_is_refused() -> None:
    near = replace(PLAIN, ask_multiplier_up=D("1.1"))
    assert refused_leg(near, D(1), D(98), D(104), D(100)) is None
    refused = refused_leg(near, D(1), D(98), D(120), D(100))
    assert refused == RefusedLeg("LIMIT_MAKER", D(120), "PERCENT_PRICE_BY_SIDE")
    assert refused_leg(near, D(1), D(98), None, D(100)) is None


def test_a_limited_stop_is_judged_at_its_limit() -> None:
    """Worth enough at the stop, and too little at the limit that is sent with it."""
    assert refused_leg(PLAIN, D("0.0502"), D(100), None, D(101)) is None
    assert refused_leg(LIMITED, D("0.0502"), D(100), None, D(101)) == RefusedLeg("STOP_LOSS_LIMIT", D(100), "NOTIONAL")

"""The tiers of a drawdown: each begins exactly at its limit, and holds until the drawdown is nine tenths of it."""

import pytest

from cq_tui.trading.limits.losses import Loss, LossHold, LossLimits, LossTier, drawdown_tier
from tests.trading.samples import D

LIMITS = LossLimits()
WARN, REDUCE, HALT = LossTier.WARN, LossTier.REDUCE, LossTier.HALT


def tier(amount: str, hold: LossHold | None = None) -> LossTier | None:
    """The tier of a drawdown from a peak of 1,000."""
    found = drawdown_tier(Loss(D(amount), D(1_000)), LIMITS, hold)
    return None if found is None else found[0]


def held(tier: LossTier, share: str) -> LossHold:
    return LossHold(tier, D(0), D(1_000), D(share), 0, 0)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("99.99", None), ("100", WARN), ("199.99", WARN), ("200", REDUCE), ("299.99", REDUCE), ("300", HALT)],
)
def test_a_tier_begins_at_its_limit(amount: str, expected: LossTier | None) -> None:
    assert tier(amount) is expected


@pytest.mark.parametrize(
    ("hold", "amount", "expected"),
    [
        (held(WARN, "0.1"), "90", WARN),
        (held(WARN, "0.1"), "89.99", None),
        (held(REDUCE, "0.2"), "180", REDUCE),
        (held(REDUCE, "0.2"), "179.99", WARN),
        (held(REDUCE, "0.2"), "95", None),
        (held(HALT, "0.3"), "270", HALT),
        (held(HALT, "0.3"), "269.99", REDUCE),
        (held(HALT, "0.3"), "190", WARN),
    ],
)
def test_one_that_holds_ends_when_the_equity_has_recovered(
    hold: LossHold, amount: str, expected: LossTier | None
) -> None:
    assert tier(amount, hold) is expected


def test_one_that_was_reached_by_another_limit_holds_no_longer() -> None:
    """The setting was changed since: it is judged anew."""
    assert tier("185", held(REDUCE, "0.15")) is WARN

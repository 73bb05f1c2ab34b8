"""Clock-aligned windows, rejections that lead to bans, and the count of unfilled orders."""

import pytest

from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from cq_tui.simulator.errors import RequestRejected

NOW = 1_700_000_040_000  # a minute begins


def refused(limits: RateLimits, weight: int, now: int) -> RequestRejected:
    with pytest.raises(RequestRejected) as caught:
        limits.count_request(weight, now)
    return caught.value


def test_weight_is_counted_per_clock_minute() -> None:
    limits = RateLimits()
    limits.count_request(6_000, NOW + 59_999)
    assert limits.weight.count(NOW + 59_999) == 6_000
    limits.count_request(1, NOW + 60_000)
    assert limits.weight.count(NOW + 60_000) == 1


def test_ignoring_429_leads_to_growing_bans() -> None:
    limits = RateLimits()
    cut: list[int] = []
    limits.on_ban.append(lambda: cut.append(1))
    limits.count_request(6_000, NOW)
    errors = [refused(limits, 1, NOW + 30_000) for _ in range(12)]
    assert [(error.status, error.code, error.retry_after) for error in errors] == [
        *[(429, -1003, 30)] * 10,
        *[(418, -1003, 120)] * 2,
    ]
    assert errors[0].message.startswith(
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
    )
    assert f"IP banned until {NOW + 150_000}." in errors[-1].message
    assert cut == [1]
    assert refused(limits, 1, NOW + 149_999).retry_after == 1
    later = NOW + 180_000
    limits.count_request(6_000, later)
    assert [refused(limits, 1, later).status for _ in range(11)][-1] == 418
    assert limits.banned_until == later + 240_000


def test_unfilled_orders_count_until_their_first_fill() -> None:
    limits = RateLimits(RateLimitSettings(orders_10s=3, orders_day=4))
    limits.count_orders(3, NOW)
    shortage = limits.order_limit_error(1, NOW + 1_500)
    assert shortage is not None
    assert (shortage.status, shortage.code, shortage.retry_after) == (429, -1015, None)
    assert shortage.message == "Too many new orders; current limit is 3 orders per 10 SECOND."
    limits.count_first_fill(False, NOW)
    assert limits.order_limit_error(1, NOW) is None
    limits.count_first_fill(True, NOW)
    assert [entry["count"] for entry in limits.order_counts(NOW)] == [0, 0]
    limits.count_orders(4, NOW + 10_000)
    day = limits.order_limit_error(1, NOW + 30_000)
    assert day is not None
    assert day.message == "Too many new orders; current limit is 4 orders per 1 DAY."


def test_limits_are_counted_even_if_not_enforced() -> None:
    limits = RateLimits(RateLimitSettings(weight=1, orders_10s=1, enforced=False))
    for _ in range(20):
        limits.count_request(1, NOW)
        limits.count_orders(1, NOW)
    assert limits.order_limit_error(1, NOW) is None
    assert (limits.weight.count(NOW), limits.orders_10s.count(NOW)) == (20, 20)

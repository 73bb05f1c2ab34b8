"""The request budget: never over the limit of a window, never within a Retry-After."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.request_budget import MINUTE_MS, BudgetState, RateWindow, ReportedUsage, usage_from_headers

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
UNTOLD = ReportedUsage(None, {})


def limited(limit: int, *orders: tuple[int, int]) -> BudgetState:
    return BudgetState().with_limits(limit, orders)


def taken(state: BudgetState, now_ms: int = NOW) -> int:
    window = state.weight.at(now_ms)
    return window.used + window.in_flight


def test_a_window_begins_at_second_zero() -> None:
    state = BudgetState().with_reservation(4000, NOW)
    assert taken(state, NOW + MINUTE_MS - 1) == 4000
    assert taken(state, NOW + MINUTE_MS) == 0


def test_ordinary_requests_leave_a_reserve() -> None:
    state = limited(100).with_reservation(80, NOW)
    assert state.wait_ms(1, NOW + 1000) == MINUTE_MS - 1000
    assert state.wait_ms(20, NOW, essential=True) == 0
    assert state.wait_ms(21, NOW, essential=True) == MINUTE_MS


def test_reported_usage_counts_and_requests_in_flight_are_added() -> None:
    state = BudgetState().with_reservation(10, NOW).with_reservation(5, NOW)
    assert taken(state) == 15
    state = state.with_response(10, 0, ReportedUsage(50, {}), NOW, NOW + 100)
    assert taken(state) == 55
    # An accepted order weighs nothing: the reported count stays the same.
    state = state.with_response(5, 0, ReportedUsage(50, {}), NOW, NOW + 100)
    assert taken(state) == 50


def test_responses_out_of_order() -> None:
    state = BudgetState().with_reservation(1, NOW).with_reservation(1, NOW)
    state = state.with_response(1, 0, ReportedUsage(20, {}), NOW, NOW).with_response(
        1, 0, ReportedUsage(19, {}), NOW, NOW
    )
    assert taken(state) == 20


def test_without_a_reported_count_ours_is_used() -> None:
    state = BudgetState().with_reservation(10, NOW).with_response(10, 0, UNTOLD, NOW, NOW)
    assert taken(state) == 10
    assert state.weight.in_flight == 0


def test_a_response_from_an_earlier_window_says_nothing_about_this_one() -> None:
    state = BudgetState().with_reservation(10, NOW - 1).with_reservation(3, NOW)
    state = state.with_response(10, 0, ReportedUsage(5900, {}), NOW - 1, NOW + 5)
    assert taken(state) == 3


def test_an_unanswered_request_counts_until_the_window_ends() -> None:
    state = BudgetState().with_reservation(10, NOW).with_response(1, 0, ReportedUsage(7, {}), NOW, NOW)
    assert taken(state, NOW + MINUTE_MS - 1) == 7 + 9
    assert taken(state, NOW + MINUTE_MS) == 0


def test_orders_are_counted_in_each_window() -> None:
    state = limited(6000, (10, 3), (86_400, 5)).with_reservation(1, NOW, 2)
    assert state.wait_ms(1, NOW + 1000, orders=2, essential=True) == 9_000
    assert state.wait_ms(1, NOW + 1000, orders=1) == 0
    assert state.wait_ms(1, NOW, essential=True) == 0  # a cancel
    state = state.with_reservation(1, NOW + 10_000, 3)
    day_ends = (NOW // 86_400_000 + 1) * 86_400_000
    assert state.wait_ms(1, NOW + 20_000, orders=1, essential=True) == day_ends - NOW - 20_000


def test_the_count_of_unfilled_orders_may_fall() -> None:
    state = limited(6000, (10, 3)).with_reservation(1, NOW, 2).with_response(1, 2, ReportedUsage(1, {10: 2}), NOW, NOW)
    assert state.orders[0].used == 2
    state = state.with_reservation(1, NOW, 1).with_response(1, 1, ReportedUsage(1, {10: 1}), NOW, NOW)
    assert (state.orders[0].used, state.orders[0].in_flight) == (1, 0)


def test_new_limits_keep_the_counts() -> None:
    state = limited(100, (10, 5)).with_reservation(7, NOW, 2).with_limits(200, [(10, 9), (60, 50)])
    assert taken(state) == 7
    assert [(window.limit, window.in_flight) for window in state.orders] == [(9, 2), (50, 0)]
    assert state.with_limits(None, []).weight.limit == 200


def test_too_many_orders_hold_back_orders_only() -> None:
    state = BudgetState().with_block(9, NOW, orders_only=True)
    assert state.wait_ms(1, NOW) == 0
    assert state.wait_ms(1, NOW, orders=1, essential=True) == 9_000


def test_retry_after_applies_to_every_request() -> None:
    state = BudgetState().with_block(90, NOW)
    assert state.wait_ms(1, NOW, essential=True) == 90_000
    assert state.wait_ms(1, NOW + MINUTE_MS, essential=True) == 30_000
    assert state.wait_ms(1, NOW + 90_000) == 0


def test_a_later_shorter_pause_does_not_shorten_the_first() -> None:
    assert BudgetState().with_block(90, NOW).with_block(1, NOW).blocked_until_ms == NOW + 90_000


def test_a_request_above_the_limit_may_go_alone() -> None:
    assert limited(10).wait_ms(20, NOW) == 0
    assert limited(10).with_reservation(1, NOW).wait_ms(20, NOW) > 0


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        BudgetState().with_limits(0, [])
    with pytest.raises(ValueError, match="at least 1"):
        BudgetState().with_limits(None, [(10, 0)])


def test_a_clock_set_back_far_starts_a_new_window() -> None:
    window = RateWindow().with_reservation(5000, NOW)
    assert window.at(NOW - 1).in_flight == 5000
    assert window.at(NOW - 2 * MINUTE_MS).in_flight == 0


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 80), st.booleans()), max_size=120),
    st.integers(100, 6000),
)
def test_no_window_exceeds_its_limit(requests: list[tuple[int, int, bool]], limit: int) -> None:
    state, now = limited(limit), NOW
    sent: dict[int, int] = {}
    for pause, weight, essential in requests:
        now += pause
        if state.wait_ms(weight, now, essential=essential) == 0:
            state = state.with_reservation(weight, now)
            minute = now // MINUTE_MS
            sent[minute] = sent.get(minute, 0) + weight
    assert all(used <= limit for used in sent.values())


@given(st.integers(1, 6000), st.integers(0, 200_000), st.booleans())
def test_a_request_may_go_after_its_wait(weight: int, elapsed: int, essential: bool) -> None:
    state = BudgetState().with_reservation(5999, NOW).with_block(100, NOW)
    now = NOW + elapsed
    for _ in range(3):
        now += state.wait_ms(weight, now, essential=essential)
    assert state.wait_ms(weight, now, essential=essential) == 0


@pytest.mark.parametrize(
    ("headers", "reported"),
    [
        ({"x-mbx-used-weight-1m": "17"}, ReportedUsage(17, {})),
        ({"x-mbx-used-weight": "18"}, ReportedUsage(18, {})),
        ({}, UNTOLD),
        ({"x-mbx-used-weight-1m": "many"}, UNTOLD),
        ({"x-mbx-order-count-10s": "3", "x-mbx-order-count-1d": "40"}, ReportedUsage(None, {10: 3, 86_400: 40})),
        ({"x-mbx-order-count-": "3", "x-mbx-order-count-1x": "3", "x-mbx-order-count-10s": "-1"}, UNTOLD),
    ],
)
def test_headers(headers: dict[str, str], reported: ReportedUsage) -> None:
    assert usage_from_headers(headers) == reported


def test_a_block_does_not_outlive_a_server_clock_that_was_set_back() -> None:
    state = BudgetState().with_block(120, NOW)
    assert state.wait_ms(1, NOW - 1_000) == 121_000, "measured again, a little earlier"
    an_hour_ago = NOW - 60 * MINUTE_MS
    assert state.wait_ms(1, an_hour_ago, orders=1) == 0
    again = state.with_block(30, an_hour_ago, orders_only=True)
    assert (again.wait_ms(1, an_hour_ago), again.wait_ms(1, an_hour_ago, orders=1)) == (0, 30_000)

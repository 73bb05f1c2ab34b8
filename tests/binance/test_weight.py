"""The weight budget: never over the limit of a minute, never within a Retry-After."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.weight import MINUTE_MS, WeightState, used_weight

NOW = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS


def test_a_minute_begins_at_zero() -> None:
    state = WeightState().reserved(4000, NOW)
    assert state.at(NOW + MINUTE_MS - 1).used == 4000
    assert state.at(NOW + MINUTE_MS).used == 0


def test_ordinary_requests_leave_a_share() -> None:
    state = WeightState(limit=100).reserved(80, NOW)
    assert state.wait_ms(1, NOW + 1000) == MINUTE_MS - 1000
    assert state.wait_ms(20, NOW, essential=True) == 0
    assert state.wait_ms(21, NOW, essential=True) == MINUTE_MS


def test_the_higher_count_is_believed() -> None:
    state = WeightState().reserved(10, NOW)
    assert state.observed(5, NOW).used == 10
    assert state.observed(50, NOW).used == 50


def test_nobody_passes_a_retry_after() -> None:
    state = WeightState().blocked(90, NOW)
    assert state.wait_ms(1, NOW, essential=True) == 90_000
    assert state.wait_ms(1, NOW + MINUTE_MS, essential=True) == 30_000
    assert state.wait_ms(1, NOW + 90_000) == 0


def test_a_later_shorter_pause_does_not_shorten_the_first() -> None:
    assert WeightState().blocked(90, NOW).blocked(1, NOW).blocked_until_ms == NOW + 90_000


def test_a_request_heavier_than_the_limit_is_let_go_alone() -> None:
    assert WeightState(limit=10).wait_ms(20, NOW) == 0
    assert WeightState(limit=10).reserved(1, NOW).wait_ms(20, NOW) > 0


def test_a_limit_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        WeightState().limited(0, NOW)


def test_a_clock_that_was_put_back_far_starts_anew() -> None:
    state = WeightState().reserved(5000, NOW)
    assert state.at(NOW - 1).used == 5000
    assert state.at(NOW - 2 * MINUTE_MS).used == 0


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 80), st.booleans()), max_size=120),
    st.integers(100, 6000),
)
def test_no_minute_goes_over_its_limit(requests: list[tuple[int, int, bool]], limit: int) -> None:
    state, now = WeightState(limit=limit), NOW
    sent: dict[int, int] = {}
    for pause, weight, essential in requests:
        now += pause
        if state.wait_ms(weight, now, essential=essential) == 0:
            state = state.reserved(weight, now)
            minute = now // MINUTE_MS
            sent[minute] = sent.get(minute, 0) + weight
    assert all(used <= limit for used in sent.values())


@given(st.integers(1, 6000), st.integers(0, 200_000), st.booleans())
def test_whoever_waits_as_told_may_go(weight: int, elapsed: int, essential: bool) -> None:
    state = WeightState().reserved(5999, NOW).blocked(100, NOW)
    now = NOW + elapsed
    for _ in range(3):
        now += state.wait_ms(weight, now, essential=essential)
    assert state.wait_ms(weight, now, essential=essential) == 0


@pytest.mark.parametrize(
    ("headers", "used"),
    [
        ({"x-mbx-used-weight-1m": "17"}, 17),
        ({"x-mbx-used-weight": "18"}, 18),
        ({}, None),
        ({"x-mbx-used-weight-1m": "many"}, None),
    ],
)
def test_headers(headers: dict[str, str], used: int | None) -> None:
    assert used_weight(headers) == used

"""The server's clock: median of samples corrected by half the round trip."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.clock import ServerClock


def test_before_the_first_sample() -> None:
    assert ServerClock().now_ms(1000.9) == 1000


def test_a_sample_is_corrected_by_half_the_round_trip() -> None:
    clock = ServerClock()
    clock.add_sample(1000, 5100, 1200)
    assert clock.offset_ms == 4000
    assert clock.now_ms(2000) == 6000


def test_one_slow_response_does_not_move_the_offset() -> None:
    clock = ServerClock()
    for sent in range(4):
        clock.add_sample(sent, sent + 500, sent)
    clock.add_sample(10, 510, 20_010)
    assert clock.offset_ms == 500


def test_local_time_that_runs_backwards_is_ignored() -> None:
    clock = ServerClock()
    clock.add_sample(1000, 5000, 900)
    assert clock.sample_count == 0


def test_discarding_samples_keeps_the_offset_until_the_next_one() -> None:
    clock = ServerClock()
    clock.add_sample(0, 500, 0)
    clock.discard_samples()
    assert clock.offset_ms == 500
    clock.add_sample(0, 90_000, 0)
    assert clock.offset_ms == 90_000


def test_at_least_one_sample_is_required() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ServerClock(samples=0)


@pytest.mark.parametrize("jump", [-3_600_000, -1_000, 1_000, 3_600_000])
def test_a_local_clock_that_was_set_is_followed_at_once(jump: int) -> None:
    clock = ServerClock()
    for sent in range(9):
        clock.add_sample(sent, sent + 510, sent + 20)
    clock.add_sample(100 + jump, 610, 120 + jump)
    assert clock.offset_ms == 500 - jump
    assert clock.sample_count == 1


def test_a_slow_response_consistent_with_the_offset_is_not_a_jump() -> None:
    clock = ServerClock()
    for sent in range(9):
        clock.add_sample(sent, sent + 510, sent + 20)
    # The server may have read its clock at the end of these five seconds.
    clock.add_sample(100, 5_600, 5_100)
    assert clock.offset_ms == 500
    assert clock.sample_count == 9


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(-120, 120), st.integers(0, 5000)), min_size=1))
def test_the_offset_is_the_median_of_the_newest(rows: list[tuple[int, int, int]]) -> None:
    clock = ServerClock(samples=5)
    for sent, offset, round_trip in rows:
        clock.add_sample(sent, sent + round_trip / 2 + offset, sent + round_trip)
    assert clock.offset_ms == pytest.approx(median(offset for _, offset, _ in rows[-5:]), abs=1e-3)

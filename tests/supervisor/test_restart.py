"""The restart policy, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.supervisor.restart import CRASH_LIMIT, CRASH_WINDOW, INITIAL_DELAY, MAX_DELAY, RestartPolicy


def test_delay_doubles_with_every_crash() -> None:
    policy = RestartPolicy()
    delays = [policy.record_crash(now=20.0 * crash, ran_for=1.0, jitter=1.0) for crash in range(9)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(("jitter", "delay"), [(0.0, 0.25), (0.5, 0.375), (1.0, 0.5)])
def test_jitter_spreads_the_delay(jitter: float, delay: float) -> None:
    assert RestartPolicy().record_crash(now=0.0, ran_for=1.0, jitter=jitter) == delay


def test_five_crashes_within_a_minute_are_too_many() -> None:
    policy = RestartPolicy()
    delays = [policy.record_crash(now=14.9 * crash, ran_for=14.0, jitter=0.0) for crash in range(5)]
    assert [delay is None for delay in delays] == [False, False, False, False, True]


def test_five_crashes_in_more_than_a_minute_are_not() -> None:
    policy = RestartPolicy()
    assert all(policy.record_crash(now=15.0 * crash, ran_for=14.0, jitter=0.0) is not None for crash in range(50))


def test_a_long_run_resets_the_backoff() -> None:
    policy = RestartPolicy()
    for crash in range(4):
        policy.record_crash(now=20.0 * crash, ran_for=10.0, jitter=1.0)
    assert policy.record_crash(now=1000.0, ran_for=CRASH_WINDOW + 1, jitter=1.0) == INITIAL_DELAY


def test_reset_forgets_every_crash() -> None:
    policy = RestartPolicy()
    for _ in range(CRASH_LIMIT):
        policy.record_crash(now=1.0, ran_for=0.1, jitter=1.0)
    policy.reset()
    assert policy.record_crash(now=1.1, ran_for=0.1, jitter=1.0) == INITIAL_DELAY


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1000), st.floats(0, 1)), max_size=60),
)
def test_delays_are_bounded_and_given_up_only_for_crashes_that_come_too_fast(
    crashes: list[tuple[float, float, float]],
) -> None:
    policy, now, moments = RestartPolicy(), 0.0, []
    for pause, ran_for, jitter in crashes:
        now += pause
        moments.append(now)
        delay = policy.record_crash(now, ran_for, jitter)
        recent = [moment for moment in moments if now - moment < CRASH_WINDOW]
        assert (delay is None) == (len(recent) >= CRASH_LIMIT)
        assert delay is None or INITIAL_DELAY / 2 <= delay <= MAX_DELAY


def test_thousands_of_crashes_do_not_overflow() -> None:
    policy = RestartPolicy()
    assert [policy.record_crash(now=100.0 * crash, ran_for=50.0, jitter=1.0) for crash in range(3000)][-1] == MAX_DELAY

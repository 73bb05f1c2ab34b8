"""Silence counts in the time in which its observer was awake, whatever the clock shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.supervisor.silence import DEFAULT_LIMITS, MAX_STEP, Silence


def test_silence_ends_with_a_new_report() -> None:
    silence = Silence(100.0)
    assert not silence.has_reported
    for second in range(1, 5):
        silence.observe(None, 100.0 + second)
    assert (silence.seconds, silence.has_reported) == (4.0, False)
    silence.observe("first", 105.0)
    assert (silence.seconds, silence.has_reported) == (0.0, True)
    silence.observe("first", 106.0)
    # A report that cannot be seen is none.
    silence.observe(None, 107.5)
    silence.observe("first", 108.0)
    assert silence.seconds == 3.0
    silence.observe("second", 109.0)
    assert silence.seconds == 0.0


def test_a_pause_of_the_observer_is_no_silence() -> None:
    silence = Silence(0.0)
    silence.observe("report", 1.0)
    silence.observe("report", 8 * 3600.0)
    assert silence.seconds == MAX_STEP
    # Not even two of them make the shortest limit a kill.
    assert FRESHNESS_LIMITS["memory"] + DEFAULT_LIMITS.grace > 2 * MAX_STEP


def test_what_keeps_every_report_from_being_written_is_no_silence() -> None:
    silence = Silence(0.0)
    silence.observe("report", 1.0)
    silence.observe("report", 3.0)
    silence.forgive(3.0)
    silence.observe("report", 4.0)
    assert silence.seconds == 1.0


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans())))
def test_silence_is_never_longer_than_the_time_since_the_last_report(looks: list[tuple[float, bool]]) -> None:
    silence, now, reported, last = Silence(0.0), 0.0, 0, 0.0
    for step, has_new in looks:
        now += step
        reported += has_new
        last = now if has_new else last
        silence.observe(reported or None, now)
        assert 0.0 <= silence.seconds <= now - last + 1e-6


@pytest.mark.parametrize(
    ("service", "has_reported", "interval", "limit"),
    [("memory", True, 0.0, 5.0), ("trader", True, 0.0, 60.0), ("memory", False, 0.0, 60.0), ("feeder", True, 5.0, 10.0),
     # A person may set the feeder's interval above its limit: then its reports are old, but it does not hang.
     ("feeder", True, 60.0, 120.0)],
)  # fmt: skip
def test_the_limits(service: str, has_reported: bool, interval: float, limit: float) -> None:
    assert DEFAULT_LIMITS.limit(service, has_reported=has_reported, interval=interval) == limit

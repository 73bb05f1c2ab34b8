"""The age of a report: one tolerance for clocks, one rule for what is fresh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.freshness import CLOCK_TOLERANCE, Ahead, Fresh, Freshness, Missing, Stale, judge_age

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("last_update_ts", "now", "found"),
    [
        (NOW, NOW, Fresh(0.0)),
        (NOW - 10, NOW, Fresh(10.0)),
        (NOW - 10.5, NOW, Stale(10.5)),
        (NOW + 2, NOW, Fresh(0.0)),
        (NOW + 2.5, NOW, Ahead(2.5)),
        (0.0, NOW, Missing()),
        (None, NOW, Missing()),
        (None, -5.0, Missing()),
        # A clock that was never set: the writer cuts its time off at 1970, the reader does the same.
        (0.0, -5.0, Fresh(0.0)),
        (1.0, -5.0, Fresh(0.0)),
        (float("nan"), NOW, Stale),
    ],
)
def test_ages(last_update_ts: float | None, now: float, found: Freshness | type[Freshness]) -> None:
    judged = judge_age(last_update_ts, now, 10.0)
    assert judged == found or (isinstance(found, type) and isinstance(judged, found))


@given(
    last=st.floats(0.001, 1e11),
    now=st.floats(0.001, 1e11),
    limit=st.floats(0, 1e6),
)
def test_every_time_has_one_meaning(last: float, now: float, limit: float) -> None:
    age = now - last
    match judge_age(last, now, limit):
        case Fresh(seconds):
            assert -CLOCK_TOLERANCE <= age <= limit
            assert seconds == max(age, 0.0)
        case Stale(seconds):
            assert seconds == age > limit
        case Ahead(seconds):
            assert seconds == -age > CLOCK_TOLERANCE
        case Missing():
            pytest.fail("there is a report")


@given(last=st.floats(0.001, 1e9), limit=st.floats(0, 1e6), first=st.floats(0, 1e7), later=st.floats(0, 1e7))
def test_what_is_stale_stays_stale(last: float, limit: float, first: float, later: float) -> None:
    if isinstance(judge_age(last, last + first, limit), Stale):
        assert isinstance(judge_age(last, last + first + later, limit), Stale)

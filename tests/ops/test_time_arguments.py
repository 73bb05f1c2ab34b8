"""Time arguments: what is accepted, and that nothing else is."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.ops.time_arguments import (
    ACCEPTED_FORMATS,
    TimeArgumentError,
    format_local_time,
    parse_duration,
    parse_end,
    parse_time,
)

#: 2026-11-22 13:30:00 UTC, half past two in Berlin.
NOW = 1_795_354_200.0


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("words", "before_now"),
    [
        ("30s", 30),
        ("10m", 600),
        ("2h", 7200),
        ("3d", 3 * 86_400),
        ("1w", 7 * 86_400),
        (" 10m ", 600),
        ("0m", 0),
        ("14:05", 25 * 60),
        ("14:05:30", 24.5 * 60),
        ("14:30", 0),
        ("9:00", 5.5 * 3600),
        # The clocks have not shown it today: yesterday's is meant.
        ("14:31", 86_340),
        ("2026-11-22", 14.5 * 3600),
        ("2026-11-22T14:05:00", 25 * 60),
        ("2026-11-22 14:05", 25 * 60),
        ("2026-11-22T14:05:00Z", -35 * 60),
        ("2026-11-22t14:05:00z", -35 * 60),
        ("2026-11-22T14:05:00+02:00", 85 * 60),
        ("2026-11-22T14:05:00.5Z", -35 * 60 - 0.5),
        # Summer time counts.
        ("2026-08-01", NOW - 1_785_535_200),
        ("1795354200", 0),
        ("1795354199.25", 0.75),
    ],
)
def test_arguments_become_times(words: str, before_now: float) -> None:
    assert parse_time(words, NOW) == NOW - before_now


@pytest.mark.parametrize(
    "words",
    [
        *("", " ", "10", "10 m", "m", "-5m", "1.5h", "10y", "yesterday", "25:00", "14:60", "14", "14:5", "١٠m"),
        *("2026-13-01", "2026-02-30", "2026-11", "20261122", "2026-11-22T", "2026-11-22Z", "2026-11-22T١٤:٠٥"),
        *("1795354200000", "1e9", "nan", "9" * 99 + "d", "9" * 99),
    ],
)
def test_other_arguments_are_refused_with_the_accepted_formats(words: str) -> None:
    with pytest.raises(TimeArgumentError) as told:
        parse_time(words, NOW)
    assert str(told.value) == f"{words!r} is not a time: use {ACCEPTED_FORMATS}"


@given(st.text())
def test_no_argument_breaks_it(words: str) -> None:
    with suppress(TimeArgumentError):
        assert isinstance(parse_time(words, NOW), float)


def test_the_latest_local_time_is_right_across_a_clock_change() -> None:
    # 2026-10-25: at three o'clock it became two. At half past one the day before 14:05 was yesterday's, in summer.
    now = parse_time("2026-10-26T01:30:00+01:00", NOW)
    assert parse_time("14:05", now) == parse_time("2026-10-25T14:05:00+01:00", NOW)
    now = parse_time("2026-10-25T04:00:00+01:00", NOW)
    assert parse_time("14:05", now) == parse_time("2026-10-24T14:05:00+02:00", NOW)


def test_times_are_local_with_the_date_if_it_is_not_today() -> None:
    assert format_local_time(NOW, NOW) == "14:30:00"
    assert format_local_time(NOW - 14.5 * 3600, NOW) == "00:00:00"
    assert format_local_time(NOW - 14.5 * 3600 - 1, NOW) == "2026-11-21 23:59:59"
    assert format_local_time(NOW + 86_400, NOW) == "2026-11-23 14:30:00"
    assert format_local_time(1e300, NOW) == "--:--:--"


def test_the_accepted_formats_are_accepted() -> None:
    named = ACCEPTED_FORMATS.removesuffix(" or Unix seconds").split(", ")
    assert len(named) == 6
    assert all(parse_time(words, NOW) for words in named)


def test_the_tests_run_outside_utc() -> None:
    assert os.environ["TZ"] == "Europe/Berlin"
    assert time.localtime(NOW).tm_hour == 14


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("2h", NOW + 7_200),
        ("14:31", NOW + 60),
        ("14:29", NOW + 86_340),
        ("1795354201", NOW + 1),
        ("2026-11-23", NOW + 34_200),
    ],
)
def test_an_end_is_a_time_to_come(words: str, end: float) -> None:
    assert parse_end(words, NOW) == end


@pytest.mark.parametrize("words", ["2026-11-22", "1795354200", "soon", "0s"])
def test_an_end_that_is_over_is_none(words: str) -> None:
    with pytest.raises(TimeArgumentError):
        parse_end(words, NOW)


def test_a_duration_is_told_in_units() -> None:
    assert [parse_duration(words) for words in ("90s", "30m", "2h", "3d", "1w")] == [90, 1_800, 7_200, 259_200, 604_800]
    with pytest.raises(TimeArgumentError, match="is not a duration: use"):
        parse_duration("14:05")

"""Bars: aggregation, calendar months and weeks, and the bounded ring."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.simulator.market.bars import BarRing, aggregate, bucket_open, next_open
from cq_tui.simulator.market.ticks import BAR, Bars


def made(count: int, start: int = 0, seed: int = 1, step: int = 1_000) -> Bars:
    random = np.random.default_rng(seed)
    bars = np.zeros((count, 2), dtype=BAR)
    bars["open_time"] = (start + np.arange(count) * step)[:, None]
    path = 100 + random.standard_normal((count + 1, 2)).cumsum(axis=0)
    bars["open"], bars["close"] = path[:-1], path[1:]
    bars["high"], bars["low"] = np.maximum(path[:-1], path[1:]) + 1, np.minimum(path[:-1], path[1:]) - 1
    bars["volume"], bars["trades"] = random.random((count, 2)), 4
    return bars


@given(st.integers(1, 400), st.integers(0, 10_000), st.sampled_from(["1m", "3m", "5m", "15m"]))
def test_aggregation_equals_its_definition(count: int, start: int, interval: str) -> None:
    bars = made(count, start * 1_000)
    found = aggregate(bars, interval)
    groups: dict[int, list[int]] = {}
    length = int(interval[:-1]) * 60_000
    for number, time in enumerate(bars["open_time"][:, 0].tolist()):
        groups.setdefault(time // length * length, []).append(number)
    assert found["open_time"][:, 0].tolist() == list(groups)
    for bar, rows in zip(found, groups.values(), strict=True):
        part = bars[rows]
        assert (bar["open"] == part["open"][0]).all()
        assert (bar["close"] == part["close"][-1]).all()
        assert (bar["high"] == part["high"].max(axis=0)).all()
        assert (bar["low"] == part["low"].min(axis=0)).all()
        assert np.allclose(bar["volume"], part["volume"].sum(axis=0))
        assert (bar["trades"] == part["trades"].sum(axis=0)).all()


def test_aggregating_in_two_steps_is_the_same_as_in_one() -> None:
    bars = made(4_000)
    one, two = aggregate(bars, "15m"), aggregate(aggregate(bars, "1m"), "15m")
    for name in ("open_time", "open", "high", "low", "close", "trades"):
        assert np.array_equal(one[name], two[name])


@pytest.mark.parametrize(
    ("time", "interval", "opened"),
    [
        (datetime(2026, 11, 22, 13, 5, tzinfo=UTC), "1w", datetime(2026, 11, 16, tzinfo=UTC)),
        (datetime(2026, 11, 16, tzinfo=UTC), "1w", datetime(2026, 11, 16, tzinfo=UTC)),
        (datetime(2026, 11, 22, 13, 5, tzinfo=UTC), "1M", datetime(2026, 11, 1, tzinfo=UTC)),
        (datetime(2026, 11, 22, 13, 5, tzinfo=UTC), "4h", datetime(2026, 11, 22, 12, tzinfo=UTC)),
    ],
)
def test_weeks_open_on_monday_and_months_on_the_first(time: datetime, interval: str, opened: datetime) -> None:
    found = bucket_open(np.array([int(time.timestamp() * 1_000)]), interval)
    assert int(found[0]) == int(opened.timestamp() * 1_000)


def test_the_month_after_december_is_january() -> None:
    december, january = (datetime(y, m, 1, tzinfo=UTC).timestamp() * 1_000 for y, m in ((2026, 12), (2027, 1)))
    assert next_open(int(december), "1M") == int(january)


@given(st.lists(st.integers(0, 130), max_size=12), st.integers(1, 100))
def test_the_ring_keeps_the_latest_bars(sizes: list[int], capacity: int) -> None:
    ring = BarRing(capacity, 2)
    bars = made(sum(sizes))
    first = 0
    for size in sizes:
        ring.extend(bars[first : first + size])
        first += size
        assert np.array_equal(ring.bars, bars[:first][-capacity:])
        assert np.array_equal(ring.times, ring.bars["open_time"][:, 0])

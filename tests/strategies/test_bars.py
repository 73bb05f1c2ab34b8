"""Bars of the frames: only full ones, aligned to the epoch, whatever the feed does."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, BarSeries, Frame, FrameBar, interval_label
from tests.strategies.walks import SECOND, START, kline, walk


def closed_bars(klines: list[Kline]) -> list[FrameBar]:
    series = BarSeries(SECOND)
    return [bar for item in klines for bar in series.push(item)]


def test_a_frame_bar_is_the_sum_of_its_base_bars() -> None:
    klines = walk(1, 15)
    tide = next(item.bar for item in closed_bars(klines) if item.frame is Frame.TIDE)
    assert tide.open_time == klines[0].open_time
    assert tide.close_time == klines[-1].close_time
    assert (tide.open, tide.close) == (klines[0].open, klines[-1].close)
    assert tide.high == max(bar.high for bar in klines)
    assert tide.low == min(bar.low for bar in klines)
    assert tide.volume == pytest.approx(sum(bar.volume for bar in klines))
    assert tide.trades == 45


def test_the_widest_frame_comes_first_at_a_common_close() -> None:
    series = BarSeries(SECOND)
    klines = walk(1, 15)
    for bar in klines[:-1]:
        series.push(bar)
    assert [item.frame for item in series.push(klines[-1])] == [Frame.TIDE, Frame.TREND, Frame.TRIGGER]


def test_a_history_that_begins_between_boundaries_drops_the_first_group() -> None:
    series = BarSeries(SECOND)
    bars = [item for bar in walk(1, 30)[2:] for item in series.push(bar)]
    first = next(item.bar for item in bars if item.frame is Frame.TREND)
    assert first.open_time == START + 5 * SECOND
    assert series.counts.incomplete == 2


def test_duplicates_and_late_bars_are_counted_and_change_nothing() -> None:
    klines = walk(2, 60)
    noisy = [item for index, bar in enumerate(klines) for item in (bar, bar, klines[max(index - 7, 0)])]
    series = BarSeries(SECOND)
    bars = [item for bar in noisy for item in series.push(bar)]
    assert bars == closed_bars(klines)
    assert series.counts.accepted == 60
    assert series.counts.duplicates == 60 + 1
    assert series.counts.out_of_order == 59


@pytest.mark.parametrize(
    "broken",
    [
        {"close": math.nan},
        {"high": math.inf},
        {"low": -1.0},
        {"low": 0.0},
        {"volume": math.nan},
        {"open": 101.0},
        {"close_time": START + 5 * SECOND},
        {"open_time": START + 4 * SECOND + 1},
    ],
)
def test_a_broken_bar_is_left_out_and_leaves_a_gap(broken: dict[str, float]) -> None:
    klines = [kline(index, 100.0) for index in range(10)]
    klines[4] = klines[4]._replace(**broken)  # type: ignore[arg-type]  # wrong values are the point
    series = BarSeries(SECOND)
    bars = [item for bar in klines for item in series.push(bar)]
    assert series.counts.invalid == 1
    assert series.counts.gaps == 1
    assert [item.missing for item in bars if item.frame is Frame.TRIGGER][4] == 1
    assert [item.bar.open_time for item in bars if item.frame is Frame.TREND] == [START + 5 * SECOND]


@given(st.sets(st.integers(0, 299)))
def test_gaps_never_make_a_bar_from_part_of_its_group(removed: set[int]) -> None:
    klines = [bar for index, bar in enumerate(walk(3, 300)) if index not in removed]
    by_time = {bar.open_time: bar for bar in klines}
    bars = closed_bars(klines)
    for frame in Frame:
        own = [item for item in bars if item.frame is frame]
        length = frame * SECOND
        whole = {
            start
            for start in range(START, START + 300 * SECOND, length)
            if all(start + step * SECOND in by_time for step in range(frame))
        }
        assert {item.bar.open_time for item in own} == whole
        for earlier, later in pairwise(own):
            assert later.missing == (later.bar.open_time - earlier.bar.open_time) // length - 1


def test_intervals_have_the_names_of_the_exchange() -> None:
    assert [interval_label(ms) for ms in (1000, 60_000, 300_000, 15_000, 120_000)] == [
        "1s", "1m", "5m", "15s", "2m",
    ]  # fmt: skip


def test_a_base_interval_is_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        BarSeries(0)


@given(
    offset=st.integers(0, 16),
    count=st.integers(1, 64),
    flaw=st.sampled_from(["", "gap", "repeated", "invalid"]),
    at=st.integers(0, 63),
)
def test_a_start_from_a_history_is_as_if_each_kline_had_been_pushed(
    offset: int, count: int, flaw: str, at: int
) -> None:
    klines = walk(3, 100)[offset:]
    history, later = klines[:count], klines[count:]
    if at < count and flaw == "repeated":
        history.insert(at, history[at])
    elif at < count and flaw == "invalid":
        history[at] = history[at]._replace(high=math.inf)
    elif at < count - 1 and flaw == "gap":
        del history[at]
    started, pushed = BarSeries(SECOND), BarSeries(SECOND)
    frames = started.start(history)
    closed = [bar for item in history for bar in pushed.push(item)]
    is_clean = pushed.counts.gaps == pushed.counts.duplicates == pushed.counts.invalid == 0
    assert (frames is not None) is is_clean
    if frames is None:
        assert started.counts == BarSeries(SECOND).counts
        return
    for frame, (columns, last_close_time) in frames.items():
        bars = [item.bar for item in closed if item.frame is frame]
        assert [column.tolist() for column in columns] == [column.tolist() for column in BarColumns.of(bars)]
        assert last_close_time == (bars[-1].close_time if bars else 0)
    assert started.counts == pushed.counts
    assert [started.push(item) for item in later] == [pushed.push(item) for item in later]
    assert started.counts == pushed.counts
    assert started.start(history) is None

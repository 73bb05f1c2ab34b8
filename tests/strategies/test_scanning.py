"""Scanning finds the signals that are found bar by bar: keys, figures, values, reasons, to the last bit."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarSeries, Frame
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters, BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.frames import BaseColumns, frames_of, usable_rows
from cq_tui.strategies.protocol import Signal, Strategy
from cq_tui.strategies.runner import Surroundings
from cq_tui.strategies.scanning import can_scan, scan
from cq_tui.strategies.trend_multi_tf import TrendMultiTf, TrendParameters
from tests.strategies.walks import SECOND, SMALL_BAND, SMALL_TREND, recorded, walk

MINUTE = 60_000
BAND = BandParameters()
TREND = TrendParameters()
TRAILED = TrendParameters(trail=True)
SMALL_TRAILED = SMALL_TREND.model_copy(update={"trail": True, "trail_period": 4})
#: Almost every close outside the bands begins a setup.
EAGER = SMALL_BAND.model_copy(
    update={"adx_limit": 90.0, "width_limit": 5.0, "oversold": 49.0, "overbought": 51.0, "deviations": 1.0}
)


def columns_of(klines: Sequence[Kline]) -> BaseColumns:
    times = np.array([kline.open_time for kline in klines], dtype=np.int64)
    fields = ("open", "high", "low", "close", "volume")
    return BaseColumns(times, *(np.array([getattr(each, name) for each in klines], float) for name in fields))


def both(make: type[Strategy], parameters: Any, klines: Sequence[Kline], base: int) -> tuple[list[Any], list[Any]]:
    """Return the signals bar by bar and those of a scan, each with all that it carries."""
    surroundings = Surroundings("COIN")
    engine = SymbolEngine(base, [make("COIN", base, parameters)], surroundings)  # type: ignore[call-arg]
    one_by_one = [signal for kline in klines for signal in engine.on_kline(kline)]
    strategy = make("COIN", base, parameters)  # type: ignore[call-arg]
    assert can_scan(strategy)
    at_once = scan(strategy, columns_of(klines), base, klines.__getitem__, surroundings)
    return [*map(whole, one_by_one)], [*map(whole, at_once)]


def whole(signal: Signal) -> tuple[object, ...]:
    """Return a signal with what its comparison leaves out."""
    return signal, signal.payload().model_dump(), signal.bar


CASES = [(BbMeanRevertV2, BAND), (TrendMultiTf, TREND), (TrendMultiTf, TRAILED)]
SMALL_CASES = [
    (BbMeanRevertV2, SMALL_BAND), (BbMeanRevertV2, EAGER), (TrendMultiTf, SMALL_TREND), (TrendMultiTf, SMALL_TRAILED),
]  # fmt: skip


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT"])
def test_over_recordings(symbol: str) -> None:
    """The recordings have a hole of 80 bars."""
    klines = recorded(symbol, 20_000)
    found = 0
    for make, parameters in CASES:
        one_by_one, at_once = both(make, parameters, klines, MINUTE)  # type: ignore[arg-type]
        assert at_once == one_by_one
        found += len(at_once)
    assert found > 20


def test_wherever_a_recording_begins() -> None:
    klines = walk(7, 4_000)
    for make, parameters in SMALL_CASES:
        for start in range(15):
            one_by_one, at_once = both(make, parameters, klines[start : 2_000 + start], SECOND)  # type: ignore[arg-type]
            assert at_once == one_by_one
            assert at_once


@given(st.data())
def test_with_gaps_repeats_and_broken_bars(data: st.DataObject) -> None:
    klines = [*damaged(data, walk(data.draw(st.integers(0, 50)), 1_500)[: data.draw(st.integers(0, 1_500))])]
    make, parameters = data.draw(st.sampled_from(SMALL_CASES))
    one_by_one, at_once = both(make, parameters, klines, SECOND)  # type: ignore[arg-type]
    assert at_once == one_by_one


@given(st.data())
def test_frames_are_those_of_a_series_of_bars(data: st.DataObject) -> None:
    klines = [*damaged(data, walk(3, 400)[: data.draw(st.integers(0, 400))])]
    series = BarSeries(SECOND)
    expected: dict[Frame, list[tuple[Any, ...]]] = {frame: [] for frame in Frame}
    for kline in klines:
        for frame, bar, missing in series.push(kline):
            expected[frame].append((bar.open_time, bar.high, bar.low, bar.close, missing))
    columns = columns_of(klines)
    made = frames_of(columns.rows(usable_rows(columns, SECOND)), SECOND, Frame)
    for frame, of_frame in made.items():
        rows: list[Any] = [of_frame.open_time, *of_frame.bars, of_frame.missing]
        assert [*zip(*(column.tolist() for column in rows), strict=True)] == expected[frame]


def damaged(data: st.DataObject, klines: list[Kline]) -> Iterator[Kline]:
    """Yield klines with some left out, repeated, late or wrong."""
    if not klines:
        return
    places = st.integers(0, len(klines) - 1)
    left_out = {
        number
        for start in data.draw(st.lists(places, max_size=6))
        for number in range(start, start + data.draw(st.sampled_from((1, 2, 14, 15, 40, 200))))
    }
    wrong = data.draw(st.dictionaries(places, st.sampled_from(("low", "close", "volume", "open_time")), max_size=5))
    again = data.draw(st.dictionaries(places, st.integers(0, 20), max_size=5))
    for number, kline in enumerate(klines):
        if number in left_out:
            continue
        if (field := wrong.get(number)) == "open_time":
            kline = kline._replace(open_time=kline.open_time + 1, close_time=kline.close_time + 1)
        elif field is not None:
            changed: dict[str, Any] = {field: float("nan") if number % 2 else -1.0}
            kline = kline._replace(**changed)
        yield kline
        if number in again:
            yield klines[max(number - again[number], 0)]

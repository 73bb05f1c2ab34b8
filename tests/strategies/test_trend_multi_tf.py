"""trend_multi_tf: each rule by itself, its mirror image, and what a signal carries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters
from cq_tui.strategies.indicators import atr
from cq_tui.strategies.protocol import Side, Signal
from cq_tui.strategies.trend_frames import (
    EMPTY_TIDE,
    EMPTY_TREND,
    TideRow,
    TrendRow,
    next_armed,
    tide_direction,
    trend_direction,
)
from cq_tui.strategies.trend_multi_tf import TrendMultiTf, TrendParameters, confidence, crossing
from tests.strategies.walks import SECOND, full_engine, run_from, walk

UP = TrendRow(103.0, 102.0, 101.0, 30.0, 25.0, 15.0, 0.5)
DOWN = TrendRow(101.0, 102.0, 103.0, 30.0, 15.0, 25.0, 0.5)
TIDE_UP = TideRow(105.0, 104.0, 101.0, 0.8)
POSITIVE = st.floats(0.01, 50)


@pytest.fixture(scope="module")
def signals() -> list[Signal]:
    """Signals of 3,000 bars on each of three walks."""
    found = [
        signal
        for seed in (3, 7, 13)
        for signal in run_from(full_engine, walk(seed, 12_000), 9_000)
        if signal.strategy == "trend_multi_tf"
    ]
    assert {signal.side for signal in found} == set(Side)
    return found


@pytest.mark.parametrize(
    ("row", "direction"),
    [
        (TIDE_UP, 1),
        (TideRow(97.0, 98.0, 101.0, 0.8), -1),
        (TideRow(100.0, 104.0, 101.0, 0.8), 0),
        (TideRow(105.0, 100.0, 101.0, 0.8), 0),
        (TideRow(101.0, 101.0, 101.0, 0.0), 0),
        (EMPTY_TIDE, 0),
    ],
)
def test_the_tide_needs_close_and_average_on_one_side(row: TideRow, direction: int) -> None:
    assert tide_direction(row) == direction


@pytest.mark.parametrize(
    ("row", "direction"),
    [
        (UP, 1),
        (DOWN, -1),
        (UP._replace(ema_fast=101.5), 0),
        (UP._replace(ema_slow=102.5), 0),
        (UP._replace(minus_di=25.0), 0),
        (DOWN._replace(plus_di=25.0), 0),
        (EMPTY_TREND, 0),
    ],
)
def test_the_trend_needs_the_stack_and_the_directional_indicators(row: TrendRow, direction: int) -> None:
    assert trend_direction(row) == direction


def test_the_trend_arms_at_25_and_disarms_below_20() -> None:
    armed, history = 0, []
    for strength in (19.0, 24.9, 25.0, 22.0, 20.0, 19.9, 24.9, 25.1):
        armed = next_armed(armed, UP._replace(adx=strength), 25.0, 20.0)
        history.append(armed)
    assert history == [0, 0, 1, 1, 1, 0, 0, 1]


def test_the_trend_disarms_when_the_stack_breaks_and_does_not_carry_over_to_the_other_side() -> None:
    assert next_armed(1, UP._replace(ema_fast=101.5), 25.0, 20.0) == 0
    assert next_armed(1, DOWN._replace(adx=22.0), 25.0, 20.0) == 0
    assert next_armed(1, DOWN, 25.0, 20.0) == -1
    assert next_armed(1, EMPTY_TREND, 25.0, 20.0) == 0


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (-1, 1, 1), (0, 1, 1), (1, -1, -1), (0, -1, -1), (1, 2, 0), (-1, 0, 0), (0, 0, 0),
        (math.nan, 1, 0), (-1, math.nan, 0),
    ],
)  # fmt: skip
def test_a_crossing_goes_through_zero(before: float, after: float, direction: int) -> None:
    assert crossing(before, after) == direction


@given(tide=st.tuples(POSITIVE, POSITIVE, POSITIVE), trend=st.tuples(POSITIVE, POSITIVE, POSITIVE), more=POSITIVE)
def test_confidence_rises_with_each_part_and_stays_within_0_and_1(
    tide: tuple[float, float, float], trend: tuple[float, float, float], more: float
) -> None:
    tide_row = TideRow(100 + tide[0], 100 + tide[1], 100.0, tide[2])
    trend_row = TrendRow(0.0, 100 + trend[0], 100.0, 20 + trend[1], 0.0, 0.0, trend[2])
    base = confidence(1, tide_row, trend_row)
    assert 0 < base < 1
    both = tide_row._replace(close=tide_row.close + more, ema_middle=tide_row.ema_middle + more)
    assert confidence(1, both, trend_row) > base
    assert confidence(1, tide_row, trend_row._replace(adx=trend_row.adx + more)) > base
    assert confidence(1, tide_row, trend_row._replace(ema_middle=trend_row.ema_middle + more)) > base


@given(st.floats(1, 90), st.floats(1, 90), st.floats(0, 100), st.floats(0.1, 5))
def test_confidence_is_the_same_on_the_mirrored_side(a: float, b: float, strength: float, span: float) -> None:
    up = confidence(1, TideRow(100 + a, 100 + b, 100.0, span), UP._replace(adx=strength))
    down = confidence(-1, TideRow(100 - a, 100 - b, 100.0, span), DOWN._replace(adx=strength))
    assert down == pytest.approx(up)


def test_a_signal_has_its_stop_and_target_on_the_right_sides(signals: list[Signal]) -> None:
    for signal in signals:
        stop, target = signal.stop_loss - signal.entry_price, signal.take_profit - signal.entry_price
        assert stop * signal.side.sign < 0 < target * signal.side.sign
        # 2 ATR to the stop, 3 ATR to the target.
        assert target / stop == pytest.approx(-1.5)
        assert 0 < signal.confidence < 1
        assert signal.frame == "1s"
        assert signal.trail is None
        assert signal.max_bars is None


def test_a_signal_is_an_event_of_the_contract(signals: list[Signal]) -> None:
    payload = signals[0].payload()
    assert payload.symbol == "BTCUSDT"
    assert payload.side == signals[0].side.value
    assert payload.bar_close_time == signals[0].bar_close_time
    assert payload.stop_loss == signals[0].stop_loss


def test_sell_mirrors_buy() -> None:
    # Around a high level the mirror image of a price series is again one.
    klines = walk(3, 11_500, price=1_000.0)
    mirrored = [
        bar._replace(open=4000 - bar.open, high=4000 - bar.low, low=4000 - bar.high, close=4000 - bar.close)
        for bar in klines
    ]

    def trend_signals(feed: list[Kline]) -> list[Signal]:
        found = run_from(full_engine, feed, 9_000)
        return [signal for signal in found if signal.strategy == "trend_multi_tf"]

    ups, downs = trend_signals(klines), trend_signals(mirrored)
    assert len(ups) == len(downs) > 0
    for up, down in zip(ups, downs, strict=True):
        assert up.bar_close_time == down.bar_close_time
        assert up.side is not down.side
        assert down.entry_price - down.stop_loss == pytest.approx(up.stop_loss - up.entry_price, rel=1e-6)
        assert down.confidence == pytest.approx(up.confidence, rel=1e-6)


def test_the_trail_is_the_distance_of_three_slow_ranges() -> None:
    klines = walk(3, 400)
    strategy = TrendMultiTf("BTCUSDT", SECOND, TrendParameters(trail=True))
    for frame in Frame:
        strategy.warm(frame, BarColumns.of(klines))
    # Force the decision: it is the carried values that matter here.
    strategy._tide.row, strategy._trend.row = TIDE_UP, UP
    signal = strategy._signal(1, klines[-1])
    assert signal is not None
    assert signal.trail is not None
    assert signal.trail == pytest.approx(3 * atr(22).warm(BarColumns.of(klines))[-1])
    assert strategy.warm_up == {Frame.TIDE: 600, Frame.TREND: 600, Frame.TRIGGER: 150}


@pytest.mark.parametrize(
    "wrong",
    [{"ema_fast": 60}, {"adx_disarm": 30}, {"stop_atr": 0}, {"ema_fastt": 20}, {"target_atr": math.nan}],
)
def test_parameters_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TrendParameters(**wrong)


def test_parameters_of_another_strategy_are_refused() -> None:
    with pytest.raises(TypeError, match="trend_multi_tf takes TrendParameters"):
        TrendMultiTf("BTCUSDT", SECOND, BandParameters())

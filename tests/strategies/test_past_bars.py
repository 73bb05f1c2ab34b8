"""Bars from before the klines at hand: a restart on a short history is as if there had been none."""

import numpy as np
import pytest

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.past_bars import MOST_BARS, PastBars, bars_of_frames, join
from cq_tui.strategies.protocol import Signal
from tests.strategies.walks import SECOND, after, full_engine, run, small_engine, walk

#: What a start reads of the journal, in these tests.
KEPT = 9_600


@pytest.fixture(scope="module")
def klines() -> list[Kline]:
    return walk(21, 30_000)


@pytest.fixture(scope="module")
def whole(klines: list[Kline]) -> list[Signal]:
    return run(full_engine(), klines)


def same(found: list[Signal], expected: list[Signal], relative: float = 1e-10) -> bool:
    """Whether signals are equal but for rounding: TA-Lib's sliding sums carry that of all bars since their start."""
    if [signal.key for signal in found] != [signal.key for signal in expected]:
        return False
    names = ("entry_price", "stop_loss", "take_profit", "confidence")
    figures = [[getattr(signal, name) for signal in signals for name in names] for signals in (found, expected)]
    return figures[0] == pytest.approx(figures[1], rel=relative)


def test_a_restart_on_a_short_history_changes_nothing(klines: list[Kline], whole: list[Signal]) -> None:
    kept = bars_of_frames(klines[:20_000], SECOND)
    differing = 0
    for cut in (20_000, 20_007, 21_500, 24_001):
        history = klines[cut - KEPT : cut]
        past = join(kept, bars_of_frames(history, SECOND))
        assert past is not None
        with_past, without = full_engine(), full_engine()
        with_past.warm_up(history, past)
        without.warm_up(history)
        expected = after(whole, klines, cut)
        assert same(run(with_past, klines[cut:]), expected)
        differing += not same(run(without, klines[cut:]), expected)
    assert differing == 4, "what is kept makes a difference"


def test_a_history_with_a_hole_joins_too(klines: list[Kline]) -> None:
    # One trend bar and one tide bar are dropped, which both frames bridge.
    holed = [kline for number, kline in enumerate(klines) if number != 16_003]
    whole = run(full_engine(), holed)
    cut = 20_000
    past = join(bars_of_frames(holed[:cut], SECOND), bars_of_frames(holed[cut - KEPT : cut], SECOND))
    engine = full_engine()
    engine.warm_up(holed[cut - KEPT : cut], past)
    assert same(run(engine, holed[cut:]), after(whole, holed, cut))


def test_bars_before_a_wide_gap_are_left(klines: list[Kline]) -> None:
    # Eleven tide bars are missing: the tide starts over there, and so do the trend and the trigger frame.
    holed = klines[:9_000] + klines[9_000 + 11 * 15 + 15 :]
    whole = run(full_engine(), holed)
    cut = 19_500
    past = join(bars_of_frames(holed[:cut], SECOND), bars_of_frames(holed[cut - KEPT : cut], SECOND))
    engine = full_engine()
    engine.warm_up(holed[cut - KEPT : cut], past)
    assert same(run(engine, holed[cut:]), after(whole, holed, cut))


def test_bars_of_another_market_do_not_join(klines: list[Kline]) -> None:
    kept = bars_of_frames(klines[:12_000], SECOND)
    changed = [*klines[3_000:12_000]]
    changed[5_000] = changed[5_000]._replace(high=changed[5_000].high * 1.5)
    assert join(kept, bars_of_frames(changed, SECOND)) is None
    assert join(kept, bars_of_frames(walk(22, 12_000), SECOND)) is None
    assert join(kept, bars_of_frames(klines[12_000:], SECOND)) is None, "no bar in both"
    assert join(kept, bars_of_frames([], SECOND)) == {}


def test_only_so_many_are_kept() -> None:
    made = bars_of_frames(walk(3, 90), SECOND)
    assert [len(made[frame].open_time) for frame in (Frame.TIDE, Frame.TREND)] == [6, 18]
    times = np.arange(MOST_BARS, dtype=np.int64)
    column = np.ones(MOST_BARS)
    long = PastBars(times, type(made[Frame.TIDE].columns)(column, column, column))
    joined = long.joined(made[Frame.TIDE])
    assert len(joined.open_time) == MOST_BARS
    assert joined.open_time[-1] == made[Frame.TIDE].open_time[-1]


@pytest.mark.parametrize("cut", [700, 703, 708])
def test_what_is_kept_counts_for_the_warm_up(cut: int) -> None:
    klines = walk(8, 1_500)
    whole = run(small_engine(), klines)
    # The history alone would warm up no tide frame, which needs 24 bars of 15.
    history = klines[cut - 200 : cut]
    past = join(bars_of_frames(klines[:cut], SECOND), bars_of_frames(history, SECOND))
    engine = small_engine()
    engine.warm_up(history, past)
    assert engine.warmup_progress == ""
    assert same(run(engine, klines[cut:]), after(whole, klines, cut))

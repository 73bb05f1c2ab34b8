"""bb_mean_revert_v2: regime, setup, trigger, skipping, and the traps of flat series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.market import Kline
from cq_tui.strategies.band_setup import BandRow, BandRules, BandSetup, Setup
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.bb_mean_revert_v2 import BandParameters, BbMeanRevertV2, confidence
from cq_tui.strategies.protocol import Side, Signal
from tests.strategies.walks import SECOND, full_engine, kline, run, run_from, walk

CALM = BandRow(100.5, 99.5, 100.0, 102.0, 100.0, 98.0, 0.04, 0.04, 50.0, 20.0, 0.5)
OVERSOLD = CALM._replace(high=98.5, low=97.0, close=97.5, rsi=25.0)
BACK = CALM._replace(high=98.9, low=97.4, close=98.5, rsi=35.0)


def mirrored(row: BandRow) -> BandRow:
    return row._replace(
        high=200 - row.low, low=200 - row.high, close=200 - row.close, upper=200 - row.lower,
        middle=200 - row.middle, lower=200 - row.upper, rsi=100 - row.rsi,
    )  # fmt: skip


def steps(*rows: BandRow) -> list[Setup | None]:
    setup = BandSetup(BandRules())
    return [setup.update(row) for row in rows]


def test_a_close_outside_and_back_inside_is_a_signal() -> None:
    assert steps(CALM, OVERSOLD, BACK) == [None, None, Setup(1, 97.0, 25.0, 20.0, 1)]


def test_the_sell_side_mirrors_it() -> None:
    assert steps(*map(mirrored, (CALM, OVERSOLD, BACK)))[-1] == Setup(-1, 103.0, 75.0, 20.0, 1)


def test_the_extreme_is_the_lowest_low_until_the_return() -> None:
    deeper = OVERSOLD._replace(low=96.0, rsi=31.0)
    found = steps(CALM, OVERSOLD, deeper, BACK._replace(low=96.5))[-1]
    assert found == Setup(1, 96.0, 25.0, 20.0, 2)


@pytest.mark.parametrize(("waits", "found"), [(0, True), (1, True), (2, True), (3, False)])
def test_the_return_must_come_within_three_bars(waits: int, found: bool) -> None:
    waiting = [OVERSOLD._replace(rsi=31.0)] * waits
    assert (steps(CALM, OVERSOLD, *waiting, BACK)[-1] is not None) is found


@pytest.mark.parametrize(
    "before",
    [
        CALM._replace(adx=25.1),
        CALM._replace(width=0.0481),
        CALM._replace(width=0.0, usual_width=0.0, adx=0.0),
        CALM._replace(adx=float("nan")),
        CALM._replace(usual_width=float("nan")),
    ],
    ids=["trending", "widening", "flat", "no ADX yet", "no usual width yet"],
)
def test_the_regime_is_judged_on_the_bar_before(before: BandRow) -> None:
    assert steps(before, OVERSOLD, BACK)[-1] is None


def test_the_setup_bar_itself_may_trend_and_widen() -> None:
    assert steps(CALM, OVERSOLD._replace(adx=40.0, width=0.2), BACK)[-1] is not None


@pytest.mark.parametrize(
    "setup",
    [
        OVERSOLD._replace(rsi=30.0),
        OVERSOLD._replace(close=98.0),
        OVERSOLD._replace(width=1e-7),
        OVERSOLD._replace(rsi=float("nan")),
    ],
    ids=["RSI not below 30", "on the band", "no width", "no RSI"],
)
def test_no_setup(setup: BandRow) -> None:
    assert steps(CALM, setup, BACK)[-1] is None


def test_a_close_right_through_to_the_other_side_is_not_back_inside() -> None:
    assert steps(CALM, OVERSOLD, BACK._replace(close=102.5, high=103.0))[-1] is None


def test_a_reset_forgets_the_setup_and_the_bar_before() -> None:
    setup = BandSetup(BandRules())
    setup.update(CALM)
    setup.update(OVERSOLD)
    setup.reset()
    assert setup.update(BACK) is None
    setup.update(CALM)
    setup.reset()
    setup.update(OVERSOLD)
    assert setup.pending is None


PRICES = st.integers(90, 110).map(float)
ROWS = st.builds(
    lambda close, below, above, rsi, adx, width: BandRow(
        close + above, close - below, close, 104.0, 100.0, 96.0, width, 0.04, float(rsi), float(adx), 1.0
    ),
    PRICES, st.integers(0, 3), st.integers(0, 3), st.integers(0, 100), st.integers(0, 60),
    st.sampled_from([0.0, 0.04, 0.048, 0.06]),
)  # fmt: skip


@given(st.lists(ROWS, min_size=1, max_size=40))
def test_any_rows_and_their_mirror_image_agree(rows: list[BandRow]) -> None:
    for found, other in zip(steps(*rows), steps(*map(mirrored, rows)), strict=True):
        assert (found is None) == (other is None)
        if found is not None and other is not None:
            assert other == Setup(-found.side, 200 - found.extreme, 100 - found.rsi, found.calm_adx, found.bars_waited)


DEFAULTS = BandParameters()
RSI_LOW, ADX_LOW, PAYOFF = st.floats(0, 29), st.floats(0, 24), st.floats(1, 20)


@given(RSI_LOW, ADX_LOW, PAYOFF, st.floats(0.01, 1))
def test_confidence_rises_with_each_part_and_stays_within_0_and_1(
    low: float, adx: float, payoff: float, more: float
) -> None:
    base = confidence(Setup(1, 97.0, low, adx, 1), payoff, DEFAULTS)
    assert 0 <= base <= 1
    assert confidence(Setup(1, 97.0, low - more, adx, 1), payoff, DEFAULTS) > base
    assert confidence(Setup(1, 97.0, low, adx - more, 1), payoff, DEFAULTS) > base
    assert confidence(Setup(1, 97.0, low, adx, 1), payoff + more, DEFAULTS) > base
    assert confidence(Setup(-1, 103.0, 100 - low, adx, 1), payoff, DEFAULTS) == pytest.approx(base)


@pytest.fixture(scope="module")
def signals() -> list[Signal]:
    """Signals of 8,000 bars on each of two walks."""
    found = [
        signal
        for seed in (1, 2)
        for signal in run_from(full_engine, walk(seed, 8_200), 200)
        if signal.strategy == "bb_mean_revert_v2"
    ]
    assert {signal.side for signal in found} == set(Side)
    return found


def test_a_signal_pays_at_least_what_it_risks(signals: list[Signal]) -> None:
    for signal in signals:
        risk = (signal.entry_price - signal.stop_loss) * signal.side.sign
        reward = (signal.take_profit - signal.entry_price) * signal.side.sign
        assert reward >= risk > 0
        assert 0 <= signal.confidence <= 1
        assert (signal.max_bars, signal.cooldown_bars, signal.trail) == (6, 10, None)


def test_a_signal_that_would_not_pay_is_skipped() -> None:
    greedy = BandParameters(reward_risk=2.0)
    klines = walk(1, 8_200)

    def found(parameters: BandParameters) -> list[Signal]:
        strategy = BbMeanRevertV2("BTCUSDT", SECOND, parameters)
        return [signal for bar in klines if (signal := strategy.on_bar(Frame.TRIGGER, bar)) is not None]

    every, best = found(BandParameters()), found(greedy)
    assert 0 < len(best) < len(every)
    assert {signal.key for signal in best} < {signal.key for signal in every}


def one_tick(index: int, price: float) -> Kline:
    return kline(index, price)._replace(open=100.0, high=100.0)


def test_a_flat_series_with_one_tick_down_gives_no_signal() -> None:
    # RSI is 0.0 and ADX 0 after a flat stretch: both would satisfy the rules, but nothing moved.
    klines = [kline(index, 100.0) for index in range(400)]
    klines[300] = one_tick(300, 99.99)
    assert run(full_engine(), klines) == []

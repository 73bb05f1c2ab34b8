"""Calibration: generated seconds move like the minutes of a real market, and no strategy earns by them."""

from pathlib import Path

import numpy as np
import pytest

from cq_tui.simulator.market.random_walk import RandomWalk, WalkState
from cq_tui.simulator.market.recordings import read_recordings
from cq_tui.simulator.market.statistics import (
    DAY_BARS,
    SAMPLE_BARS,
    BarStatistics,
    measure,
    miscalibrated,
    typical,
)
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, market_symbol
from cq_tui.simulator.market.ticks import TICKS_PER_SECOND, Floats
from cq_tui.simulator.server import DEFAULT_SEED
from tests.simulator.market.gross_at_mid import START, gross_at_mid

SYMBOLS = [market_symbol(name) for name in DEFAULT_SYMBOLS]
TICK_SIZES: Floats = np.array([float(entry.tick_size) for entry in SYMBOLS])
SEEDS = (DEFAULT_SEED, 1, 2, 3, 4, 5)


def generated(seed: int) -> list[BarStatistics]:
    """Measure each default symbol of a seed."""
    walk = RandomWalk(SYMBOLS, seed, WalkState.at(START, np.zeros(len(SYMBOLS))))
    blocks = [walk.next_block().last[TICKS_PER_SECOND - 1 :: TICKS_PER_SECOND] for _ in range(SAMPLE_BARS // 20 + 1)]
    closes = np.concatenate(blocks)[: SAMPLE_BARS + 1] * TICK_SIZES
    return [measure(column) for column in closes.T]


def test_the_generated_market_is_calibrated() -> None:
    samples = [sample for seed in SEEDS for sample in generated(seed)]
    assert miscalibrated(typical(samples)) == {}


def test_the_shipped_seed_is_calibrated_by_itself() -> None:
    assert miscalibrated(typical(generated(DEFAULT_SEED))) == {}


def test_at_speed_1_a_minute_moves_like_a_minute() -> None:
    samples = []
    for seed in SEEDS[:2]:
        walk = RandomWalk(SYMBOLS[:3], seed, WalkState.at(START, np.zeros(3)), speed=1)
        blocks = [walk.next_block().last for _ in range(3 * (DAY_BARS * 2 + 100))]
        closes = np.concatenate([block[-1:] for block in blocks[2::3]]) * TICK_SIZES[:3]
        samples += [measure(column) for column in closes.T]
    found = typical(samples)
    assert 6e-4 <= found.sigma <= 14e-4
    assert 0.2 <= found.size_lag_1 <= 0.5


def test_recorded_klines_pass_the_same_function(shared: Path) -> None:
    files = sorted((shared / "market").glob("*-1m-*.csv.gz"))
    if not files:
        pytest.skip(f"no recordings in {shared / 'market'}")
    samples = []
    for file in files:
        (recording,) = read_recordings(file).values()
        closes = recording.bars["close"]
        starts = range(0, len(closes) - SAMPLE_BARS, SAMPLE_BARS)
        samples += [measure(closes[first : first + SAMPLE_BARS + 1]) for first in starts]
    assert len(samples) == 3 * len(files)
    assert miscalibrated(typical(samples)) == {}


def test_what_is_measured() -> None:
    random = np.random.default_rng(1)
    found = measure(np.exp(np.cumsum(1e-3 * random.standard_normal(SAMPLE_BARS + 1))))
    assert found.sigma == pytest.approx(1e-3, rel=0.02)
    assert found.day_sigma == pytest.approx(1e-3 * DAY_BARS**0.5, rel=0.3)
    assert found.kurtosis == pytest.approx(3, abs=0.2)
    assert abs(found.lag_1) < 0.02
    assert set(miscalibrated(found)) == {"size_lag_1", "size_lag_10", "kurtosis"}
    swinging = measure(np.exp(1e-3 * random.standard_normal(SAMPLE_BARS + 1)))
    assert swinging.lag_1 == pytest.approx(-0.5, abs=0.02)


def test_both_strategies_earn_nothing_before_costs() -> None:
    """At mid prices and over hundreds of trades, their results are within two standard errors of zero."""
    results = gross_at_mid(SEEDS, 7_000)
    assert sorted(results) == ["bb_mean_revert_v2", "trend_multi_tf"]
    for name, gross in results.items():
        assert len(gross.returns) >= 400, name
        assert abs(gross.standard_errors) <= 2, name

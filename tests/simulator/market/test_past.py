"""The past: a year of klines from the first second, the same after a restart, joined to the ticks without a jump."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.simulator.market.bars import aggregate, bucket_open
from cq_tui.simulator.market.market import MINUTES_KEPT, Market
from cq_tui.simulator.market.market_start import random_walk_state, start_random_walk
from cq_tui.simulator.market.past import DAY_MS, Past
from cq_tui.simulator.market.random_walk import BLOCK_MS
from cq_tui.simulator.market.recordings import read_recordings
from cq_tui.simulator.market.replay import open_replay
from cq_tui.simulator.market.symbols import market_symbol
from cq_tui.simulator.market.ticks import TICK_MS
from tests.simulator.conftest import SHORT_HISTORY
from tests.simulator.market.test_replay import kline_rows, write

SYMBOLS = [market_symbol(name) for name in ("BTCUSDT", "ETHUSDT")]
NOW = 1_700_000_000_000 // 60_000 * 60_000 + 12_345
YEAR = 365 * DAY_MS
SEED = 5


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(start_random_walk(SYMBOLS, SEED, [], NOW, history_ms=SHORT_HISTORY), NOW // TICK_MS)


@pytest.mark.parametrize(("interval", "least"), [("1h", 1_000), ("4h", 1_000), ("1d", 366), ("3d", 120), ("1w", 52)])
def test_a_year_is_there_from_the_first_second(market: Market, interval: str, least: int) -> None:
    bars = market.klines("ETHUSDT", interval, 1_000)
    assert len(bars) >= least
    assert (np.diff(bars["open_time"]) == INTERVAL_MS[interval]).all()
    assert int(bars["open_time"][-1]) <= NOW < int(bars["open_time"][-1]) + INTERVAL_MS[interval]
    assert np.abs(np.log(bars["open"][1:] / bars["close"][:-1])).max() < 0.02
    assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (bars["low"] > 0).all()
    assert (bars["volume"] > 0).all()


def test_months_are_calendar_months(market: Market) -> None:
    bars = market.klines("ETHUSDT", "1M", 100)
    assert len(bars) >= 12
    assert np.array_equal(bucket_open(bars["open_time"], "1M"), bars["open_time"])
    assert len(np.unique(bars["open_time"])) == len(bars)


def test_longer_klines_are_made_of_the_minutes(market: Market) -> None:
    """Whatever is asked for, and wherever the minutes that are kept begin."""
    kept = NOW - MINUTES_KEPT * 60_000
    for end in (NOW - 300 * DAY_MS, kept, NOW):
        minutes = [
            market.klines("BTCUSDT", "1m", 1_000, start=start, end=end)
            for start in range((end - 4 * DAY_MS) // DAY_MS * DAY_MS, end, 1_000 * 60_000)
        ]
        whole = np.concatenate(minutes)
        assert (np.diff(whole["open_time"]) == 60_000).all()
        for interval in ("5m", "1h", "4h"):
            wanted = aggregate(whole, interval)[-11:-1]
            found = market.klines("BTCUSDT", interval, 10, end=int(wanted["open_time"][-1]))
            for name in ("open_time", "open", "high", "low", "close", "trades"):
                assert np.array_equal(found[name], wanted[name]), (interval, name)


def test_from_the_very_beginning(market: Market) -> None:
    first = market.klines("BTCUSDT", "1m", 1_000, start=0)
    assert len(first) == 1_000
    assert int(first["open_time"][0]) <= NOW - YEAR
    assert (np.diff(first["open_time"]) == 60_000).all()
    days = market.klines("BTCUSDT", "1d", 1_000, start=0)
    assert len(days) >= 366
    assert int(days["open_time"][0]) == int(first["open_time"][0]) // DAY_MS * DAY_MS


def test_a_restart_shows_the_same_past() -> None:
    source = start_random_walk(SYMBOLS, SEED, [], NOW, history_ms=SHORT_HISTORY)
    states = [random_walk_state(source, SEED)]
    began = source.state()["start_ms"]
    market = Market(source, NOW // TICK_MS)
    before = market.klines("ETHUSDT", "1m", 1_000, end=began - 60_000)
    days = market.klines("ETHUSDT", "1d", 300, end=began - 2 * DAY_MS)
    for _ in range(3 * 3_600_000 // BLOCK_MS):
        source.next_block()
    states.append(random_walk_state(source, SEED))
    later = states[-1]["state"]["start_ms"] + SHORT_HISTORY + 1_000
    restarted = start_random_walk(SYMBOLS, SEED, states, later, history_ms=SHORT_HISTORY)
    assert restarted.state()["start_ms"] > began
    again = Market(restarted, later // TICK_MS)
    assert np.array_equal(again.klines("ETHUSDT", "1m", 1_000, end=began - 60_000), before)
    assert np.array_equal(again.klines("ETHUSDT", "1d", 300, end=began - 2 * DAY_MS), days)
    bars = again.klines("ETHUSDT", "1m", 1_000)
    assert (np.diff(bars["open_time"]) == 60_000).all()
    assert np.abs(np.log(bars["open"][1:] / bars["close"][:-1])).max() < 0.01


def test_the_past_runs_through_its_knots() -> None:
    levels = [np.array([0.1, -0.2]), np.array([0.3, 0.0]), np.array([0.0, 0.1])]
    times = [NOW, NOW + 5 * 3_600_000, NOW + 9 * DAY_MS + 1_234]
    past = Past(SYMBOLS, SEED, 1e-3, 86_400.0, (times[0], levels[0]))
    for time, level in zip(times[1:], levels[1:], strict=True):
        past.add_knot(time, level)
    for column, entry in enumerate(SYMBOLS):
        bars = past.minutes(column, NOW - DAY_MS, times[-1])
        for time, level in zip(times, levels, strict=True):
            closed = bars[bars["open_time"] < time][-1]["close"]
            assert closed == pytest.approx(entry.start_price * np.exp(level[column]), rel=1e-4)
    assert past.first_ms <= NOW - YEAR
    for one, other in pairwise((NOW - 40 * DAY_MS, NOW - 20 * DAY_MS, NOW)):
        assert len(past.minutes(0, one, other)) == 20 * 1_440


def test_a_replay_serves_what_was_recorded(tmp_path: Path) -> None:
    path = write(tmp_path / "COINUSDT-1m-2024.csv", kline_rows(13_000, skip=(40, 41)))
    replay = open_replay(path, speed=1)
    replay.begin([], NOW)
    market = Market(replay, NOW // TICK_MS)
    market.advance((NOW + 3 * DAY_MS) // TICK_MS)  # so that the first minutes are no longer kept
    recorded = read_recordings(path)["COINUSDT"].bars
    served = market.klines("COINUSDT", "1m", 100, start=0)
    for name in ("open", "high", "low", "close"):
        assert np.allclose(served[name], recorded[name][:100])
    assert np.array_equal(np.diff(served["open_time"]), np.diff(recorded["open_time"][:100]))
    assert len(market.klines("COINUSDT", "1h", 1_000)) > 13_000 // 60 - 30

"""The market: its data does not depend on how ticks were reached, and klines have no gaps."""

import numpy as np
import pytest

from cq_tui.simulator.market.market import Market, NoPricesError
from cq_tui.simulator.market.market_start import HISTORY_MS, start_random_walk
from cq_tui.simulator.market.symbols import market_symbol
from cq_tui.simulator.market.ticks import TICK_MS
from tests.simulator.conftest import SHORT_HISTORY

SYMBOLS = [market_symbol(name) for name in ("BTCUSDT", "ETHUSDT")]
NOW = 1_700_000_000_000 // 60_000 * 60_000 + 12_345


def market_at(now: int, seed: int = 5, history_ms: int = SHORT_HISTORY) -> Market:
    return Market(start_random_walk(SYMBOLS, seed, [], NOW, history_ms=history_ms), now // TICK_MS)


def test_history_exists_from_the_first_second() -> None:
    market = market_at(NOW, history_ms=HISTORY_MS)
    bars = market.klines("ETHUSDT", "1s", 20_000)
    assert len(bars) >= HISTORY_MS // 1_000
    assert (np.diff(bars["open_time"]) == 1_000).all()
    assert int(bars["open_time"][-1]) == NOW // 1_000 * 1_000
    for interval, least in (("1m", 9_900), ("5m", 1_900), ("15m", 600), ("1h", 160), ("1d", 7)):
        found = market.klines("ETHUSDT", interval, 20_000)
        assert len(found) >= least, interval
        assert found["open_time"][-1] <= NOW < found["open_time"][-1] + 86_400_000


def test_a_shorter_history_has_the_requested_length() -> None:
    bars = market_at(NOW, history_ms=60_000).klines("ETHUSDT", "1s", 20_000)
    assert len(bars) == 61
    assert int(bars["open_time"][0]) == NOW // 1_000 * 1_000 - 60_000


def test_each_close_is_the_next_open_within_a_tick_or_two() -> None:
    bars = market_at(NOW, history_ms=HISTORY_MS).klines("BTCUSDT", "1s", 9_000)
    moved = np.abs(np.log(bars["open"][1:] / bars["close"][:-1]))
    assert np.median(moved) < 4e-4
    assert moved.max() < 2e-2


@pytest.mark.parametrize("interval", ["1s", "1m", "5m"])
def test_advancing_by_ticks_and_jumping_give_the_same_klines(interval: str) -> None:
    later = NOW + 200_000
    jumped, stepped = market_at(NOW), market_at(NOW)
    jumped.advance(later // TICK_MS)
    for tick in range(NOW // TICK_MS, later // TICK_MS + 1):
        stepped.advance(tick)
    assert np.array_equal(jumped.klines("ETHUSDT", interval, 3_000), stepped.klines("ETHUSDT", interval, 3_000))
    assert stepped.last_price("ETHUSDT") == jumped.last_price("ETHUSDT")


def test_a_closed_kline_never_changes() -> None:
    market = market_at(NOW)
    seen: dict[int, bytes] = {}
    for second in range(1, 90):
        market.advance((NOW + second * 1_000) // TICK_MS)
        for bar in market.klines("BTCUSDT", "1m", 4)[:-1]:
            assert seen.setdefault(int(bar["open_time"]), bar.tobytes()) == bar.tobytes()
    assert len(seen) >= 4


def test_closed_klines_equal_those_of_rest() -> None:
    market = market_at(NOW)
    minute = (NOW // 60_000 + 1) * 60_000
    market.advance(minute // TICK_MS)
    for interval, length in (("1s", 1_000), ("1m", 60_000)):
        closed = market.newly_closed_klines(interval)[market.column["ETHUSDT"]]
        served = market.klines("ETHUSDT", interval, 1, end=minute - 1)[0]
        assert closed == served
        assert int(closed["open_time"]) == minute - length


def test_kline_bounds_follow_the_rules_of_list_queries() -> None:
    market = market_at(NOW)
    first = int(market.klines("BTCUSDT", "1s", 20_000)["open_time"][0])
    assert market.klines("BTCUSDT", "1s", 2, start=0)["open_time"].tolist() == [first, first + 1_000]
    assert market.klines("BTCUSDT", "1s", 2, end=first + 5_500)["open_time"].tolist() == [first + 4_000, first + 5_000]
    assert market.klines("BTCUSDT", "1s", 9, start=first + 1, end=first + 2_000)["open_time"].tolist() == [
        first + 1_000,
        first + 2_000,
    ]
    assert len(market.klines("BTCUSDT", "1s", 9, start=NOW + 10_000)) == 0
    assert len(market.klines("BTCUSDT", "1s", 9, start=first + 5_000, end=first)) == 0


def test_the_day_is_the_sum_of_its_minutes() -> None:
    market = market_at(NOW)
    minutes = market.klines("BTCUSDT", "1m", 1_441)
    bars, before = market.rolling_day()
    day = bars[market.column["BTCUSDT"]]
    assert day["high"] == minutes["high"].max()
    assert day["low"] == minutes["low"].min()
    assert np.isclose(day["volume"], minutes["volume"].sum())
    assert NOW - 86_400_000 - 60_000 < int(day["open_time"]) <= NOW - 86_400_000 + 60_000
    assert before[0] > 0


def test_the_average_price_is_weighted_by_volume() -> None:
    market = market_at(NOW)
    bars = market.klines("BTCUSDT", "1s", 301)[:-1]
    expected = bars["quote"].sum() / bars["volume"].sum()
    assert float(market.average_price("BTCUSDT")) == pytest.approx(expected, rel=1e-9)


def test_a_time_before_the_prices_is_an_error() -> None:
    with pytest.raises(NoPricesError):
        market_at(NOW - 2 * SHORT_HISTORY)

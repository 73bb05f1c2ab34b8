"""Many symbols: hundreds need little memory, and show what a few do."""

import tracemalloc

import numpy as np
import pytest

from cq_tui.simulator.market.bars import aggregate
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.market_start import start_random_walk
from cq_tui.simulator.market.packed_ticks import PackedTicks, seconds_of
from cq_tui.simulator.market.random_walk import RandomWalk
from cq_tui.simulator.market.symbols import market_symbol
from cq_tui.simulator.market.ticks import TICK_MS, Bars, TickBlock, bars_of_ticks

NAMES = ["BTCUSDT", "SHIBUSDT", "ETHBTC", *(f"Q{number:02d}USDT" for number in range(77))]
SYMBOLS = [market_symbol(name) for name in NAMES]
NOW = 1_700_000_000_000 // 60_000 * 60_000 + 12_250
HISTORY_MS = 1_260_000
TICK_SIZES = np.array([float(entry.tick_size) for entry in SYMBOLS])
STEP_SIZES = np.array([float(entry.step_size) for entry in SYMBOLS])


def walk() -> RandomWalk:
    return start_random_walk(SYMBOLS, 5, [], NOW, history_ms=HISTORY_MS)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(walk(), NOW // TICK_MS)


@pytest.mark.parametrize("name", ["BTCUSDT", "SHIBUSDT", "Q05USDT"])
def test_seconds_are_those_of_all_ticks(market: Market, name: str) -> None:
    source = walk()
    blocks = [source.next_block() for _ in range(HISTORY_MS // 20_000)]
    expected = np.concatenate([bars_of_ticks(block, TICK_SIZES) for block in blocks])[:, market.column[name]]
    found = market.klines(name, "1s", 10_000)
    assert np.array_equal(found[: len(expected)], expected)
    later = market.klines(name, "1s", 30, start=NOW - 700_500, end=NOW)
    assert np.array_equal(later, found[(found["open_time"] >= NOW - 700_500)][:30])


def test_a_week_is_the_sum_of_its_minutes_of_which_a_day_is_at_hand(market: Market) -> None:
    start = NOW // 60_000 * 60_000 - 7 * 86_400_000
    (found,) = market.rolling_window(start, ["ETHBTC"])[[market.column["ETHBTC"]]]
    minutes = np.concatenate([
        market.klines("ETHBTC", "1m", 1_000, start=first, end=min(NOW, first + 59_999_999))
        for first in range(start, NOW, 60_000_000)
    ])  # fmt: skip
    assert len(minutes) == 7 * 1_440 + 1
    assert found["open"] == minutes["open"][0]
    assert found["high"] == minutes["high"].max()
    assert found["volume"] == pytest.approx(minutes["volume"].sum())
    assert found["trades"] == minutes["trades"].sum()


def test_longer_klines_go_on_where_the_minutes_at_hand_begin(market: Market) -> None:
    first = NOW - 3 * 86_400_000
    minutes = np.concatenate([market.klines("BTCUSDT", "1m", 1_000, start=at) for at in range(first, NOW, 60_000_000)])
    hours = market.klines("BTCUSDT", "1h", 1_000, start=first)
    expected = aggregate(minutes, "1h")
    assert np.array_equal(hours[:-1]["close"], expected[-len(hours) : -1]["close"])


def test_one_symbol_of_hundreds_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the 9,600 seconds of a whole history, of 32 bytes each, half a megabyte."""
    monkeypatch.setattr("cq_tui.simulator.market.market._MOST_BARS", 0)
    source = walk()
    tracemalloc.start()
    try:
        market = Market(source, NOW // TICK_MS)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    per_symbol = used / len(market.symbols)
    assert per_symbol < 32 * HISTORY_MS // 1_000 + 190_000


def block_of(quantity: list[list[float]], last: int = 7) -> TickBlock:
    amounts = np.array(quantity)
    prices = np.full(amounts.shape, last, dtype=np.int64)
    return TickBlock(400, prices, prices + 1, prices, amounts, np.arange(amounts.size).reshape(amounts.shape) % 2 == 0)


EXACT = block_of([[0.0, 3e-5], [2e-5, 0.0], [0.0, 0.0], [1e-5, 9e-5]])
UNEVEN = block_of([[0.1234567891, 0.0], [0.0, 1.0], [2.0, 3.0], [0.5, 0.25]])
HUGE = block_of([[1e18, 0.0], [0.0, 1.0], [2.0, 3.0], [0.5, 0.25]], last=2**40)


def trades_of(block: TickBlock, column: int) -> list[tuple[int, float, bool]]:
    rows = zip(block.last[:, column], block.quantity[:, column], block.taker_bought[:, column], strict=True)
    return [(int(price), float(quantity), bool(bought) and quantity > 0) for price, quantity, bought in rows]


@pytest.mark.parametrize("block", [EXACT, UNEVEN, HUGE])
@pytest.mark.parametrize("column", [0, 1])
def test_ticks_come_out_as_they_were(block: TickBlock, column: int) -> None:
    packed = PackedTicks.of(block, np.array([1e-5, 1e-5]))
    prices, sizes, bought = packed.trades(column, 1e-5)
    assert list(zip(prices.tolist(), sizes.tolist(), bought.tolist(), strict=True)) == trades_of(block, column)
    assert packed.counts(column).tolist() == np.cumsum(block.quantity[:, column] > 0).tolist()


def test_blocks_are_joined_whatever_they_are_packed_in() -> None:
    steps = np.array([1e-5, 1e-5])
    together = PackedTicks.joined([PackedTicks.of(block, steps) for block in (EXACT, UNEVEN, EXACT)], steps)
    assert len(together) == 12
    found: Bars = seconds_of([together], 1, 0.5, 1e-5)
    alone = [bars_of_ticks(block, np.array([0.5, 0.5]))[:, 1] for block in (EXACT, UNEVEN, EXACT)]
    for name in ("open", "high", "low", "close", "volume", "quote", "taker", "taker_quote", "trades"):
        assert found[name].tolist() == [float(bar[name][0]) for bar in alone], name


def test_the_books_of_hundreds_stay_small_wherever_prices_go() -> None:
    liquidity = walk().liquidity(0)
    best = 6_000_000
    first = liquidity.levels("BUY", best, 100)
    tracemalloc.start()
    try:
        for moved in range(5_000):
            liquidity.level("BUY", best + 7 * moved, 0)
            liquidity.level("SELL", best + 7 * moved + 1, 0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 50_000
    assert liquidity.levels("BUY", best, 100) == first

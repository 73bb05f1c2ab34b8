"""Restarts: the same prices after a short gap, a new era at the last prices after a long one."""

from typing import Any

import numpy as np
import pytest

from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.market_start import LONGEST_CATCH_UP_MS, random_walk_state, start_random_walk
from cq_tui.simulator.market.random_walk import BLOCK_MS, RandomWalk
from cq_tui.simulator.market.symbols import market_symbol
from cq_tui.simulator.market.ticks import TICK_MS

SYMBOLS = [market_symbol(name) for name in ("BTCUSDT", "ETHUSDT")]
NOW = 1_700_000_000_000
SEED = 5
HISTORY = 2_400_000


def ran_until(end: int, every: int = 300_000) -> tuple[Market, list[dict[str, Any]]]:
    """Run from NOW to ``end``, recording the walk's states like the server."""
    source = start_random_walk(SYMBOLS, SEED, [], NOW, history_ms=HISTORY)
    memory = [random_walk_state(source, SEED)]
    market = Market(source, NOW // TICK_MS)
    for time in range(NOW + every, end, every):
        market.advance(time // TICK_MS)
        memory.append(random_walk_state(source, SEED))
    market.advance(end // TICK_MS)
    return market, memory


def levels_at(source: RandomWalk, now: int) -> list[float]:
    """Run a new walk through its history and return its log prices."""
    while source.state()["start_ms"] + BLOCK_MS <= now:
        source.next_block()
    levels: list[float] = source.state()["level"]
    return levels


def latest(market: Market, symbol: str) -> tuple[Any, ...]:
    """Return a symbol's best prices and last trade."""
    prices = (market.best_ticks(symbol), market.last_price(symbol))
    return *prices, market.last_quantity(symbol), market.background_trade(symbol)


@pytest.mark.parametrize("uptime", [1_000, 900_000, 3_600_000])
def test_prices_continue_unchanged_after_a_restart(uptime: int) -> None:
    undisturbed, memory = ran_until(NOW + uptime)
    for gap in (0, 5_000, 1_800_000):
        later = NOW + uptime + gap
        undisturbed.advance(later // TICK_MS)
        again = Market(start_random_walk(SYMBOLS, SEED, memory, later, history_ms=HISTORY), later // TICK_MS)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert latest(again, symbol) == latest(undisturbed, symbol)
            count = HISTORY // 1_000
            old, new = (market.klines(symbol, "1s", count) for market in (undisturbed, again))
            assert len(new) == count
            assert np.array_equal(old, new)


@pytest.mark.parametrize("gap", [LONGEST_CATCH_UP_MS + 3_600_000, -7_200_000])
def test_after_a_long_gap_a_new_era_begins_at_the_last_prices(gap: int) -> None:
    market, memory = ran_until(NOW + 60_000)
    last = memory[-1]["state"]
    later = NOW + gap
    source = start_random_walk(SYMBOLS, SEED, memory, later, history_ms=HISTORY)
    assert source.state()["block"] == 0
    assert np.allclose(levels_at(source, later), last["level"])
    again = start_random_walk(SYMBOLS, SEED, memory, later, history_ms=HISTORY)
    assert len(Market(again, later // TICK_MS).klines("BTCUSDT", "1s", 20_000)) >= HISTORY // 1_000
    assert market.last_price("BTCUSDT") > 0


def test_another_set_of_symbols_keeps_known_prices() -> None:
    _, memory = ran_until(NOW + 60_000)
    memory[-1]["state"]["level"] = [0.5, 0.0]
    symbols = [market_symbol(name) for name in ("SOLUSDT", "BTCUSDT")]
    source = start_random_walk(symbols, SEED, memory, NOW + 60_000, history_ms=HISTORY)
    assert np.allclose(levels_at(source, NOW + 60_000), [0.0, 0.5])


#: A state as version 0.1.0 recorded it, with swings and shocks beside the level.
STATE_0_1_0 = {
    "block": 91, "start_ms": NOW + 60_000, "trades": 2_426_480, "level": [0.5, 0.25], "cycle": [0.0, 0.25],
    "cycle_quadrature": [0.0, 0.1], "shock": [-0.125, 0.0], "volatility": [0.1, -0.2], "regime": [1.0, 0.0],
    "regime_left": [12.0, 3.0], "leg_left": [2.0, 1.0], "drift": [0.0001, 0.0], "center": [0.4, 0.2],
    "frequency": [0.1, 0.1], "market": [0.1, 0.00002, 7.0],
}  # fmt: skip


@pytest.mark.parametrize("unknown", [(), ("trades", "shock", "regime", "regime_left", "leg_left")])
def test_prices_of_an_earlier_version_go_on_where_they_were(unknown: tuple[str, ...]) -> None:
    """Its states had other fields. They must not stop the exchange, nor move prices again at every restart."""
    state = {name: value for name, value in STATE_0_1_0.items() if name not in unknown}
    memory = [{"kind": "walk", "seed": SEED, "symbols": ["BTCUSDT", "ETHUSDT"], "state": state}]
    upgraded = start_random_walk(SYMBOLS, SEED, memory, NOW + 120_000, history_ms=HISTORY)
    assert upgraded.state()["trades"] > (STATE_0_1_0["trades"] if not unknown else (NOW - 1_577_836_800_000) // TICK_MS)
    memory.append(random_walk_state(upgraded, SEED))
    wanted = [0.5 if "shock" in unknown else 0.375, 0.5]
    assert np.allclose(levels_at(upgraded, NOW + 120_000), wanted)
    again = start_random_walk(SYMBOLS, SEED, memory, NOW + 180_000, history_ms=HISTORY)
    assert again.state() == memory[-1]["state"]


def test_at_another_speed_prices_go_on_from_where_they_were() -> None:
    _, memory = ran_until(NOW + 60_000)
    memory[-1]["state"]["level"] = [0.5, -0.25]
    del memory[-1]["speed"]  # as recorded by version 0.1.0, which knew no other
    assert start_random_walk(SYMBOLS, SEED, memory, NOW + 60_000, history_ms=HISTORY).state() == memory[-1]["state"]
    slow = start_random_walk(SYMBOLS, SEED, memory, NOW + 60_000, history_ms=HISTORY, speed=1)
    assert np.allclose(levels_at(slow, NOW + 60_000), [0.5, -0.25])
    memory.append(random_walk_state(slow, SEED))
    again = start_random_walk(SYMBOLS, SEED, memory, NOW + 180_000, history_ms=60_000, speed=1)
    assert again.state()["start_ms"] == slow.state()["start_ms"]

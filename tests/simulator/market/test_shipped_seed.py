"""The shipped seed: whenever a new directory is ready, a signal comes within a minute and an entry within three."""

from bisect import bisect_right

import numpy as np
import pytest

from cq_tui.contracts.market import make_kline
from cq_tui.simulator.market.market_start import HISTORY_MS, start_random_walk
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, market_symbol
from cq_tui.simulator.market.ticks import Floats, bars_of_ticks
from cq_tui.simulator.server import DEFAULT_SEED
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Side, Signal
from cq_tui.strategies.trend_multi_tf import TrendMultiTf
from tests.simulator.market.gross_at_mid import SECOND, START

SYMBOLS = [market_symbol(name) for name in DEFAULT_SYMBOLS]
TICK_SIZES: Floats = np.array([float(entry.tick_size) for entry in SYMBOLS])
HISTORY = HISTORY_MS // SECOND
#: Seconds within which all services are ready, and seconds looked at.
READY_WITHIN, LIVE = 90, 280
#: A target nearer than both commissions, a spread and some slippage is refused.
COSTS = 0.0024


def first_signals(aligned: int) -> list[tuple[int, Signal]]:
    """Return the signals of the first minutes, by the second since the exchange began."""
    walk = start_random_walk(SYMBOLS, DEFAULT_SEED, [], START + aligned * SECOND + HISTORY_MS)
    bars = np.concatenate([bars_of_ticks(walk.next_block(), TICK_SIZES) for _ in range((HISTORY + LIVE) // 20)])
    names = ("open_time", "open", "high", "low", "close", "volume", "quote", "trades")
    found = []
    for column, entry in enumerate(SYMBOLS):
        rows = zip(*(bars[name][:, column].tolist() for name in names), strict=True)
        klines = [make_kline((row[0], row[0] + SECOND - 1, *row[1:])) for row in rows]
        engine = SymbolEngine(SECOND, [TrendMultiTf(entry.symbol, SECOND), BbMeanRevertV2(entry.symbol, SECOND)])
        engine.warm_up(klines[:HISTORY])
        for second, kline in enumerate(klines[HISTORY:], 1):
            found += [(second, signal) for signal in engine.on_kline(kline)]
    return sorted(found, key=lambda item: item[0])


@pytest.mark.parametrize("aligned", [0, 4, 8, 12])
def test_signals_and_entries_come_soon(aligned: int) -> None:
    """Frames are aligned to the clock, so signals depend on when the exchange was started, too."""
    signals = first_signals(aligned)
    worth = [second for second, signal in signals if signal.side is Side.BUY and gain(signal) > COSTS]
    for ready in range(READY_WITHIN):
        assert next_after(ready + 1, [second for second, _ in signals]) - ready <= 50
        assert next_after(ready + 3, worth) - ready <= 120


def gain(signal: Signal) -> float:
    """Return the share that the target brings."""
    return signal.take_profit / signal.entry_price - 1


def next_after(second: int, seconds: list[int]) -> int:
    """Return the first of the ascending seconds after one."""
    return seconds[bisect_right(seconds, second)]

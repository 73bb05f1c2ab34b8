"""Generated prices: reproducible from a seed, restartable, volatile as specified, with lasting regimes."""

import numpy as np
import orjson
import pytest

from cq_tui.simulator.market.random_walk import BLOCK_MS, BLOCK_SECONDS, RandomWalk, WalkState
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, market_symbol
from cq_tui.simulator.market.ticks import Bars, Floats, TickBlock, bars_of_ticks
from cq_tui.simulator.server import DEFAULT_SEED

START = 1_700_000_040_000 // 60_000 * 60_000
SYMBOLS = [market_symbol(name) for name in DEFAULT_SYMBOLS]
TICK_SIZES: Floats = np.array([float(entry.tick_size) for entry in SYMBOLS])


def walk(seed: int = DEFAULT_SEED) -> RandomWalk:
    return RandomWalk(SYMBOLS, seed, WalkState.at(START, np.zeros(len(SYMBOLS))))


def bars(source: RandomWalk, blocks: int) -> Bars:
    return np.concatenate([bars_of_ticks(source.next_block(), TICK_SIZES) for _ in range(blocks)])


def same(one: TickBlock, other: TickBlock) -> bool:
    names = ("bid", "ask", "last", "quantity", "taker_bought")
    return one.start == other.start and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_the_same_seed_gives_the_same_prices_and_another_gives_others() -> None:
    one, other, third = walk(1), walk(1), walk(2)
    for _ in range(20):
        assert same(one.next_block(), other.next_block())
    assert not same(one.next_block(), third.next_block())
    assert np.array_equal(walk(1).history(), walk(1).history())


def test_prices_continue_from_a_state_read_from_json() -> None:
    source = walk()
    for _ in range(30):
        source.next_block()
    state = WalkState.from_json(orjson.loads(orjson.dumps(source.state())))
    again = RandomWalk(SYMBOLS, DEFAULT_SEED, state)
    for _ in range(10):
        assert same(source.next_block(), again.next_block())


def test_blocks_follow_each_other_and_quotes_are_sound() -> None:
    source = walk()
    end = None
    for number in range(50):
        block = source.next_block()
        assert end is None or block.start == end
        assert block.start * 250 == START + number * BLOCK_MS
        end = block.end
        assert (block.bid > 0).all()
        assert (block.bid < block.ask).all()
        assert ((block.last == block.bid) | (block.last == block.ask)).all()
        assert (block.quantity > 0).all()


@pytest.mark.parametrize("seed", [DEFAULT_SEED, 1, 2])
def test_a_second_moves_like_a_minute(seed: int) -> None:
    close = bars(walk(seed), 500)["close"]
    sigma = np.diff(np.log(close), axis=0).std(axis=0)
    assert 5e-4 <= sigma[0] <= 8e-4, "BTCUSDT"
    assert 5e-4 <= np.median(sigma) <= 8e-4
    assert (close / close[0]).max() < 2
    assert (close / close[0]).min() > 0.5


def test_symbols_move_together_but_not_alike() -> None:
    returns = np.diff(np.log(bars(walk(), 300)["close"]), axis=0)
    correlation = np.corrcoef(returns.T)[np.triu_indices(len(SYMBOLS), 1)]
    assert 0.15 < np.median(correlation) < 0.7
    assert correlation.max() < 0.9


def test_regimes_last_and_impulses_pay_more_than_they_cost() -> None:
    source = walk()
    regimes, drifts = [], []
    for _ in range(1_500):
        source.next_block()
        state = source.state()
        regimes.append(state["regime"])
        drifts.append(state["drift"])
    regime, drift = np.array(regimes), np.array(drifts)
    assert 0.2 < (regime == 0).mean() < 0.6
    assert (drift[regime == 0] == 0).all()
    lengths = np.array([len(run) * BLOCK_SECONDS for run in _runs(regime)])
    assert 600 <= np.median(lengths) <= 3_000
    legs = [run for run in _runs(drift) if run[0] != 0]
    seconds = np.array([len(run) * BLOCK_SECONDS for run in legs])
    assert 20 <= seconds.min() <= 60
    assert 100 <= seconds.max() <= 400
    # Most impulses move several times the 0.2 % that a round trip costs.
    moves = np.abs([run.sum() * BLOCK_SECONDS for run in legs])
    assert (moves > 0.004).mean() > 0.5


def _runs(values: Floats) -> list[Floats]:
    """Split each symbol's column where its value changes."""
    found: list[Floats] = []
    for column in values.T:
        found += np.split(column, np.flatnonzero(np.diff(column)) + 1)
    return found


def test_the_past_ends_where_the_walk_begins() -> None:
    source = walk()
    past = source.history()
    assert int(past["open_time"][-1, 0]) == START - 60_000
    assert (np.diff(past["open_time"][:, 0]) == 60_000).all()
    assert (past["high"] >= np.maximum(past["open"], past["close"])).all()
    assert (past["low"] <= np.minimum(past["open"], past["close"])).all()
    first = bars(source, 1)["open"][0]
    assert np.abs(np.log(first / past["close"][-1])).max() < 0.01

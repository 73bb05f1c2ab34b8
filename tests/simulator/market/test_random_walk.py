"""Generated prices: reproducible from a seed, restartable, plausible for days."""

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
    assert np.array_equal(walk(1).history(1_440), walk(1).history(1_440))


def test_a_seed_shows_the_same_prices_in_each_version() -> None:
    source = walk(20)
    blocks = [source.next_block() for _ in range(4)]
    assert blocks[-1].last[::20, :4].tolist() == [
        [6760244, 351630, 585136, 152494],
        [6749126, 351408, 584823, 152407],
        [6742792, 351209, 584847, 152349],
        [6742231, 351828, 586108, 152208],
    ]
    assert blocks[-1].quantity[-1, :4].tolist() == pytest.approx([0.14658, 5.1077, 5.793, 6.882])


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


def test_prices_stay_plausible_for_days() -> None:
    """A pull toward home, too weak to follow: without it they would be anywhere after a week."""
    source = walk()
    levels = []
    for number in range(2 * 86_400 // BLOCK_SECONDS):
        source.next_block()
        if number % 100 == 0:
            levels.append(source.state()["level"])
    assert np.abs(levels).max() < 1.2
    assert np.std(levels, axis=0).max() < 0.5


def test_a_walk_leads_to_the_prices_that_are_wanted() -> None:
    wanted = np.linspace(-0.4, 0.4, len(SYMBOLS))
    source = RandomWalk(SYMBOLS, 3, WalkState.at(START, walk(3).leads_to(wanted, 200)))
    for _ in range(200):
        source.next_block()
    assert np.allclose(source.state()["level"], wanted, atol=1e-9)


def test_symbols_move_together_but_not_alike() -> None:
    returns = np.diff(np.log(bars(walk(), 300)["close"]), axis=0)
    correlation = np.corrcoef(returns.T)[np.triu_indices(len(SYMBOLS), 1)]
    assert 0.15 < np.median(correlation) < 0.7
    assert correlation.max() < 0.9


def test_the_past_ends_where_the_walk_begins() -> None:
    source = walk()
    past = source.history(20_000)
    assert int(past["open_time"][-1, 0]) == START - 60_000
    assert (np.diff(past["open_time"][:, 0]) == 60_000).all()
    assert (past["high"] >= np.maximum(past["open"], past["close"])).all()
    assert (past["low"] <= np.minimum(past["open"], past["close"])).all()
    first = bars(source, 1)["open"][0]
    assert np.abs(np.log(first / past["close"][-1])).max() < 0.01

"""Random lives of the trader: 2,000 seeds in every run; a million steps, or other seeds, on demand.

A failing seed is printed with the smallest plan that still fails and its story. ``WORLD_SEEDS=100000-102000`` runs
other seeds; ``python -m tests.trading.world SEED`` tells the story of one.
"""

import os

import pytest

from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import Caught, explain, run

HEAVY = "CQ_HEAVY_TESTS" in os.environ
_SHARDS = 20
_SEEDS = 2_000
_MILLION = 1_000_000
_STEPS_A_SEED = 40


def _seeds() -> range:
    first, _, last = os.environ.get("WORLD_SEEDS", f"0-{_SEEDS}").partition("-")
    return range(int(first), int(last or int(first) + 1))


def _steps(seed: int) -> int:
    """Run a seed; return the number of steps."""
    plan = make_plan(seed)
    with Caught() as caught:
        return run(plan).steps
    pytest.fail(f"seed {seed}: {caught.text}\n{explain(plan)}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_the_trader_does_nothing_wrong(shard: int) -> None:
    for seed in _seeds()[shard::_SHARDS]:
        _steps(seed)


@pytest.mark.skipif(not HEAVY, reason="a million steps take minutes: make torture")
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_the_trader_does_nothing_wrong_in_a_million_steps(shard: int) -> None:
    steps, seed = 0, _SEEDS + shard
    while steps < _MILLION / _SHARDS:
        steps += _steps(seed)
        seed += _SHARDS


def test_a_life_is_long_enough() -> None:
    """The shortest of some lives has enough steps."""
    assert min(run(make_plan(seed)).steps for seed in range(20)) >= _STEPS_A_SEED

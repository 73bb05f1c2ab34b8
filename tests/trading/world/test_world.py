"""Random lives of the trader: 2,000 seeds in every run, and 400 in which troubles meet; a million steps of each,
or other seeds, on demand.

A failing seed is printed with the smallest plan that still fails and its story. ``WORLD_SEEDS=100000-102000`` runs
other seeds; ``python -m tests.trading.world SEED`` tells the story of one.
"""

import os
from collections.abc import Callable

import pytest

from tests.trading.world.happenings import Plan
from tests.trading.world.rare_seeds import make_rare_plan
from tests.trading.world.seeds import make_flattened_plan, make_plan, make_tight_plan
from tests.trading.world.shrink import Caught, explain, run

HEAVY = "CQ_HEAVY_TESTS" in os.environ
_SHARDS = 20
_SEEDS = 2_000
_TIGHT_SEEDS, _FLATTENED_SEEDS, _TIGHT_SHARDS = 100, 200, 4
_RARE_SEEDS, _RARE_SHARDS = 400, 4
_MILLION = 1_000_000
_STEPS_A_SEED = 40


def _seeds() -> range:
    first, _, last = os.environ.get("WORLD_SEEDS", f"0-{_SEEDS}").partition("-")
    return range(int(first), int(last or int(first) + 1))


def _life(plan: Plan) -> int:
    """Run a plan; return the number of steps."""
    with Caught() as caught:
        return run(plan).steps
    pytest.fail(f"seed {plan.seed}: {caught.text}\n{explain(plan)}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_the_trader_does_nothing_wrong(shard: int) -> None:
    for seed in _seeds()[shard::_SHARDS]:
        _life(make_plan(seed))


@pytest.mark.parametrize("shard", range(_TIGHT_SHARDS))
def test_no_limit_is_exceeded(shard: int) -> None:
    """In lives with tight limits."""
    for seed in range(shard, _TIGHT_SEEDS, _TIGHT_SHARDS):
        _life(make_tight_plan(seed))


@pytest.mark.parametrize("shard", range(_TIGHT_SHARDS))
def test_what_is_flattened_is_sold_and_stays_so(shard: int) -> None:
    """Also with coins of others, in every second life."""
    for seed in range(shard, _FLATTENED_SEEDS, _TIGHT_SHARDS):
        _life(make_flattened_plan(seed))


@pytest.mark.parametrize("shard", range(_RARE_SHARDS))
def test_the_trader_does_nothing_wrong_where_troubles_meet(shard: int) -> None:
    for seed in range(shard, _RARE_SEEDS, _RARE_SHARDS):
        _life(make_rare_plan(seed))


@pytest.mark.skipif(not HEAVY, reason="millions of steps take minutes: make torture")
@pytest.mark.parametrize("make", [make_plan, make_rare_plan])
@pytest.mark.parametrize("shard", range(_SHARDS))
def test_the_trader_does_nothing_wrong_in_a_million_steps(shard: int, make: Callable[[int], Plan]) -> None:
    steps, seed = 0, _SEEDS + shard
    while steps < _MILLION / _SHARDS:
        steps += _life(make(seed))
        seed += _SHARDS


def test_a_life_is_long_enough() -> None:
    """The shortest of some lives has enough steps."""
    assert min(run(make_plan(seed)).steps for seed in range(20)) >= _STEPS_A_SEED

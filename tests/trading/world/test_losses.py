"""Lives with tight limits on losses: what the judge demands of every life, and what only these show."""

import pytest

from cq_tui.trading.limits.losses import LossLimit, LossTier
from tests.trading.world import happenings as h
from tests.trading.world.happenings import Plan
from tests.trading.world.reached import Reached
from tests.trading.world.scenarios import PLANS
from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import Caught, explain
from tests.trading.world.world import World

_TIGHT = ("0.0003,0.0001,0.0002,0.0005", "0.001,0.0002,0.0004,0.0008", "1,0.00001,0.00002,0.00003")
_SHARDS = 4


def tight(seed: int) -> Plan:
    """A life with tight limits, and a death in its midst."""
    plan = make_plan(seed)
    more = h.Setting(0, "losses", _TIGHT[seed % len(_TIGHT)]), h.Kill(plan.ms // 2, seed % 7, snapshot="none")
    return Plan(seed, tuple(sorted((*plan.happenings, *more), key=lambda one: one.at)), plan.ms)


@pytest.mark.parametrize("shard", range(_SHARDS))
def test_with_tight_limits_the_trader_does_nothing_wrong(shard: int) -> None:
    for seed in range(100)[shard::_SHARDS]:
        plan = tight(seed)
        with Caught() as caught:
            World(plan).run()
            continue
        pytest.fail(f"seed {seed}: {caught.text}\n{explain(plan)}", pytrace=False)


def test_the_lives_reach_every_limit_and_every_tier() -> None:
    found: set[tuple[LossLimit, LossTier]] = set()
    for seed in range(24):
        world = World(tight(seed), Reached())
        with Caught():
            world.run()
        if world.process is not None:
            found |= {(limit, hold.tier) for limit, hold in world.process.core.book.losses.items()}
    drawdowns = {(LossLimit.DRAWDOWN, tier) for tier in LossTier}
    assert found == {(LossLimit.DAILY_LOSS, LossTier.REDUCE), *drawdowns}


def test_the_last_tier_closes_what_is_held_and_a_person_starts_again() -> None:
    trace: list[str] = []
    world = World(PLANS["a drawdown that is said, stops entries, and closes everything, over a restart"], trace=trace)
    world.run()
    told = "\n".join(trace)
    assert [tier in told for tier in ("tier=warn", "tier=reduce", "tier=halt")] == [True, True, True], told
    assert world.process is not None
    assert world.process.core.book.losses == {}
    assert list(world.process.core.book.positions) == ["GOLDUSDT"], "bought after it was accepted"

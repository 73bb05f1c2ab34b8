"""Tells the story of a seed that fails, made small: ``python -m tests.trading.world [rare] SEED``."""

import sys

from tests.trading.world.rare_seeds import make_rare_plan
from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import explain, failure_of

*kinds, seed = sys.argv[1:] or [""]
if kinds not in ([], ["rare"]) or not seed.isdecimal():
    sys.exit("usage: python -m tests.trading.world [rare] SEED")
plan = make_rare_plan(int(seed)) if kinds else make_plan(int(seed))
print(explain(plan) if failure_of(plan) else f"seed {plan.seed} does not fail")

"""Tells the story of a seed that fails, made small: ``python -m tests.trading.world SEED``."""

import sys

from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import explain, failure_of

plan = make_plan(int(sys.argv[1]))
print(explain(plan) if failure_of(plan) else f"seed {plan.seed} does not fail")

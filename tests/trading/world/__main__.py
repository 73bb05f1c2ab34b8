"""Tells the story of a seed that fails, made small: ``python -m tests.trading.world SEED``."""

import sys

from tests.trading.world.seeds import make_plan
from tests.trading.world.shrink import explain, failure_of

if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
    sys.exit("usage: python -m tests.trading.world SEED")
plan = make_plan(int(sys.argv[1]))
print(explain(plan) if failure_of(plan) else f"seed {plan.seed} does not fail")

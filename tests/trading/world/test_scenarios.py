"""Lives of the trader written by hand, each judged after every step."""

import pytest

from tests.trading.world.scenarios import PLANS
from tests.trading.world.shrink import Failure, failure_of


@pytest.mark.parametrize("name", PLANS)
def test_the_trader_does_nothing_wrong_when(name: str) -> None:
    trace: list[str] = []
    error = failure_of(PLANS[name], trace)
    assert error is None, Failure(PLANS[name], str(error), tuple(trace))

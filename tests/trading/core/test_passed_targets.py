"""A trailing stop may rise above the target: then the position keeps a stop, without a target."""

from decimal import Decimal

import pytest

from cq_tui.trading.core.effects import PlaceOrder
from cq_tui.trading.core.facts import StopMoved
from cq_tui.trading.core.inputs import Tick
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal


@pytest.mark.parametrize("stop", [D(104), D(105)])
def test_a_stop_at_or_above_the_target_stands_alone(stop: Decimal) -> None:
    stage = CoreStage()
    stage.enter()
    # No fresh price: the target is not known to be reached. The move of the stop waits.
    stage.now += 60.0
    stage.core.situation.lane(SYMBOL).protect_pause.fail(stage.now, 5.0)
    stage.core.situation.record(StopMoved(SYMBOL, stop, stage.ms))
    stage.report("target", "CANCELED")
    stage.report("stop", "CANCELED")
    stage.now += 6.0
    stage.give(Tick())
    placed = stage.one(PlaceOrder).order
    assert (placed.type, placed.stop_price) == ("STOP_LOSS", stop)

"""What round trips leave: owned, valued, and no position, however often it happens."""

from decimal import Decimal

from cq_tui.trading.core.book import OCO_TRIGGER
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal


def round_trip(stage: CoreStage) -> None:
    """Buy by a list, with the commission in coins; the target sells what the list covers."""
    stage.enter()
    stage.quote(D(104))
    stage.report("stop", "EXPIRED", OCO_TRIGGER)
    stage.report("target", "FILLED", fill=stage.fill(stage.record("target").quantity, "USDT"))
    stage.quote(D(100))
    stage.wait(1.0)


def test_remainders_of_several_round_trips_are_no_position() -> None:
    """Together they are more than one lot, and still less than any order may sell."""
    stage = CoreStage(step_size=D("0.01"))
    for trip in range(1, 4):
        round_trip(stage)
        left = stage.core.book.quantity(SYMBOL)
        assert left == trip * (D("0.99") * D("0.999") - D("0.98"))
        assert (stage.core.book.positions, stage.core.situation.lane(SYMBOL).stuck) == ({}, ""), f"{left} BTC left"
    assert left > stage.rules.step_size

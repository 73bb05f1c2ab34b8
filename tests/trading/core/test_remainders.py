"""What round trips leave: owned, valued, sold with the next exit, and no position, however often it happens."""

from decimal import Decimal

import pytest

from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.core.book import OCO_TRIGGER
from cq_tui.trading.core.inputs import Reported
from cq_tui.trading.core.judging import context_of
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal
STEP, COMMISSION = D("0.01"), D("0.001")


def round_trip(stage: CoreStage) -> None:
    """Buy by a list, with the commission in coins; the target sells what the list covers."""
    stage.enter()
    stage.quote(D(104))
    stage.report("stop", "EXPIRED", OCO_TRIGGER)
    stage.report("target", "FILLED", fill=stage.fill(stage.record("target").quantity, "USDT"))
    stage.quote(D(100))
    stage.wait(1.0)


def is_over(stage: CoreStage) -> bool:
    return not stage.core.book.positions and not stage.core.situation.lane(SYMBOL).stuck


def test_remainders_that_no_exit_can_take_along_are_no_position() -> None:
    """They are locked: together more than one lot, and still less than any order may sell."""
    stage = CoreStage(step_size=STEP)
    for trip in range(1, 4):
        round_trip(stage)
        left = stage.core.book.quantity(SYMBOL)
        assert left == trip * (D("0.99") * (1 - COMMISSION) - D("0.98"))
        assert is_over(stage), f"{left} BTC left"
    assert left > STEP


@pytest.mark.parametrize("foreign", [D(0), D(5)])
def test_a_list_sells_what_earlier_positions_left(foreign: Decimal) -> None:
    stage = CoreStage(step_size=STEP)
    for _ in range(12):
        free = Balance("BTC", stage.core.book.quantity(SYMBOL) + foreign, D(0))
        stage.give(Reported(AccountPosition(stage.ms, stage.ms, (free,))))
        round_trip(stage)
        assert stage.core.book.quantity(SYMBOL) < STEP
        assert is_over(stage)


def test_a_list_that_sells_only_what_it_received_counts_no_remainder() -> None:
    stage = CoreStage(step_size=STEP)
    round_trip(stage)
    situation, left = stage.core.situation, stage.core.book.quantity(SYMBOL)
    situation.balances["BTC"] = Balance("BTC", left, D(0))
    assert context_of(situation, SYMBOL).budget.remainder == left
    situation.lane(SYMBOL).commission = None
    assert context_of(situation, SYMBOL).budget.remainder == 0

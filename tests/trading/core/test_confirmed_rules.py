"""Before protection is removed, the exchange is asked whether the symbol trades: a halt is announced nowhere."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core.effects import CHANGES, FetchRules, ReplaceOrder
from cq_tui.trading.core.inputs import Refused, Started
from cq_tui.trading.position_life import PositionState
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal


@pytest.fixture
def stage() -> CoreStage:
    """A protected position, rules read long ago, and a wish to leave."""
    stage = CoreStage()
    stage.enter()
    stage.wait(60)
    for request in stage.all(FetchRules):
        status(stage, request, "TRADING")
    stage.wait(60)
    stage.signal("SELL")
    assert not changes(stage)
    return stage


def changes(stage: CoreStage) -> list[object]:
    return [request for request in stage.sent if isinstance(request, CHANGES)]


def status(stage: CoreStage, request: FetchRules, status: str) -> None:
    rules = replace(stage.rules, status=status)
    stage.answer(request, ExchangeInfo(0, (), {SYMBOL: rules}, {}))


def test_of_a_halted_symbol_the_protection_stays_until_it_trades(stage: CoreStage) -> None:
    status(stage, stage.one(FetchRules), "HALT")
    for _ in range(10):
        stage.wait(1)
        for request in stage.all(FetchRules):
            status(stage, request, "HALT")
        assert not changes(stage)
    stage.wait(60)
    status(stage, stage.one(FetchRules), "TRADING")
    stage.one(ReplaceOrder)


def test_a_symbol_that_trades_is_left_at_once(stage: CoreStage) -> None:
    status(stage, stage.one(FetchRules), "TRADING")
    stage.one(ReplaceOrder)
    assert stage.core.book.positions[SYMBOL].state is PositionState.CLOSING


def test_if_rules_cannot_be_read_what_is_known_counts(stage: CoreStage) -> None:
    request = stage.one(FetchRules)
    stage.sent.remove(request)
    stage.give(Started(request.number))
    stage.give(Refused(request.number, -1003, "later"))
    stage.one(ReplaceOrder)


def test_rules_that_keep_it_from_being_sold_are_read_again_soon(stage: CoreStage) -> None:
    normal = stage.rules
    stage.rules = replace(normal, min_notional=D(1_000))
    status(stage, stage.one(FetchRules), "TRADING")
    assert not changes(stage)
    stage.rules = normal
    for _ in range(4):
        stage.wait(5)
    status(stage, stage.one(FetchRules), "TRADING")
    stage.one(ReplaceOrder)

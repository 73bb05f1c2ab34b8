"""Protection while an outcome is unknown: at once where the balance is the fence, and only there."""

from decimal import Decimal

import pytest

from cq_tui.binance.order_lists import NewOco
from cq_tui.trading.core.effects import PlaceList, QueryOrder
from cq_tui.trading.core.inputs import OutcomeUnknown
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal


def lose_protection(stage: CoreStage, foreign: Decimal) -> None:
    """Have a position whose list ended, and whose new protection was lost on the way: a query does not find it."""
    stage.enter()
    held = stage.core.book.quantity(SYMBOL)
    money = stage.core.book.money
    assert money is not None
    for _ in range(3):
        stage.wait(61.0)
        stage.reconcile(BTC=held + foreign, USDT=money.quote)
        for query in stage.all(QueryOrder):
            stage.answer(query, stage.order(query.client_order_id or "", "NEW"))
    assert stage.core.situation.is_quiet_known
    for leg in ("stop", "target"):
        stage.report(leg, "CANCELED")
    placed = stage.one(PlaceList)
    stage.sent.remove(placed)
    stage.give(OutcomeUnknown(placed.number, "timed out"))
    for _ in range(4):
        for query in stage.all(QueryOrder):
            stage.refuse(query, -2013, "Order does not exist.")
        stage.wait(0.1)


def again(stage: CoreStage) -> list[PlaceList]:
    return [request for request in stage.all(PlaceList) if isinstance(request.order_list, NewOco)]


def test_without_foreign_coins_it_is_protected_again_at_once() -> None:
    stage = CoreStage()
    lose_protection(stage, D(0))
    stage.wait(2.1)
    assert len(again(stage)) == 1


@pytest.mark.parametrize("foreign", [D("0.5")])
def test_with_foreign_coins_the_evidence_is_awaited(foreign: Decimal) -> None:
    """Two lists could sell coins that are not ours."""
    stage = CoreStage()
    lose_protection(stage, foreign)
    stage.wait(2.1)
    assert not again(stage)

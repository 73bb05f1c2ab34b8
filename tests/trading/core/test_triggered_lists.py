"""A list whose one leg was triggered: the exchange reports the end of the other leg before the fill."""

from decimal import Decimal

import pytest

from cq_tui.trading.core.effects import CHANGES, FetchOpenOrders, QueryOrder
from cq_tui.trading.position_life import NakedKind, PositionState
from tests.trading.core.stage import SYMBOL, CoreStage

D = Decimal


@pytest.mark.parametrize(("expires", "fills"), [("stop", "target"), ("target", "stop")])
def test_nothing_is_sent_between_the_end_of_one_leg_and_the_fill_of_the_other(expires: str, fills: str) -> None:
    stage = CoreStage()
    stage.enter()
    assert stage.core.book.positions[SYMBOL].state is PositionState.PROTECTED
    stage.report(expires, "EXPIRED", "OCO_TRIGGER")
    assert not [request for request in stage.sent if isinstance(request, CHANGES)]
    quantity = stage.record(fills).quantity
    stage.report(fills, "FILLED", fill=stage.fill(quantity, "USDT"))
    assert SYMBOL not in stage.core.book.positions
    assert not [request for request in stage.sent if isinstance(request, CHANGES)]
    assert stage.core.book.naked.longest.get(NakedKind.LOST) is None


def test_a_fill_that_does_not_come_is_asked_for_and_the_position_protected_again() -> None:
    stage = CoreStage()
    stage.enter()
    stage.report("stop", "EXPIRED", "OCO_TRIGGER")
    stage.wait(0.2)
    query = stage.one(QueryOrder)
    stage.answer(query, stage.order(query.client_order_id or "", "NEW"))
    [change] = [request for request in stage.sent if isinstance(request, CHANGES)]
    assert change.symbol == SYMBOL


def test_a_triggered_order_that_is_reported_new_once_more_is_still_asked_for() -> None:
    stage = CoreStage()
    stage.enter()
    stage.report("target", "EXPIRED", "OCO_TRIGGER")
    stage.report("stop", "NEW")
    stage.wait(0.2)
    assert stage.one(QueryOrder).client_order_id == stage.record("stop").client_order_id


def test_open_orders_from_before_the_trigger_do_not_show_the_triggered_order_working() -> None:
    stage = CoreStage()
    stage.enter()
    stage.wait(61.0)
    [request] = stage.all(FetchOpenOrders)
    stop, target = stage.order(stage.record("stop").client_order_id, "NEW"), stage.record("target").client_order_id
    stage.wait(0.05)
    stage.report("target", "EXPIRED", "OCO_TRIGGER")
    stage.answer(request, (stop, stage.order(target, "NEW")))
    assert not [one for one in stage.sent if isinstance(one, CHANGES)]
    asked = len(stage.all(QueryOrder))
    stage.wait(0.2)
    assert [one.client_order_id for one in stage.all(QueryOrder)[asked:]] == [stop.client_order_id]

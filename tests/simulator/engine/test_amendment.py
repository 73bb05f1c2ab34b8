"""Amendments reduce an order, release its excess lock, and keep its queue priority."""

from decimal import Decimal

import pytest

from cq_tui.simulator.engine.engine import Engine
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import engine_on, held, list_statuses, live, new, oco, refused, sell_oco

D = Decimal


@pytest.fixture
def engine(market: HandMarket) -> Engine:
    return engine_on(market, coin="10")


def test_an_amendment_reduces_the_quantity_and_keeps_the_priority(engine: Engine, market: HandMarket) -> None:
    first = live(engine, engine.place(new("BUY", "LIMIT", "3", price="99", client_order_id="mine"), 5))
    second = live(engine, engine.place(new("BUY", "LIMIT", "3", price="99"), 5))
    outcome = engine.amend(first, D(2), "other", 6)
    assert (first.quantity, first.client_order_id, first.amends, first.locked) == (D(2), "other", 1, D(198))
    [report] = outcome.reports
    assert (report.execution_type, report.original_client_id, report.order.client_order_id) == (
        "REPLACED",
        "mine",
        "other",
    )
    assert outcome.amendment is not None
    assert (outcome.amendment.original_quantity, outcome.amendment.new_quantity) == (D(3), D(2))
    assert outcome.amendment.execution_id == report.execution_id
    assert engine.state.find("COINUSDT", None, "other") is first
    assert engine.state.find("COINUSDT", None, "mine") is None
    market.move("98.90", "99.00")
    fills = [report.order.order_id for report in engine.on_tick(7).reports if report.trade]
    assert fills[0] == first.order_id
    assert (first.status, second.status) == ("FILLED", "FILLED")


def test_invalid_amendments_are_rejected(engine: Engine) -> None:
    order = live(engine, engine.place(new("BUY", "LIMIT", "3", price="99"), 5))
    other = live(engine, engine.place(new("BUY", "LIMIT", "1", price="98", client_order_id="taken"), 5))
    increase = "Order amend (quantity increase) is not supported."
    no_change = "The requested action would change no state; rejecting."
    refused(lambda: engine.amend(order, D(4), "n", 6), -2038, increase)
    refused(lambda: engine.amend(order, D(3), "n", 6), -2038, no_change)
    refused(lambda: engine.amend(order, D("2.0001"), "n", 6), -2038, "Filter failure: LOT_SIZE")
    refused(lambda: engine.amend(order, D(2), "taken", 6), -2038, "Duplicate order sent.")
    for number in range(10):
        engine.amend(order, D(2) - D(number) / 100, order.client_order_id, 6)
    refused(lambda: engine.amend(order, D(1), "n", 6), -2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    engine.cancel(other, "x", 7)
    refused(lambda: engine.amend(other, D("0.5"), "n", 8), -2038, "Unknown order sent.")


def test_an_order_is_not_amended_below_its_fills(engine: Engine, market: HandMarket) -> None:
    market.move("100.00", "100.02")
    order = live(engine, engine.place(new("BUY", "LIMIT", "89", price="100.02"), 5))
    assert order.is_open
    assert order.executed > 10
    refused(lambda: engine.amend(order, D(10), "n", 6), -2038, "The requested action would change no state; rejecting.")


def test_both_legs_of_an_oco_are_amended(engine: Engine) -> None:
    outcome = sell_oco(engine, "2")
    stop, limit = (live(engine, outcome, leg) for leg in (0, 1))
    amended = engine.amend(stop, D(1), "new", 6)
    assert (limit.quantity, stop.quantity, held(engine, "COIN")) == (D(1), D(1), (D(9), D(1)))
    assert limit.client_order_id != "new"
    assert list_statuses(amended) == ["UPDATED"]
    assert not list_statuses(engine.amend(stop, D("0.5"), "new", 7))


def test_an_amended_buy_oco_keeps_the_lock_of_its_more_expensive_leg(engine: Engine) -> None:
    above = new("BUY", "STOP_LOSS_LIMIT", "2", price="103", stop_price="102")
    below = new("BUY", "LIMIT_MAKER", "2", price="98")
    outcome = engine.place_list(oco("BUY", above, below), 5)
    engine.amend(live(engine, outcome, 1), D(1), "n", 6)
    assert held(engine, "USDT")[1] == 103


def test_an_amended_iceberg_keeps_its_visible_part_where_it_can(engine: Engine) -> None:
    order = live(engine, engine.place(new("BUY", "LIMIT", "3", price="99", iceberg_quantity="1"), 5))
    engine.amend(order, D(2), "n", 6)
    assert order.visible_quantity == 1
    engine.amend(order, D("0.6"), "n", 7)
    assert order.visible_quantity == D("0.6")

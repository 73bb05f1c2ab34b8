"""Contingent order lists: OTO, OTOCO, OPO and OPOCO."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import EngineOrder, NewOrder, NewOrderList
from cq_tui.simulator.engine.outcome import Outcome
from tests.simulator.conftest import COIN, HandMarket
from tests.simulator.engine.test_engine import engine_on, held, list_statuses, live, new, refused

D = Decimal


def dependent(kind: str, working: NewOrder, *legs: NewOrder) -> NewOrderList:
    return NewOrderList(kind, COIN.symbol, f"list-{working.client_order_id}", working, legs)


def resting(quantity: str = "2", **fields: str) -> NewOrder:
    return new("BUY", "LIMIT", quantity, price="99", **fields)


def fill_working(engine: Engine, market: HandMarket) -> Outcome:
    """Move the price down to 99 and back up."""
    market.move("98.90", "98.95", "98.95")
    return engine.on_tick(6)


def orders(engine: Engine, outcome: Outcome) -> list[EngineOrder]:
    return [live(engine, outcome, number) for number in range(len(outcome.orders))]


# OTO


def test_a_pending_order_has_no_lock_and_is_entered_once_the_working_order_filled(
    market: HandMarket,
) -> None:
    engine = engine_on(market)
    outcome = engine.place_list(dependent("OTO", resting(), new("SELL", "LIMIT", "1.5", price="101")), 5)
    working, pending = orders(engine, outcome)
    assert [(order.status, order.is_working) for order in outcome.orders] == [("NEW", True), ("PENDING_NEW", False)]
    assert held(engine, "COIN") == (0, 0)
    assert list_statuses(outcome) == ["EXEC_STARTED"]
    filled = fill_working(engine, market)
    assert (working.status, pending.status, pending.working_time) == ("FILLED", "NEW", 6)
    assert held(engine, "COIN") == (D("0.498"), D("1.5"))
    assert [(r.order.order_id, r.execution_type) for r in filled.reports] == [(1, "TRADE"), (2, "NEW")]
    assert not list_statuses(filled)
    market.move("101.00", "101.02")
    assert list_statuses(engine.on_tick(7)) == ["ALL_DONE"]


def test_the_response_shows_the_order_as_pending_even_if_it_fills_immediately(market: HandMarket) -> None:
    engine = engine_on(market)
    working = new("BUY", "LIMIT", "2", price="101")
    outcome = engine.place_list(dependent("OTO", working, new("SELL", "MARKET", "1.5")), 5)
    assert [order.status for order in outcome.orders] == ["FILLED", "PENDING_NEW"]
    assert [order.status for order in orders(engine, outcome)] == ["FILLED", "FILLED"]
    assert [(r.order.order_id, r.execution_type) for r in outcome.reports] == [
        (1, "NEW"), (2, "NEW"), (1, "TRADE"), (2, "NEW"), (2, "TRADE"),
    ]  # fmt: skip
    assert outcome.reports[1].order.status == "PENDING_NEW"
    assert list_statuses(outcome) == ["EXEC_STARTED", "ALL_DONE"]


@pytest.mark.parametrize("which", [0, 1])
def test_canceling_either_cancels_both(market: HandMarket, which: int) -> None:
    engine = engine_on(market)
    outcome = engine.place_list(dependent("OTO", resting(), new("SELL", "LIMIT", "1.5", price="101")), 5)
    canceled = engine.cancel(orders(engine, outcome)[which], "x", 6)
    assert [order.status for order in orders(engine, outcome)] == ["CANCELED", "CANCELED"]
    assert list_statuses(canceled) == ["ALL_DONE"]
    assert held(engine, "USDT") == (D(10_000), 0)


def test_the_pending_order_expires_with_an_unfilled_working_one(market: HandMarket) -> None:
    engine = engine_on(market)
    working = resting(time_in_force="IOC")
    outcome = engine.place_list(dependent("OTO", working, new("SELL", "LIMIT", "1.5", price="101")), 5)
    assert [(order.status, order.expiry_reason) for order in orders(engine, outcome)] == [
        ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("EXPIRED", "OTO_PHASE_ONE_EXPIRED"),
    ]
    assert outcome.orders[1].status == "PENDING_NEW"
    assert engine.state.lists[0].done


@pytest.mark.parametrize(
    "leg",
    [
        {"side": "SELL", "order_type": "LIMIT", "quantity": "9", "price": "101"},
        {"side": "SELL", "order_type": "LIMIT_MAKER", "quantity": "1", "price": "98"},
        {"side": "SELL", "order_type": "STOP_LOSS", "quantity": "1", "stop_price": "99.5"},
        {"side": "SELL", "order_type": "MARKET", "quantity": "9"},
    ],
)
def test_a_pending_order_that_cannot_be_entered_expires_as_rejected(market: HandMarket, leg: dict[str, str]) -> None:
    engine = engine_on(market)
    outcome = engine.place_list(dependent("OTO", resting(), new(**leg)), 5)
    fill_working(engine, market)
    pending = orders(engine, outcome)[1]
    assert (pending.status, pending.expiry_reason) == ("EXPIRED", "REJECTED")
    assert held(engine, "COIN") == (D("1.998"), 0)
    assert engine.state.lists[0].done


# OTOCO


def otoco(engine: Engine) -> Outcome:
    above = new("SELL", "LIMIT_MAKER", "1.5", price="101")
    below = new("SELL", "STOP_LOSS_LIMIT", "1.5", stop_price="97", price="96.5")
    return engine.place_list(dependent("OTOCO", resting(), above, below), 5)


def test_an_otoco_enters_both_legs_under_one_lock_and_a_fill_expires_the_other(market: HandMarket) -> None:
    engine = engine_on(market)
    outcome = otoco(engine)
    fill_working(engine, market)
    working, below, above = orders(engine, outcome)
    assert [(order.status, order.is_working) for order in (above, below)] == [("NEW", True), ("NEW", False)]
    assert held(engine, "COIN") == (D("0.498"), D("1.5"))
    market.move("96.90", "96.92", "96.90")
    engine.on_tick(8)
    assert (working.status, above.expiry_reason, below.status) == ("FILLED", "OCO_TRIGGER", "FILLED")
    assert engine.state.lists[0].done
    assert engine.state.lists[0].contingency == "OTO"


def test_both_legs_of_an_otoco_expire_if_they_no_longer_enclose_the_price(market: HandMarket) -> None:
    engine = engine_on(market)
    outcome = otoco(engine)
    market.move("96.00", "96.02", "96.00")
    engine.on_tick(6)
    assert [order.expiry_reason for order in orders(engine, outcome)[1:]] == ["REJECTED", "REJECTED"]
    assert engine.state.lists[0].done


def test_the_legs_of_an_otoco_must_be_above_and_below(market: HandMarket) -> None:
    above = new("SELL", "LIMIT_MAKER", "1.5", price="96")
    below = new("SELL", "STOP_LOSS", "1.5", stop_price="97")
    text = "The relationship of the prices for the orders is not correct."
    engine = engine_on(market)
    refused(lambda: engine.place_list(dependent("OTOCO", resting(), above, below), 5), -2010, text)
    assert not engine.state.orders


# OPO


def test_an_opo_locks_what_it_received_and_sells_whole_steps(market: HandMarket) -> None:
    engine = engine_on(market)
    outcome = engine.place_list(dependent("OPO", resting(), new("SELL", "LIMIT", price="101")), 5)
    assert outcome.orders[1].quantity == 0
    text = "Order amend (pending OPO order) is not supported."
    refused(lambda: engine.amend(live(engine, outcome, 1), D(1), "n", 6), -2038, text)
    fill_working(engine, market)
    pending = live(engine, outcome, 1)
    assert (pending.status, pending.quantity) == ("NEW", D("1.998"))
    assert held(engine, "COIN") == (0, D("1.998"))


def test_what_an_opo_received_is_locked_while_the_working_order_fills(market: HandMarket) -> None:
    engine = engine_on(market)
    order = new("BUY", "LIMIT", "89", price="100.02")
    outcome = engine.place_list(dependent("OPO", order, new("SELL", "LIMIT", price="101")), 5)
    working, pending = orders(engine, outcome)
    assert working.status == "PARTIALLY_FILLED"
    received = working.executed - sum(trade.commission for trade in engine.state.trades)
    assert held(engine, "COIN") == (0, received)
    assert (pending.locked, pending.status) == (received, "PENDING_NEW")
    engine.cancel(working, "x", 6)
    assert held(engine, "COIN") == (received, 0)


@pytest.mark.parametrize(("at_market", "quantity"), [(False, "1.5"), (True, "1.2")])
def test_an_opoco_sells_no_more_than_the_largest_lot(market: HandMarket, at_market: bool, quantity: str) -> None:
    engine = engine_on(market)
    legs = (new("SELL", "LIMIT_MAKER", price="110"), new("SELL", "STOP_LOSS", stop_price="90"))
    outcome = engine.place_list(dependent("OPOCO", resting(), *legs), 5)
    rules, most = engine.rules(COIN.symbol), D(quantity)
    engine.set_rules(replace(rules, market_max_quantity=most) if at_market else replace(rules, max_quantity=most))
    fill_working(engine, market)
    assert [(order.status, order.quantity) for order in orders(engine, outcome)[1:]] == [("NEW", D(quantity))] * 2
    assert held(engine, "COIN") == (D("1.998") - D(quantity), D(quantity))


def test_an_opos_commission_comes_from_the_free_balance_if_it_suffices(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = engine.place_list(dependent("OPO", resting(), new("SELL", "LIMIT", price="101")), 5)
    fill_working(engine, market)
    assert live(engine, outcome, 1).quantity == 2
    assert held(engine, "COIN") == (D("0.998"), 2)


def test_an_opoco_gives_both_legs_what_was_bought(market: HandMarket) -> None:
    engine = engine_on(market)
    above = new("SELL", "LIMIT_MAKER", price="101")
    below = new("SELL", "STOP_LOSS", stop_price="97")
    outcome = engine.place_list(dependent("OPOCO", resting(), above, below), 5)
    fill_working(engine, market)
    assert [order.quantity for order in orders(engine, outcome)[1:]] == [D("1.998"), D("1.998")]
    assert held(engine, "COIN") == (0, D("1.998"))
    market.move("101.00", "101.02", "101.00")
    engine.on_tick(7)
    assert [order.status for order in orders(engine, outcome)] == ["FILLED", "EXPIRED", "FILLED"]
    assert engine.state.lists[0].done


# What is refused


def test_a_list_needs_unique_ids_and_a_free_slot(market: HandMarket) -> None:
    engine = engine_on(market)
    working = resting(client_order_id="same")
    twice = dependent("OTO", working, new("SELL", "LIMIT", "1", price="101", client_order_id="same"))
    refused(lambda: engine.place_list(twice, 5), -2010, "Duplicate order sent.")
    for _ in range(20):
        engine.place_list(dependent("OTO", resting("0.1"), new("SELL", "LIMIT", "0.1", price="101")), 5)
    more = dependent("OTO", resting("0.1"), new("SELL", "LIMIT", "0.1", price="101"))
    refused(lambda: engine.place_list(more, 5), -1013, "Filter failure: MAX_NUM_ORDER_LISTS")

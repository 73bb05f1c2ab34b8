"""Protection: a position without its stop is found in every cycle, and never sold twice."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.lifecycle import OrderRecord, OrderStatus
from cq_tui.trading.portfolio import Position
from cq_tui.trading.protection import (
    ProtectionAction,
    ProtectionNeed,
    find_protection_need,
    time_stop_due,
    triggered_oco_legs,
    with_signal_levels,
    with_trailing_stop,
)
from tests.trading.samples import NOW, RULES, SIGNAL, D, position, record

NOW_MS = int(NOW * 1000)
SELLABLE = D("0.00249")
BID = D("40000")


def stop_order(**changes: Any) -> OrderRecord:
    plain: dict[str, Any] = {"status": OrderStatus.NEW, "quantity": SELLABLE, "stop_price": D("39600")}
    return record(Leg.STOP, **(plain | changes))


def needed(
    held: Position, *orders: OrderRecord, price: Decimal | None = BID, now_ms: int = NOW_MS
) -> ProtectionNeed | None:
    return find_protection_need(held, orders, RULES, price=price, now_ms=now_ms)


def act(*arguments: Any, **options: Any) -> ProtectionAction | None:
    need = needed(*arguments, **options)
    return None if need is None else need.action


def test_a_covered_position_needs_nothing() -> None:
    assert needed(position(), stop_order()) is None


@pytest.mark.parametrize(
    "orders",
    [
        (),
        (stop_order(status=OrderStatus.CANCELED),),
        (stop_order(status=OrderStatus.REJECTED),),
        (stop_order(symbol="ETHUSDT"),),
        (record(Leg.TARGET, status=OrderStatus.NEW, quantity=SELLABLE),),
    ],
)
def test_a_position_without_an_open_stop_needs_one(orders: tuple[OrderRecord, ...]) -> None:
    assert needed(position(), *orders) == ProtectionNeed(ProtectionAction.PLACE, SELLABLE, "no stop order is open")


def test_a_stop_for_less_or_more_than_the_position_is_replaced() -> None:
    assert act(position(), stop_order(quantity=D("0.001"))) is ProtectionAction.REPLACE
    assert act(position(), stop_order(quantity=D("0.004"))) is ProtectionAction.REPLACE
    part = stop_order(status=OrderStatus.PARTIALLY_FILLED, executed_quantity=D("0.001"))
    assert act(position(quantity=D("0.001498")), part) is None


def test_a_stop_below_the_raised_trailing_level_is_replaced() -> None:
    assert act(position(stop_loss=D("39700")), stop_order()) is ProtectionAction.REPLACE


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.UNKNOWN])
@pytest.mark.parametrize("leg", [Leg.STOP, Leg.TARGET, Leg.EXIT])
def test_nothing_is_needed_while_the_outcome_of_a_sale_is_unknown(leg: Leg, status: OrderStatus) -> None:
    assert needed(position(), record(leg, status=status), price=D("1")) is None


def test_nothing_is_needed_while_the_trades_of_a_sale_are_unknown() -> None:
    sold = stop_order(status=OrderStatus.FILLED, executed_quantity=SELLABLE)
    assert sold.lacks_trades
    assert needed(position(), sold) is None


def test_nothing_is_needed_between_the_two_reports_of_a_triggered_oco() -> None:
    expired = stop_order(status=OrderStatus.EXPIRED, reason="OCO_TRIGGER", list_client_order_id="list")
    target = record(Leg.TARGET, status=OrderStatus.NEW, quantity=SELLABLE, list_client_order_id="list")
    assert needed(position(), expired, target) is None
    assert triggered_oco_legs([expired, target]) == [target]
    other = record(Leg.TARGET, status=OrderStatus.NEW, quantity=SELLABLE, list_client_order_id="another")
    assert act(position(), expired, other) is ProtectionAction.PLACE


def test_nothing_is_needed_while_an_exit_is_open() -> None:
    assert needed(position(), record(Leg.EXIT, status=OrderStatus.NEW)) is None


@pytest.mark.parametrize(
    ("held", "price", "now_ms"),
    [
        (position(), D("39600"), NOW_MS),
        (position(), D("40600"), NOW_MS),
        (position(stop_loss=None), D("40000"), NOW_MS),
        (position(time_stop_ms=NOW_MS), D("40000"), NOW_MS),
        (position(time_stop_ms=NOW_MS), None, NOW_MS),
    ],
)
def test_an_uncovered_position_beyond_its_levels_or_time_is_sold(
    held: Position, price: Decimal | None, now_ms: int
) -> None:
    assert act(held, price=price, now_ms=now_ms) is ProtectionAction.EXIT


def test_the_open_stop_sells_unless_the_price_gapped_over_it() -> None:
    assert act(position(), stop_order(), price=D("39590")) is None
    assert act(position(), stop_order(), price=D("39400")) is ProtectionAction.EXIT
    assert act(position(), stop_order(), price=D("40700")) is None
    assert act(position(time_stop_ms=NOW_MS), stop_order()) is ProtectionAction.EXIT


def test_what_cannot_be_sold_is_dust() -> None:
    need = needed(position(quantity=D("0.0000049")))
    assert need is not None
    assert (need.action, need.quantity) == (ProtectionAction.DUST, D("0.0000049"))
    assert act(position(quantity=D("0.0001"))) is ProtectionAction.DUST


def test_the_exit_plan_is_the_signal_s_rounded_to_the_tick_size() -> None:
    signal = replace(SIGNAL, stop_loss=D("39600.129"), take_profit=D("40600.127"), max_bars=6, trail=D("90"))
    held = with_signal_levels(position(stop_loss=None, take_profit=None), signal, RULES)
    assert (held.stop_loss, held.take_profit) == (D("39600.12"), D("40600.13"))
    assert held.trail == D("90")
    assert held.time_stop_ms == NOW_MS + 6 * 60_000
    assert not time_stop_due(held, NOW_MS + 359_999)
    assert time_stop_due(held, NOW_MS + 360_000)


@given(st.lists(st.decimals("1", "90000", places=3), max_size=20))
def test_a_trailing_stop_is_never_lowered(highs: list[Decimal]) -> None:
    held = position(trail=D("400"))
    for high in highs:
        later = with_trailing_stop(held, high, RULES)
        assert later.stop_loss is not None
        assert held.stop_loss is not None
        assert later.stop_loss >= held.stop_loss
        assert later.stop_loss >= high - D("400.01")
        held = later


def test_a_fixed_stop_stays() -> None:
    assert with_trailing_stop(position(), D("90000"), RULES) == position()
    assert not time_stop_due(position(), 10**15)

"""Which faults concern what, how often and how long."""

from typing import Any

import pytest
from pydantic import ValidationError

from cq_tui.simulator.faults.fault import FaultSpec
from cq_tui.simulator.faults.on_streams import StreamFaults
from cq_tui.simulator.faults.plan import Asked, FaultPlan

ORDER = Asked("POST", "/api/v3/order", "", "BTCUSDT")


@pytest.mark.parametrize(
    ("named", "concerned"),
    [
        ({}, True),
        ({"method": "POST"}, True),
        ({"method": "GET"}, False),
        ({"path": "/api/v3/order", "symbol": "BTCUSDT"}, True),
        ({"path": "/api/v3/order", "symbol": "ETHUSDT"}, False),
        ({"ws_method": "order.place"}, False),
    ],
)
def test_a_fault_concerns_what_fits_all_that_it_names(named: dict[str, Any], concerned: bool) -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="drop", **named), 0)
    assert bool(plan.of_request(ORDER, 0)) is concerned


def test_a_fault_ends_after_its_count_or_its_time() -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="drop", count=2), 0)
    plan.add(FaultSpec(action="delay", seconds=1), 0)
    happened = [[spec.action for spec in plan.of_request(ORDER, now)] for now in (0, 999, 999, 1_000)]
    assert happened == [["drop", "delay"], ["drop", "delay"], ["delay"], []]
    assert plan.active(1_000) == []


def test_what_is_asked_wrongly_is_refused() -> None:
    for wrong in (
        {"action": "explode"},
        {"action": "delist"},
        {"action": "drop", "count": 0},
        {"action": "drop", "x": 1},
    ):
        with pytest.raises(ValidationError):
            FaultSpec.model_validate(wrong)


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        ("silence", [b"1", b"4"]),
        ("repeat", [b"1", b"2", b"2", b"3", b"3", b"4"]),
        ("stale", [b"1", b"1", b"1", b"4"]),
        ("disconnect", [b"1", b"4"]),
    ],
)
def test_messages_of_one_stream_are_tampered_with(action: Any, sent: list[bytes]) -> None:
    plan = FaultPlan()
    cut: list[str] = []
    faults = StreamFaults(plan, lambda: 0, cut.append)
    seen = faults.tamper("btcusdt@trade", b"1")
    plan.add(FaultSpec(action=action, stream="btcusdt@trade", count=2), 0)
    for payload in (b"2", b"3", b"4"):
        assert faults.tamper("ethusdt@trade", payload) == [payload]
        seen += faults.tamper("btcusdt@trade", payload)
    assert seen == sent
    assert cut == (["btcusdt@trade"] * 2 if action == "disconnect" else [])


def test_a_message_comes_after_the_next_one() -> None:
    plan = FaultPlan()
    faults = StreamFaults(plan, lambda: 0, lambda name: None)
    plan.add(FaultSpec(action="reorder", symbol="BTCUSDT", count=1), 0)
    assert [faults.tamper("btcusdt@depth", payload) for payload in (b"1", b"2", b"3")] == [[], [b"2", b"1"], [b"3"]]


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "-1", "1e-30", "1e999999", "1_0", "", "٣", 0.1, [0, [1], 2], 10**30, -1]
)
def test_filters_hold_numbers_as_the_exchange_writes_them(value: Any) -> None:
    with pytest.raises(ValidationError):
        FaultSpec(action="filters", symbol="BTCUSDT", filters=({"filterType": "PRICE_FILTER", "tickSize": value},))


def test_filters_hold_decimals_whole_numbers_and_flags() -> None:
    entry: dict[str, Any] = {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "avgPriceMins": 5,
    }
    assert FaultSpec(action="filters", symbol="BTCUSDT", filters=(entry,)).filters == (entry,)


@pytest.mark.parametrize("fields", [{"code": 10**30}, {"seconds": float("nan")}, {"seconds": float("inf")}])
def test_numbers_of_a_fault_can_be_answered_with(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FaultSpec(action="error", **fields)

"""Which faults apply, how often and how long."""

from typing import Any

import pytest
from pydantic import ValidationError

from cq_tui.simulator.faults.fault_spec import FaultSpec
from cq_tui.simulator.faults.plan import FaultPlan, MessageTarget, RequestTarget

ORDER = RequestTarget("POST", "/api/v3/order", "", "BTCUSDT")


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
def test_a_fault_applies_where_all_its_selectors_match(named: dict[str, Any], concerned: bool) -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="drop", **named), 0)
    assert bool(plan.match_request(ORDER, 0)) is concerned


def test_a_fault_ends_after_its_count_or_its_time() -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="drop", count=2), 0)
    plan.add(FaultSpec(action="delay", seconds=1), 0)
    happened = [[spec.action for spec in plan.match_request(ORDER, now)] for now in (0, 999, 999, 1_000)]
    assert happened == [["drop", "delay"], ["drop", "delay"], ["delay"], []]
    assert plan.active(1_000) == []


def test_invalid_faults_are_rejected() -> None:
    for wrong in (
        {"action": "explode"},
        {"action": "delist"},
        {"action": "drop", "count": 0},
        {"action": "drop", "x": 1},
    ):
        with pytest.raises(ValidationError):
            FaultSpec.model_validate(wrong)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"action": "drop", "stream": "btcusdt@trade"}, "action drop takes no stream"),
        ({"action": "ban", "stream": "userData"}, "action ban takes no stream"),
        ({"action": "silence", "path": "/api/v3/order"}, "action silence does not apply to REST requests"),
        ({"action": "delay", "stream": "userData", "method": "GET"}, "action delay does not apply to REST requests"),
        ({"action": "halt", "method": "GET"}, "action"),
        ({"action": "status", "method": "GET"}, "action status does not apply to REST requests"),
        ({"action": "repeat", "ws_method": "time"}, "only if stream is wsApi"),
        ({"action": "filters", "symbol": "BTCUSDT", "ws_method": "time"}, "only if stream is wsApi"),
    ],
)
def test_selectors_that_an_action_ignores_are_rejected(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FaultSpec.model_validate(wrong)


TRADES, EVENT = MessageTarget("btcusdt@trade", "BTCUSDT"), MessageTarget("userData", "BTCUSDT")
ANSWER = MessageTarget("wsApi", "BTCUSDT", "order.place")


@pytest.mark.parametrize(
    ("named", "concerned"),
    [
        ({}, [TRADES]),
        ({"stream": "market"}, [TRADES]),
        ({"stream": "btcusdt@trade"}, [TRADES]),
        ({"stream": "btcusdt@depth"}, []),
        ({"symbol": "BTCUSDT"}, [TRADES]),
        ({"stream": "userData"}, [EVENT]),
        ({"stream": "userData", "symbol": "BTCUSDT"}, [EVENT]),
        ({"stream": "userData", "symbol": "ETHUSDT"}, []),
        ({"stream": "wsApi"}, [ANSWER]),
        ({"stream": "wsApi", "ws_method": "order.place", "symbol": "BTCUSDT"}, [ANSWER]),
        ({"stream": "wsApi", "ws_method": "order.cancel"}, []),
    ],
)
def test_a_message_fault_applies_to_its_stream(named: dict[str, Any], concerned: list[MessageTarget]) -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="repeat", **named), 0)
    assert [said for said in (TRADES, EVENT, ANSWER) if plan.match_message(said, 0)] == concerned
    assert plan.match_request(ORDER, 0) == []


def test_a_delay_applies_to_requests_or_to_a_stream() -> None:
    plan = FaultPlan()
    plan.add(FaultSpec(action="delay", symbol="BTCUSDT"), 0)
    assert (len(plan.match_request(ORDER, 0)), plan.match_message(TRADES, 0)) == (1, [])
    plan.clear()
    plan.add(FaultSpec(action="delay", symbol="BTCUSDT", stream="market"), 0)
    assert (plan.match_request(ORDER, 0), len(plan.match_message(TRADES, 0))) == ([], 1)

"""User data events: fields, optional fields and order."""

from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.api.conftest import START, Trader
from tests.simulator.api.requests import OTO, SELL_OCO

ZERO = "0.00000000"
LIMIT = {
    "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "99", "newClientOrderId": "one",
}  # fmt: skip
#: The fields of every executionReport.
ALWAYS = set("esEcSofqpPFgCxXrilzLnNTtIwmMOZYQV")


def told(trader: Trader, *request: Any, **more: Any) -> list[dict[str, Any]]:
    """Send a request and return the events that it caused."""
    trader.events.clear()
    trader.ask(*request, **more)
    return trader.events.copy()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Return each event's kind: the execution type of a report, otherwise its name."""
    return [event.get("x", event["e"]) for event in events]


def test_a_resting_order_is_reported(trader: Trader) -> None:
    report, position = told(trader, "POST", "order", LIMIT)
    number = report.pop("I")
    assert report == {
        "e": "executionReport",
        "E": START,
        "s": "COINUSDT",
        "c": "one",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.00000000",
        "p": "99.00000000",
        "P": ZERO,
        "F": ZERO,
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 1,
        "l": ZERO,
        "z": ZERO,
        "L": ZERO,
        "n": "0",
        "N": None,
        "T": START,
        "t": -1,
        "w": True,
        "m": False,
        "M": False,
        "O": START,
        "Z": ZERO,
        "Y": ZERO,
        "Q": ZERO,
        "V": "EXPIRE_MAKER",
        "W": START,
    }
    assert number > 0
    assert position == {
        "e": "outboundAccountPosition",
        "E": START,
        "u": START,
        "B": [
            {"a": "COIN", "f": "1000.00000000", "l": ZERO},
            {"a": "USDT", "f": "99901.00000000", "l": "99.00000000"},
        ],
    }


def test_a_trade_is_reported(trader: Trader) -> None:
    events = told(trader, "POST", "order", side="BUY", type="MARKET", quoteOrderQty="100")
    assert kinds(events) == ["NEW", "TRADE", "outboundAccountPosition"]
    new, trade, _ = events
    assert (new["w"], new["X"], new["W"]) == (True, "NEW", START)
    changed = {name: value for name, value in trade.items() if new.get(name) != value}
    assert changed.pop("I") > new["I"]
    assert changed == {
        "x": "TRADE",
        "X": "FILLED",
        "l": "0.99900000",
        "z": "0.99900000",
        "L": "100.02000000",
        "n": "0.00099900",
        "N": "COIN",
        "t": 1,
        "w": False,
        "M": True,
        "Z": "99.91998000",
        "Y": "99.91998000",
    }
    assert (trade["Q"], trade["q"]) == ("100.00000000", "0.99900000")


def test_a_cancel_has_its_own_id_besides_the_orders(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    trader.now += 4
    report, _ = told(trader, "DELETE", "order", orderId="1", newClientOrderId="gone")
    assert (report["x"], report["X"], report["c"], report["C"]) == ("CANCELED", "CANCELED", "gone", "one")
    assert (report["w"], report["W"], report["T"], report["O"]) == (False, START, START + 4, START)
    assert set(report) == ALWAYS | {"W"}


def test_an_amend_reports_the_previous_id(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    report, *_ = told(trader, "PUT", "order/amend/keepPriority", orderId="1", newQty="0.5", newClientOrderId="less")
    assert (report["x"], report["X"], report["c"], report["C"]) == ("REPLACED", "NEW", "less", "one")
    assert (report["q"], report["w"]) == ("0.50000000", True)


def test_fields_that_few_orders_have(trader: Trader) -> None:
    stop = {"side": "SELL", "type": "STOP_LOSS_LIMIT", "quantity": "1", "price": "94", "timeInForce": "GTC"}
    extras = {"trailingDelta": "100", "icebergQty": "0.5", "strategyId": "3", "strategyType": "1000000"}
    report, _ = told(trader, "POST", "order", stop | extras, stopPrice="95")
    assert set(report) == ALWAYS | {"d", "j", "J"}
    assert (report["d"], report["j"], report["J"], report["F"]) == (100, 3, 1_000_000, "0.50000000")
    assert (report["w"], report["P"]) == (False, "95.00000000")


def test_an_expiry_reports_its_reason(trader: Trader) -> None:
    events = told(trader, "POST", "order", LIMIT | {"timeInForce": "FOK"})
    assert kinds(events) == ["NEW", "EXPIRED", "outboundAccountPosition"]
    assert events[1]["eR"] == "UNFILLED_FOK_ORDER_EXPIRED"
    assert events[1]["w"] is False
    assert "eR" not in events[0]


def test_a_triggered_stop_becomes_new_again(trader: Trader) -> None:
    trader.ask("POST", "order", side="SELL", type="STOP_LOSS", quantity="1", stopPrice="95")
    trader.events.clear()
    trader.move("94.00", "94.02")
    assert kinds(trader.events) == ["NEW", "TRADE", "outboundAccountPosition"]
    assert (trader.events[0]["w"], trader.events[0]["W"]) == (True, trader.now)


def test_a_prevented_match_is_reported_on_both_orders(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT | {"price": "100.01", "quantity": "3"})
    taker = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "100.01"}
    events = told(trader, "POST", "order", taker, selfTradePreventionMode="DECREMENT")
    reports = {event["i"]: event for event in events if event.get("x") == "TRADE_PREVENTION"}
    assert set(reports) == {1, 2}
    for number, counter in ((1, 2), (2, 1)):
        report = reports[number]
        assert (report["l"], report["L"], report["Y"]) == (ZERO, ZERO, ZERO)
        assert (report["pl"], report["pL"], report["pY"]) == ("1.00000000", "100.01000000", "100.01000000")
        assert (report["A"], report["B"], report["U"], report["Cs"]) == (
            "1.00000000",
            "1.00000000",
            counter,
            "COINUSDT",
        )
        assert report["v"] == reports[1]["v"]
    assert (reports[1]["X"], reports[2]["X"]) == ("NEW", "EXPIRED_IN_MATCH")


def test_a_list_is_reported_with_its_orders(trader: Trader) -> None:
    ids = {"aboveClientOrderId": "up", "belowClientOrderId": "down", "listClientOrderId": "all"}
    events = told(trader, "POST", "orderList/oco", SELL_OCO | ids)
    status = next(event for event in events if event["e"] == "listStatus")
    orders = status.pop("O")
    assert status == {
        "e": "listStatus",
        "E": START,
        "s": "COINUSDT",
        "g": 0,
        "c": "OCO",
        "l": "EXEC_STARTED",
        "L": "EXECUTING",
        "r": "NONE",
        "C": "all",
        "T": START,
    }
    assert {(order["s"], order["c"]) for order in orders} == {("COINUSDT", "up"), ("COINUSDT", "down")}
    assert kinds(events)[-1] == "outboundAccountPosition"
    gone = told(trader, "DELETE", "orderList", orderListId="0")
    done = next(event for event in gone if event["e"] == "listStatus")
    assert (done["l"], done["L"]) == ("ALL_DONE", "ALL_DONE")


def test_a_pending_order_is_reported_as_such(trader: Trader) -> None:
    events = told(trader, "POST", "orderList/oto", OTO)
    pending = next(event for event in events if event.get("i") == 2)
    assert (pending["x"], pending["X"], pending["w"]) == ("NEW", "PENDING_NEW", False)
    assert "W" not in pending
    assert next(event["c"] for event in events if event["e"] == "listStatus") == "OTO"


def test_working_time_comes_before_the_self_trade_prevention_mode(trader: Trader) -> None:
    report, _ = told(trader, "POST", "order", LIMIT)
    assert list(report)[-3:] == ["Q", "W", "V"]


@pytest.mark.parametrize(
    ("mode", "resting", "taking", "lost"),
    [("EXPIRE_TAKER", "1", "3", "3"), ("EXPIRE_MAKER", "5", "3", "5"), ("DECREMENT", "5", "3", "3")],
)
def test_a_prevented_execution_is_what_would_have_traded(
    trader: Trader, mode: str, resting: str, taking: str, lost: str
) -> None:
    price = {"type": "LIMIT", "timeInForce": "GTC", "price": "100.01"}
    trader.ask("POST", "order", price, side="SELL", quantity=resting)
    events = told(trader, "POST", "order", price, side="BUY", quantity=taking, selfTradePreventionMode=mode)
    prevented = [event for event in events if event.get("x") == "TRADE_PREVENTION"]
    least = min(Decimal(resting), Decimal(taking))
    assert {event["B"] for event in prevented} == {f"{Decimal(lost):.8f}"}
    assert {(event["pl"], event["pY"]) for event in prevented} == {(f"{least:.8f}", f"{least * Decimal('100.01'):.8f}")}

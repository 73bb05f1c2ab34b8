"""User data events of a replacement that is rejected after its cancel."""

import pytest

from tests.simulator.api.conftest import START, Trader

ZERO = "0.00000000"
SELL = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "101"}
STOPS = {"cancelReplaceMode": "STOP_ON_FAILURE", "newClientOrderId": "new"}


def test_the_rejected_half_is_reported_after_the_cancel(trader: Trader) -> None:
    trader.ask("POST", "order", SELL)
    trader.events.clear()
    trader.refusal("POST", "order/cancelReplace", SELL | STOPS, cancelOrderId="1", quantity="2000")
    canceled, position, rejected = trader.events
    assert (canceled["x"], position["e"]) == ("CANCELED", "outboundAccountPosition")
    assert rejected == {
        "e": "executionReport", "E": START, "s": "COINUSDT", "c": "new", "S": "SELL", "o": "LIMIT", "f": "GTC",
        "q": "2000.00000000", "p": "101.00000000", "P": ZERO, "F": ZERO, "g": -1, "C": "", "x": "REJECTED",
        "X": "REJECTED", "r": "INSUFFICIENT_BALANCES", "i": -1, "l": ZERO, "z": ZERO, "L": ZERO, "n": "0", "N": None,
        "T": START, "t": -1, "I": -1, "w": False, "m": False, "M": False, "O": START, "Z": ZERO, "Y": ZERO, "Q": ZERO,
        "V": "EXPIRE_MAKER",
    }  # fmt: skip
    assert [order["status"] for order in trader.ask("GET", "allOrders")] == ["CANCELED"]


_STOP = {"type": "STOP_LOSS_LIMIT", "stopPrice": "101", "price": "99"}


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (SELL | _STOP, "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"),
        ({"side": "SELL", "type": "LIMIT_MAKER", "quantity": "1", "price": "100"}, "WOULD_MATCH_IMMEDIATELY"),
        (SELL | {"newClientOrderId": "other"}, "DUPLICATE_ORDER"),
    ],
)
def test_the_reason_is_named(trader: Trader, new: dict[str, str], reason: str) -> None:
    trader.ask("POST", "order", SELL, newClientOrderId="other")
    trader.ask("POST", "order", SELL, newClientOrderId="old")
    trader.refusal("POST", "order/cancelReplace", STOPS | new, cancelOrigClientOrderId="old")
    assert trader.events[-1]["r"] == reason


def test_no_other_rejection_is_an_event(trader: Trader) -> None:
    trader.refusal("POST", "order", SELL, quantity="2000")
    allows = STOPS | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "7"}
    trader.refusal("POST", "order/cancelReplace", SELL | allows, quantity="2000")
    assert trader.events == []

"""cancelReplace in all documented combinations, and amends."""

from typing import Any

import pytest

from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from tests.simulator.api.conftest import START, Trader

OLD = {
    "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90", "newClientOrderId": "old",
}  # fmt: skip
NEW = OLD | {"price": "91", "newClientOrderId": "new", "newOrderRespType": "ACK"}
STOPS = {"cancelReplaceMode": "STOP_ON_FAILURE"}
ALLOWS = {"cancelReplaceMode": "ALLOW_FAILURE"}
OF_OLD = {"cancelOrigClientOrderId": "old", "cancelNewClientOrderId": "gone"}
OF_NONE = {"cancelOrderId": "99"}
TOO_MUCH = {"quantity": "10000"}
ONLY_CANCEL = {"orderRateLimitExceededMode": "CANCEL_ONLY"}
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
POOR = {"code": -2010, "msg": "Account has insufficient balance for requested action."}


def open_ids(trader: Trader) -> list[str]:
    return [order["clientOrderId"] for order in trader.ask("GET", "openOrders")]


@pytest.mark.parametrize("mode", [STOPS, ALLOWS])
def test_both_halves_succeed(trader: Trader, mode: dict[str, str]) -> None:
    trader.ask("POST", "order", OLD)
    trader.now += 3
    answer = trader.ask("POST", "order/cancelReplace", NEW | mode | OF_OLD)
    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert answer["cancelResponse"]["status"] == "CANCELED"
    assert (answer["cancelResponse"]["origClientOrderId"], answer["cancelResponse"]["clientOrderId"]) == ("old", "gone")
    assert answer["newOrderResponse"] == {
        "symbol": "COINUSDT", "orderId": 2, "orderListId": -1, "clientOrderId": "new", "transactTime": START + 3,
    }  # fmt: skip
    assert open_ids(trader) == ["new"]


@pytest.mark.parametrize(
    ("values", "status", "code", "results", "left"),
    [
        (STOPS | OF_NONE, 400, -2022, ("FAILURE", "NOT_ATTEMPTED", UNKNOWN, None), ["old"]),
        (STOPS | OF_OLD | TOO_MUCH, 409, -2021, ("SUCCESS", "FAILURE", None, POOR), []),
        (ALLOWS | OF_OLD | TOO_MUCH, 409, -2021, ("SUCCESS", "FAILURE", None, POOR), []),
        (ALLOWS | OF_NONE, 409, -2021, ("FAILURE", "SUCCESS", UNKNOWN, None), ["old", "new"]),
        (ALLOWS | OF_NONE | TOO_MUCH, 400, -2022, ("FAILURE", "FAILURE", UNKNOWN, POOR), ["old"]),
    ],
)
def test_one_half_or_both_fail(
    trader: Trader, values: dict[str, str], status: int, code: int, results: tuple[Any, ...], left: list[str]
) -> None:
    trader.ask("POST", "order", OLD)
    error = trader.refusal("POST", "order/cancelReplace", NEW | values)
    assert (error.status, error.code) == (status, code)
    failed = "Order cancel-replace failed." if code == -2022 else "Order cancel-replace partially failed."
    assert error.message == failed
    body: Any = error.to_json()
    data = body["data"]
    assert list(data) == ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
    cancel_result, new_result, cancel_response, new_response = results
    assert (data["cancelResult"], data["newOrderResult"]) == (cancel_result, new_result)
    if cancel_result == "FAILURE":
        assert data["cancelResponse"] == cancel_response
    if new_result != "SUCCESS":
        assert data["newOrderResponse"] == new_response
    assert open_ids(trader) == left


def test_filters_are_checked_before_the_cancel(trader: Trader) -> None:
    trader.ask("POST", "order", OLD)
    found = trader.refused("POST", "order/cancelReplace", NEW | STOPS | OF_OLD | {"price": "91.001"})
    assert found == (-1013, "Filter failure: PRICE_FILTER")
    assert open_ids(trader) == ["old"]


@pytest.mark.parametrize(
    ("values", "status", "code", "results", "left"),
    [
        (STOPS | OF_OLD | ONLY_CANCEL, 429, -2021, ("SUCCESS", "FAILURE"), []),
        (STOPS | OF_NONE | ONLY_CANCEL, 429, -2022, ("FAILURE", "NOT_ATTEMPTED"), ["old"]),
        (ALLOWS | OF_OLD | ONLY_CANCEL, 409, -2021, ("SUCCESS", "FAILURE"), []),
        (ALLOWS | OF_NONE | ONLY_CANCEL, 400, -2022, ("FAILURE", "FAILURE"), ["old"]),
    ],
)
def test_above_the_order_limit_only_the_cancel_is_executed(
    trader: Trader, values: dict[str, str], status: int, code: int, results: tuple[str, str], left: list[str]
) -> None:
    trader.ask("POST", "order", OLD)
    trader.exchange.limits = RateLimits(RateLimitSettings(orders_10s=1))
    trader.exchange.limits.count_orders(2, trader.now)
    error = trader.refusal("POST", "order/cancelReplace", NEW | values)
    assert (error.status, error.code, error.retry_after) == (status, code, None)
    data: Any = error.data
    assert (data["cancelResult"], data["newOrderResult"]) == results
    if results[1] == "FAILURE":
        assert data["newOrderResponse"]["code"] == -1015
    assert open_ids(trader) == left


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        (OF_OLD, -1102, "Mandatory parameter 'cancelReplaceMode' was not sent, was empty/null, or malformed."),
        (
            OF_OLD | {"cancelReplaceMode": "MAYBE"},
            -1130,
            "Data sent for parameter 'cancelReplaceMode' is not valid.",
        ),
        (
            STOPS,
            -1102,
            "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!",
        ),
        (STOPS | OF_OLD | {"orderRateLimitExceededMode": "X"}, -1130, None),
        (STOPS | OF_OLD | {"cancelRestrictions": "X"}, -1145, "Invalid cancelRestrictions"),
        (STOPS | OF_OLD | {"timeInForce": "X"}, -1115, "Invalid timeInForce."),
        (STOPS | {"cancelOrderId": "x"}, -1100, None),
    ],
)
def test_bad_parameters(trader: Trader, values: dict[str, str], code: int, text: str | None) -> None:
    trader.ask("POST", "order", OLD)
    found = trader.refused("POST", "order/cancelReplace", NEW | values)
    assert found == (code, text if text is not None else found[1])
    assert open_ids(trader) == ["old"]


def test_a_restricted_cancel_fails(trader: Trader) -> None:
    trader.ask("POST", "order", OLD)
    restricted = NEW | STOPS | OF_OLD | {"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    data: Any = trader.refusal("POST", "order/cancelReplace", restricted).data
    text = "Order was not canceled due to cancel restrictions."
    assert data["cancelResponse"] == {"code": -2011, "msg": text}


def test_an_amend_is_answered_with_its_own_field_names(trader: Trader) -> None:
    trader.ask("POST", "order", OLD)
    trader.now += 9
    answer = trader.ask("PUT", "order/amend/keepPriority", orderId="1", newQty="0.4", newClientOrderId="less")
    number = answer.pop("executionId")
    assert answer == {
        "transactTime": START + 9,
        "amendedOrder": {
            "symbol": "COINUSDT",
            "orderId": 1,
            "orderListId": -1,
            "origClientOrderId": "old",
            "clientOrderId": "less",
            "price": "90.00000000",
            "qty": "0.40000000",
            "executedQty": "0.00000000",
            "preventedQty": "0.00000000",
            "quoteOrderQty": "0.00000000",
            "cumulativeQuoteQty": "0.00000000",
            "status": "NEW",
            "timeInForce": "GTC",
            "type": "LIMIT",
            "side": "BUY",
            "workingTime": START,
            "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    }
    assert list(answer["amendedOrder"])[-2:] == ["workingTime", "selfTradePreventionMode"]
    assert trader.ask("GET", "order/amendments", orderId="1") == [
        {
            "symbol": "COINUSDT",
            "orderId": 1,
            "executionId": number,
            "origClientOrderId": "old",
            "newClientOrderId": "less",
            "origQty": "1.00000000",
            "newQty": "0.40000000",
            "time": START + 9,
        }
    ]
    assert trader.ask("GET", "order", origClientOrderId="less")["origQty"] == "0.40000000"
    assert trader.ask("GET", "order/amendments", orderId="1", fromExecutionId=str(number + 1)) == []


def test_an_amended_leg_includes_its_list(trader: Trader) -> None:
    trader.ask(
        "POST", "orderList/oco", side="SELL", quantity="1", aboveType="LIMIT_MAKER", abovePrice="110",
        aboveClientOrderId="up", belowType="STOP_LOSS", belowStopPrice="90", listClientOrderId="all",
    )  # fmt: skip
    answer = trader.ask("PUT", "order/amend/keepPriority", origClientOrderId="up", newQty="0.4")
    status = answer["listStatus"]
    assert set(status) == {
        "orderListId", "contingencyType", "listOrderStatus", "listClientOrderId", "symbol", "orders",
    }  # fmt: skip
    assert (status["contingencyType"], status["listOrderStatus"], status["listClientOrderId"]) == (
        "OCO",
        "EXECUTING",
        "all",
    )
    assert {order["origQty"] for order in trader.ask("GET", "openOrders")} == {"0.40000000"}


INCREASE = "Order amend (quantity increase) is not supported."
NO_CHANGE = "The requested action would change no state; rejecting."


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        ({"orderId": "1"}, -1102, "Mandatory parameter 'newQty' was not sent, was empty/null, or malformed."),
        ({"newQty": "0.5"}, -1102, None),
        ({"orderId": "1", "newQty": "1e-1"}, -1100, None),
        ({"orderId": "1", "newQty": "0.000000001"}, -1111, "Parameter 'newQty' has too much precision."),
        ({"orderId": "9", "newQty": "0.5"}, -2038, "Unknown order sent."),
        ({"orderId": "1", "newQty": "2"}, -2038, INCREASE),
        ({"orderId": "1", "newQty": "1"}, -2038, NO_CHANGE),
        ({"orderId": "1", "newQty": "0.5001"}, -2038, "Filter failure: LOT_SIZE"),
        ({"orderId": "1", "newQty": "0.01"}, -2038, "Filter failure: NOTIONAL"),
    ],
)
def test_rejected_amends(trader: Trader, values: dict[str, str], code: int, text: str | None) -> None:
    trader.ask("POST", "order", OLD)
    found = trader.refused("PUT", "order/amend/keepPriority", values)
    assert found == (code, text if text is not None else found[1])


def test_an_order_can_be_amended_ten_times_at_most(trader: Trader) -> None:
    trader.ask("POST", "order", OLD)
    for number in range(10):
        trader.ask("PUT", "order/amend/keepPriority", orderId="1", newQty=f"0.9{9 - number}")
    found = trader.refused("PUT", "order/amend/keepPriority", orderId="1", newQty="0.5")
    assert found == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    assert len(trader.ask("GET", "order/amendments", orderId="1", limit="3")) == 3

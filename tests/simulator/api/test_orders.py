"""Single orders from request to response, with exactly the fields that belong there."""

from typing import Any

import pytest

from tests.simulator.api.conftest import START, Trader

MARKET = {"side": "BUY", "type": "MARKET", "quantity": "2", "newClientOrderId": "one"}
LIMIT = {
    "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.5", "price": "99", "newClientOrderId": "one",
}  # fmt: skip
STOP = {"side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "95", "newClientOrderId": "one"}
TRAILING = {"side": "SELL", "type": "STOP_LOSS", "quantity": "1", "trailingDelta": "100", "newClientOrderId": "one"}
ZERO = "0.00000000"
ACK = {"symbol": "COINUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "one", "transactTime": START}
RESTING = ACK | {
    "price": "99.00000000",
    "origQty": "1.50000000",
    "executedQty": ZERO,
    "origQuoteOrderQty": ZERO,
    "cummulativeQuoteQty": ZERO,
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": START,
    "selfTradePreventionMode": "EXPIRE_MAKER",
}


def test_a_market_order_is_answered_in_full(trader: Trader) -> None:
    assert trader.ask("POST", "order", MARKET) == ACK | {
        "price": ZERO,
        "origQty": "2.00000000",
        "executedQty": "2.00000000",
        "origQuoteOrderQty": ZERO,
        "cummulativeQuoteQty": "200.04000000",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "workingTime": START,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "fills": [
            {
                "price": "100.02000000",
                "qty": "2.00000000",
                "commission": "0.00200000",
                "commissionAsset": "COIN",
                "tradeId": 1,
            }
        ],
    }


def test_a_limit_order_is_answered_in_the_requested_form(trader: Trader) -> None:
    assert trader.ask("POST", "order", LIMIT, newClientOrderId="a", newOrderRespType="ACK") == ACK | {
        "clientOrderId": "a"
    }
    assert trader.ask("POST", "order", LIMIT, newOrderRespType="RESULT") == RESTING | {"orderId": 2}
    full = trader.ask("POST", "order", LIMIT, newClientOrderId="b")
    assert full == RESTING | {"orderId": 3, "clientOrderId": "b", "fills": []}


@pytest.mark.parametrize(
    ("order", "fields"),
    [
        (STOP, {"stopPrice": "95.00000000"}),
        (STOP | {"strategyId": "4", "strategyType": "1000001"}, {"strategyId": 4, "strategyType": 1000001}),
        (STOP | {"trailingDelta": "100"}, {"trailingDelta": 100, "trailingTime": -1, "stopPrice": "95.00000000"}),
        (TRAILING, {"trailingDelta": 100, "trailingTime": -1, "stopPrice": ZERO}),
        (LIMIT | {"icebergQty": "0.5"}, {"icebergQty": "0.50000000"}),
        (LIMIT | {"selfTradePreventionMode": "DECREMENT"}, {}),
        (LIMIT | {"price": "99.5", "timeInForce": "IOC"}, {"expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED"}),
        (LIMIT | {"price": "99.5", "timeInForce": "FOK"}, {"expiryReason": "UNFILLED_FOK_ORDER_EXPIRED"}),
    ],
)
def test_conditional_fields_appear_only_with_a_value(
    trader: Trader, order: dict[str, str], fields: dict[str, Any]
) -> None:
    conditional = {
        "stopPrice", "icebergQty", "trailingDelta", "trailingTime", "strategyId", "strategyType",
        "preventedMatchId", "preventedQuantity", "expiryReason", "preventedMatches",
    }  # fmt: skip
    answer = trader.ask("POST", "order", order, newOrderRespType="RESULT")
    found = {name: value for name, value in answer.items() if name in conditional}
    assert found.items() >= fields.items()
    assert set(found) <= set(fields) | ({"stopPrice"} if "stopPrice" in order else set())
    acknowledged = trader.ask("POST", "order", order | {"newClientOrderId": "two"}, newOrderRespType="ACK")
    assert set(acknowledged) == set(ACK)


def test_a_stop_order_is_only_acknowledged_and_stays_pending(trader: Trader) -> None:
    assert trader.ask("POST", "order", STOP) == ACK
    found = trader.ask("GET", "order", orderId="1")
    assert (found["status"], found["isWorking"], found["workingTime"]) == ("NEW", False, -1)
    assert found["stopPrice"] == "95.00000000"


def test_an_order_is_queried(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    found = trader.ask("GET", "order", origClientOrderId="one")
    expected = {name: value for name, value in RESTING.items() if name != "transactTime"} | {
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": START,
        "updateTime": START,
        "isWorking": True,
    }
    assert found == expected
    assert trader.ask("GET", "order", orderId="1", origClientOrderId="one") == expected
    assert trader.ask("GET", "openOrders") == [expected]
    assert trader.ask("GET", "allOrders") == [expected]


def test_an_order_is_canceled(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT | {"icebergQty": "0.5"})
    trader.now += 7
    assert trader.ask("DELETE", "order", orderId="1", newClientOrderId="gone") == {
        "symbol": "COINUSDT",
        "origClientOrderId": "one",
        "orderId": 1,
        "orderListId": -1,
        "clientOrderId": "gone",
        "transactTime": START + 7,
        "price": "99.00000000",
        "origQty": "1.50000000",
        "executedQty": ZERO,
        "origQuoteOrderQty": ZERO,
        "cummulativeQuoteQty": ZERO,
        "status": "CANCELED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "icebergQty": "0.50000000",
    }
    assert trader.ask("GET", "order", orderId="1")["clientOrderId"] == "one"
    assert trader.refused("DELETE", "order", orderId="1") == (-2011, "Unknown order sent.")


BOTH_EMPTY = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"


@pytest.mark.parametrize(
    ("method", "values", "code", "text"),
    [
        ("GET", {}, -1102, BOTH_EMPTY),
        ("DELETE", {}, -1102, BOTH_EMPTY),
        ("GET", {"orderId": "9"}, -2013, "Order does not exist."),
        ("GET", {"origClientOrderId": "nobody"}, -2013, "Order does not exist."),
        ("GET", {"orderId": "1", "origClientOrderId": "two"}, -2039, None),
        ("DELETE", {"orderId": "9"}, -2011, "Unknown order sent."),
        ("DELETE", {"orderId": "1", "origClientOrderId": "two"}, -2011, "Unknown order sent."),
        ("DELETE", {"orderId": "1", "cancelRestrictions": "ONLY_OLD"}, -1145, "Invalid cancelRestrictions"),
        (
            "DELETE",
            {"orderId": "1", "cancelRestrictions": "ONLY_PARTIALLY_FILLED"},
            -2011,
            "Order was not canceled due to cancel restrictions.",
        ),
        ("DELETE", {"orderId": "one"}, -1100, None),
        ("GET", {"orderId": "1", "symbol": "NOPE"}, -1121, "Invalid symbol."),
        ("GET", {"orderId": ""}, -1105, "Parameter 'orderId' was empty."),
    ],
)
def test_orders_that_do_not_exist(
    trader: Trader, method: str, values: dict[str, str], code: int, text: str | None
) -> None:
    trader.ask("POST", "order", LIMIT)
    trader.ask("POST", "order", LIMIT | {"newClientOrderId": "two"})
    found = trader.refused(method, "order", values)
    assert found == (code, text if text is not None else found[1])
    assert len(trader.ask("GET", "openOrders")) == 2


def test_orders_without_a_client_order_id_get_one(trader: Trader) -> None:
    order = {name: value for name, value in LIMIT.items() if name != "newClientOrderId"}
    made = [trader.ask("POST", "order", order)["clientOrderId"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(len(text) == 22 and text.isalnum() for text in made)


def test_a_cancel_may_be_restricted_to_new_orders(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    assert trader.ask("DELETE", "order", orderId="1", cancelRestrictions="ONLY_NEW")["status"] == "CANCELED"


def test_an_old_order_without_fills_is_archived(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    trader.ask("DELETE", "order", orderId="1")
    trader.now += 90 * 86_400_000
    assert trader.ask("GET", "order", orderId="1")["status"] == "CANCELED"
    trader.now += 1
    assert trader.refused("GET", "order", orderId="1")[0] == -2026


INSUFFICIENT = "Account has insufficient balance for requested action."


@pytest.mark.parametrize(
    ("order", "code", "text"),
    [
        (MARKET | {"quantity": "0.01"}, -1013, "Filter failure: NOTIONAL"),
        (MARKET | {"quantity": "1.0001"}, -1013, "Filter failure: LOT_SIZE"),
        (LIMIT | {"price": "99.999"}, -1013, "Filter failure: PRICE_FILTER"),
        (LIMIT | {"price": "501"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        (LIMIT | {"icebergQty": "0.014"}, -1013, "Filter failure: ICEBERG_PARTS"),
        (LIMIT | {"icebergQty": "2"}, -1013, "IcebergQty exceeds QTY."),
        (STOP | {"trailingDelta": "9"}, -1013, "Filter failure: TRAILING_DELTA"),
        (
            LIMIT | {"selfTradePreventionMode": "NONE"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (MARKET | {"quantity": "1000"}, -2010, INSUFFICIENT),
        (LIMIT | {"quantity": "1011"}, -2010, INSUFFICIENT),
        (STOP | {"quantity": "1001"}, -2010, INSUFFICIENT),
        (STOP | {"stopPrice": "101"}, -2010, "Order would trigger immediately."),
        (
            {"side": "BUY", "type": "LIMIT_MAKER", "quantity": "1", "price": "100.02"},
            -2010,
            "Order would immediately match and take.",
        ),
        (LIMIT | {"newClientOrderId": "taken"}, -2010, "Duplicate order sent."),
    ],
)
def test_rejections_by_filters_and_engine(trader: Trader, order: dict[str, str], code: int, text: str) -> None:
    trader.ask("POST", "order", LIMIT | {"newClientOrderId": "taken", "price": "50"})
    assert trader.refused("POST", "order", order) == (code, text)
    assert len(trader.ask("GET", "openOrders")) == 1
    if code == -1013:
        assert trader.refused("POST", "order/test", order) == (code, text)
    else:
        assert trader.ask("POST", "order/test", order) == {}


def test_a_client_order_id_can_be_reused_once_its_order_is_closed(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    trader.ask("DELETE", "order", orderId="1")
    trader.ask("POST", "order", LIMIT)
    assert trader.ask("GET", "order", origClientOrderId="one")["orderId"] == 2


def test_a_test_order_returns_its_commission_on_request(trader: Trader) -> None:
    assert trader.ask("POST", "order/test", LIMIT) == {}
    nothing = {"maker": ZERO, "taker": ZERO}
    assert trader.ask("POST", "order/test", LIMIT, computeCommissionRates="true") == {
        "standardCommissionForOrder": {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": ZERO,
        },
    }
    assert trader.ask("GET", "openOrders") == []


def test_smart_order_routing_is_rejected(trader: Trader) -> None:
    for path in ("sor/order", "sor/order/test"):
        assert trader.refused("POST", path, LIMIT) == (-1013, "SOR orders are not supported for this symbol.")


def test_open_orders_and_lists_are_canceled_together(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    trader.ask(
        "POST", "orderList/oco", side="SELL", quantity="1", aboveType="LIMIT_MAKER", abovePrice="110",
        belowType="STOP_LOSS", belowStopPrice="90",
    )  # fmt: skip
    trader.ask("POST", "order", STOP | {"newClientOrderId": "stop"})
    answers = trader.ask("DELETE", "openOrders")
    assert [answer.get("contingencyType") for answer in answers] == [None, "OCO", None]
    assert [answer.get("origClientOrderId") for answer in answers] == ["one", None, "stop"]
    reports = answers[1]["orderReports"]
    assert len({report["clientOrderId"] for report in (answers[0], *reports, answers[2])}) == 1
    assert [report["status"] for report in reports] == ["CANCELED", "CANCELED"]
    assert answers[1]["listStatusType"] == answers[1]["listOrderStatus"] == "ALL_DONE"
    assert trader.refused("DELETE", "openOrders") == (-2011, "Unknown order sent.")


def test_prevented_matches_are_reported(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT | {"price": "100.01"})
    taker = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "100.01"}
    answer = trader.ask("POST", "order", taker, selfTradePreventionMode="EXPIRE_TAKER", newOrderRespType="RESULT")
    assert (answer["status"], answer["executedQty"]) == ("EXPIRED_IN_MATCH", ZERO)
    assert (answer["preventedMatchId"], answer["preventedQuantity"]) == (
        answer["preventedMatches"][0]["preventedMatchId"],
        "1.00000000",
    )
    match = {"makerOrderId": 1, "price": "100.01000000", "takerPreventedQuantity": "1.00000000"}
    assert answer["preventedMatches"] == [{"preventedMatchId": answer["preventedMatchId"]} | match]
    (found,) = trader.ask("GET", "myPreventedMatches", orderId="2")
    assert (
        found
        == {
            "symbol": "COINUSDT",
            "preventedMatchId": answer["preventedMatchId"],
            "takerOrderId": 2,
            "makerSymbol": "COINUSDT",
            "tradeGroupId": -1,
            "selfTradePreventionMode": "EXPIRE_TAKER",
            "transactTime": START,
        }
        | match
    )

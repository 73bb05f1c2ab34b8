"""Order lists from request to response."""

from typing import Any

import pytest

from tests.simulator.api.conftest import START, Trader
from tests.simulator.api.requests import BUY_OCO, DEPRECATED_OCO, OPO, OPOCO, OTO, OTOCO, SELL_OCO, changed

ZERO = "0.00000000"
BAD = "Combination of optional parameters invalid."
IDS = {"aboveClientOrderId": "up", "belowClientOrderId": "down", "listClientOrderId": "all"}
BAD_PRICES = "The relationship of the prices for the orders is not correct."


def head(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("orders", "orderReports")}


def test_an_oco_is_answered(trader: Trader) -> None:
    answer = trader.ask("POST", "orderList/oco", SELL_OCO | IDS, newOrderRespType="RESULT")
    assert head(answer) == {
        "orderListId": 0,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "all",
        "transactionTime": START,
        "symbol": "COINUSDT",
    }
    members = {order["clientOrderId"]: order for order in answer["orders"]}
    assert members == {
        name: {"symbol": "COINUSDT", "orderId": members[name]["orderId"], "clientOrderId": name}
        for name in ("up", "down")
    }
    reports = {report["clientOrderId"]: report for report in answer["orderReports"]}
    common = {
        "symbol": "COINUSDT", "orderListId": 0, "transactTime": START, "origQty": "1.00000000", "executedQty": ZERO,
        "origQuoteOrderQty": ZERO, "cummulativeQuoteQty": ZERO, "status": "NEW", "timeInForce": "GTC", "side": "SELL",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }  # fmt: skip
    assert reports["up"] == common | {
        "orderId": members["up"]["orderId"],
        "clientOrderId": "up",
        "price": "110.00000000",
        "type": "LIMIT_MAKER",
        "workingTime": START,
    }
    assert reports["down"] == common | {
        "orderId": members["down"]["orderId"],
        "clientOrderId": "down",
        "price": "89.00000000",
        "type": "STOP_LOSS_LIMIT",
        "stopPrice": "90.00000000",
        "workingTime": -1,
    }


def test_orders_of_a_list_are_only_acknowledged_by_default(trader: Trader) -> None:
    answer = trader.ask("POST", "orderList/oco", SELL_OCO)
    fields = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert [set(report) for report in answer["orderReports"]] == [fields, fields]


@pytest.mark.parametrize(
    "values", [BUY_OCO, SELL_OCO, SELL_OCO | {"aboveType": "TAKE_PROFIT", "aboveStopPrice": "110"}]
)
def test_all_kinds_of_oco_are_placed(trader: Trader, values: dict[str, str]) -> None:
    given = {
        name: value for name, value in values.items() if values["aboveType"] != "TAKE_PROFIT" or name != "abovePrice"
    }
    trader.ask("POST", "orderList/oco", given)
    assert len(trader.ask("GET", "openOrders")) == 2


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("orderList/oco", changed(SELL_OCO, belowStopPrice=None, belowTrailingDelta="100")),
        ("order/oco", changed(DEPRECATED_OCO, stopPrice=None, trailingDelta="100")),
        ("orderList/otoco", changed(OTOCO, pendingBelowStopPrice=None, pendingBelowTrailingDelta="100")),
    ],
)
def test_a_leg_may_trail_without_a_stop_price(trader: Trader, path: str, values: dict[str, str]) -> None:
    answer = trader.ask("POST", path, values, newOrderRespType="RESULT")
    trailing = [report for report in answer["orderReports"] if "trailingDelta" in report]
    assert [(report["trailingDelta"], report["stopPrice"]) for report in trailing] == [(100, ZERO)]


def test_the_deprecated_oco_is_answered_alike(trader: Trader) -> None:
    answer = trader.ask("POST", "order/oco", DEPRECATED_OCO, newOrderRespType="RESULT")
    assert answer["contingencyType"] == "OCO"
    assert {report["type"] for report in answer["orderReports"]} == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}


def test_a_list_is_queried_and_canceled(trader: Trader) -> None:
    placed = trader.ask("POST", "orderList/oco", SELL_OCO | IDS)
    expected = head(placed) | {"orders": placed["orders"]}
    assert trader.ask("GET", "orderList", orderListId="0") == expected
    assert trader.ask("GET", "orderList", origClientOrderId="all") == expected
    assert trader.ask("GET", "openOrderList") == [expected]
    assert trader.ask("GET", "allOrderList") == [expected]
    trader.now += 5
    gone = trader.ask("DELETE", "orderList", listClientOrderId="all", newClientOrderId="gone")
    assert head(gone) == head(placed) | {
        "listStatusType": "ALL_DONE",
        "listOrderStatus": "ALL_DONE",
        "transactionTime": START + 5,
    }
    assert {(report["status"], report["clientOrderId"]) for report in gone["orderReports"]} == {("CANCELED", "gone")}
    assert {report["origClientOrderId"] for report in gone["orderReports"]} == {"up", "down"}
    assert trader.ask("GET", "openOrderList") == []
    assert trader.ask("GET", "orderList", orderListId="0")["listOrderStatus"] == "ALL_DONE"
    assert trader.refused("DELETE", "orderList", orderListId="0") == (-2011, "Unknown order sent.")


def test_canceling_a_leg_cancels_its_list(trader: Trader) -> None:
    trader.ask("POST", "orderList/oco", SELL_OCO | IDS)
    gone = trader.ask("DELETE", "order", origClientOrderId="down")
    assert (gone["contingencyType"], gone["listOrderStatus"], len(gone["orderReports"])) == ("OCO", "ALL_DONE", 2)


@pytest.mark.parametrize(("path", "values"), [("oto", OTO), ("opo", OPO), ("otoco", OTOCO), ("opoco", OPOCO)])
def test_pending_orders_wait(trader: Trader, path: str, values: dict[str, str]) -> None:
    answer = trader.ask("POST", f"orderList/{path}", values, newOrderRespType="RESULT")
    assert answer["contingencyType"] == "OTO"
    working, *pending = answer["orderReports"]
    assert (working["status"], working["workingTime"], working["origQty"]) == ("NEW", START, "1.00000000")
    for report in pending:
        assert (report["status"], report["workingTime"]) == ("PENDING_NEW", -1)
        assert report.get("origQty") == (None if path.startswith("opo") else "0.50000000")
    assert [order["orderId"] for order in answer["orders"]] == [1, 2, 3][: len(answer["orders"])]


def test_a_pending_order_is_shown_pending_even_if_the_working_one_fills_at_once(trader: Trader) -> None:
    answer = trader.ask("POST", "orderList/oto", OTO | {"workingPrice": "101"}, newOrderRespType="FULL")
    working, pending = answer["orderReports"]
    assert (working["status"], pending["status"]) == ("FILLED", "PENDING_NEW")
    assert (len(working["fills"]), pending["fills"]) == (1, [])
    assert trader.ask("GET", "order", orderId="2")["status"] == "NEW"
    assert answer["listOrderStatus"] == "EXECUTING"


def test_an_opo_sells_what_it_bought(trader: Trader) -> None:
    trader.ask("POST", "orderList/opo", OPO | {"workingPrice": "101"})
    found = trader.ask("GET", "order", orderId="2")
    assert (found["status"], found["origQty"]) == ("NEW", "1.00000000")


def test_a_filled_working_order_is_not_reported_as_canceled(trader: Trader) -> None:
    trader.ask("POST", "orderList/oto", OTO | {"workingPrice": "101"})
    gone = trader.ask("DELETE", "orderList", orderListId="0")
    assert [(report["orderId"], report["status"]) for report in gone["orderReports"]] == [(2, "CANCELED")]
    assert len(gone["orders"]) == 2
    assert trader.ask("GET", "order", orderId="1")["status"] == "FILLED"


BOTH_EMPTY = "must be sent, but both were empty/null!"


@pytest.mark.parametrize(
    ("method", "path", "values", "code", "text"),
    [
        ("GET", "orderList", {}, -1102, f"Param 'orderListId' or 'origClientOrderId' {BOTH_EMPTY}"),
        ("DELETE", "orderList", {}, -1102, f"Param 'orderListId' or 'listClientOrderId' {BOTH_EMPTY}"),
        ("GET", "orderList", {"orderListId": "9"}, -2013, "Order does not exist."),
        ("GET", "orderList", {"origClientOrderId": "nobody"}, -2013, "Order does not exist."),
        ("DELETE", "orderList", {"orderListId": "9"}, -2011, "Unknown order sent."),
        ("GET", "allOrderList", {"fromId": "0", "startTime": "1"}, -1128, BAD),
        (
            "GET",
            "allOrderList",
            {"startTime": "1500000000000", "endTime": "1500086400001"},
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
        ("POST", "orderList/oco", SELL_OCO | {"abovePrice": "100"}, -2010, BAD_PRICES),
        ("POST", "orderList/oco", SELL_OCO | {"belowStopPrice": "101"}, -2010, BAD_PRICES),
        ("POST", "orderList/oco", BUY_OCO | {"aboveStopPrice": "99"}, -2010, BAD_PRICES),
        ("POST", "orderList/oco", SELL_OCO | {"quantity": "1.00001"}, -1013, "Filter failure: LOT_SIZE"),
        ("POST", "orderList/oco", SELL_OCO | {"listClientOrderId": "all"}, -2010, "Duplicate order sent."),
        ("POST", "orderList/oco", SELL_OCO | {"aboveClientOrderId": "up"}, -2010, "Duplicate order sent."),
        (
            "POST",
            "orderList/oto",
            OTO | {"selfTradePreventionMode": "NONE"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
        (
            "POST",
            "orderList/oto",
            OTO | {"workingQuantity": "2000"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
    ],
)  # fmt: skip
def test_rejections(trader: Trader, method: str, path: str, values: dict[str, str], code: int, text: str) -> None:
    trader.ask("POST", "orderList/oco", SELL_OCO | IDS)
    assert trader.refused(method, path, values) == (code, text)
    assert len(trader.ask("GET", "openOrders")) == 2


def test_the_orders_of_a_list_count_one_by_one(trader: Trader) -> None:
    both_wait = {**changed(SELL_OCO, abovePrice=None), "aboveType": "TAKE_PROFIT", "aboveStopPrice": "110"}
    for _ in range(2):
        trader.ask("POST", "orderList/oco", both_wait)
    assert trader.refused("POST", "orderList/oco", both_wait) == (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    trader.ask("POST", "orderList/oco", SELL_OCO)  # the fifth
    order = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "50"}
    trader.ask("DELETE", "orderList", orderListId="2")
    for _ in range(195):
        trader.ask("POST", "order", order)
    assert trader.refused("POST", "orderList/oco", SELL_OCO) == (-1013, "Filter failure: MAX_NUM_ORDERS")
    trader.ask("POST", "order", order)  # the two hundredth


def test_an_unfilled_opo_has_no_pending_quantity_after_a_cancel_either(trader: Trader) -> None:
    trader.ask("POST", "orderList/opo", OPO)
    working, pending = trader.ask("DELETE", "orderList", orderListId="0")["orderReports"]
    assert working["origQty"] == "1.00000000"
    assert "origQty" not in pending
    assert "origQty" not in trader.ask("GET", "order", orderId=str(pending["orderId"]))


def test_lists_are_listed_by_id_and_time(trader: Trader) -> None:
    for _ in range(3):
        trader.ask("POST", "orderList/oco", SELL_OCO)
        trader.now += 10

    def found(**values: str) -> list[int]:
        return [entry["orderListId"] for entry in trader.ask("GET", "allOrderList", values)]

    assert found() == [0, 1, 2]
    assert found(limit="2") == [1, 2]
    assert found(fromId="1") == [1, 2]
    assert found(fromId="0", limit="1") == [0]
    assert found(startTime=str(START), endTime=str(START + 10)) == [0, 1]
    assert found(endTime=str(START + 10), limit="1") == [1]


_BUY_WITH_LIMIT = changed(BUY_OCO, belowType="LIMIT_MAKER", belowStopPrice=None, belowPrice="90")


@pytest.mark.parametrize(
    ("path", "values", "first"),
    [
        ("orderList/oco", SELL_OCO, 1),
        ("orderList/oco", BUY_OCO, 1),
        ("orderList/oco", _BUY_WITH_LIMIT, 1),
        ("order/oco", DEPRECATED_OCO, 1),
        ("orderList/otoco", OTOCO, 2),
        ("orderList/opoco", OPOCO, 2),
    ],
)
def test_the_stop_loss_of_an_oco_has_the_lower_id(
    trader: Trader, path: str, values: dict[str, str], first: int
) -> None:
    answer = trader.ask("POST", path, values, newOrderRespType="RESULT")
    *_, lower, higher = answer["orderReports"]
    assert [lower["orderId"], higher["orderId"]] == [first, first + 1]
    assert lower["type"].startswith("STOP_LOSS")
    assert not higher["type"].startswith("STOP_LOSS")
    assert [order["orderId"] for order in answer["orders"]] == [report["orderId"] for report in answer["orderReports"]]

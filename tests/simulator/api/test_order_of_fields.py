"""Optional fields appear at the same positions as in the exchange's responses."""

from tests.simulator.api.conftest import Trader

ICEBERG = {
    "side": "SELL", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90",
    "stopPrice": "95", "trailingDelta": "50", "icebergQty": "0.5", "strategyId": "1", "strategyType": "1000000",
    "newOrderRespType": "FULL",
}  # fmt: skip
OWN = ["stopPrice", "trailingDelta", "trailingTime", "icebergQty", "strategyId", "strategyType"]
STP = "selfTradePreventionMode"


def after_side(shape: dict[str, object]) -> list[str]:
    names = list(shape)
    return names[names.index("side") + 1 :]


def test_requested_values_follow_the_side(trader: Trader) -> None:
    placed = trader.ask("POST", "order", ICEBERG)
    assert after_side(placed) == [*OWN, "workingTime", STP, "fills"]
    number = str(placed["orderId"])
    assert after_side(trader.ask("GET", "order", orderId=number)) == [
        *OWN[:4], "time", "updateTime", "isWorking", "workingTime", "origQuoteOrderQty", *OWN[4:], STP,
    ]  # fmt: skip
    amended = trader.ask("PUT", "order/amend/keepPriority", orderId=number, newQty="0.9")
    assert after_side(amended["amendedOrder"]) == [*OWN, STP]
    assert after_side(trader.ask("DELETE", "order", orderId=number)) == [*OWN, STP]


def test_results_come_last(trader: Trader) -> None:
    trader.ask("POST", "order", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="100.01")
    taker = trader.ask(
        "POST", "order", side="SELL", type="LIMIT", timeInForce="IOC", quantity="2", price="100.01",
        selfTradePreventionMode="DECREMENT",
    )  # fmt: skip
    happened = ["preventedMatchId", "preventedQuantity", "expiryReason"]
    assert after_side(taker) == ["workingTime", STP, "fills", *happened, "preventedMatches"]
    asked = trader.ask("GET", "order", orderId=str(taker["orderId"]))
    assert list(asked)[-4:] == [STP, *happened]

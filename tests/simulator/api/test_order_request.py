"""Order parameters: what is needed, what is not, and the exchange's words for either."""

from decimal import Decimal

import pytest

from cq_tui.simulator.api.order_request import read_oco, read_order, response_type
from cq_tui.simulator.api.parameters import Parameters, read_form
from cq_tui.simulator.errors import ApiError

KNOWN = {"BTCUSDT": 0}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
LIMIT = MARKET | {"type": "LIMIT", "timeInForce": "GTC", "price": "10"}
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "1",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "12",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "9",
    "belowPrice": "8",
    "belowTimeInForce": "GTC",
}


def test_a_limit_order_is_read() -> None:
    new = read_order(Parameters(LIMIT | {"newClientOrderId": "mine"}), KNOWN, lambda: "made")
    assert (new.price, new.quantity, new.time_in_force, new.client_order_id) == (
        Decimal(10),
        Decimal(1),
        "GTC",
        "mine",
    )
    assert read_order(Parameters(MARKET), KNOWN, lambda: "made").client_order_id == "made"


@pytest.mark.parametrize(
    ("order", "changes", "code", "text"),
    [
        (MARKET, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (MARKET, {"symbol": None}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        (MARKET, {"side": "LONG"}, -1117, "Invalid side."),
        (MARKET, {"type": "PEGGED"}, -1116, "Invalid orderType."),
        (MARKET, {"quantity": "1e-5"}, -1100, None),
        (MARKET, {"quantity": "-1"}, -1100, None),
        (MARKET, {"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (MARKET, {"quantity": ""}, -1105, "Parameter 'quantity' was empty."),
        (
            MARKET,
            {"quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        (MARKET, {"quoteOrderQty": "5"}, -1128, "Combination of optional parameters invalid."),
        (MARKET, {"timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
        (MARKET, {"price": "5"}, -1106, "Parameter 'price' sent when not required."),
        (LIMIT, {"price": None}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
        (LIMIT, {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"stopPrice": "5"}, -1106, "Parameter 'stopPrice' sent when not required."),
        (LIMIT, {"quoteOrderQty": "5"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        (LIMIT, {"strategyType": "5"}, -1134, None),
        (LIMIT, {"icebergQty": "0.5"}, -1013, "Iceberg orders are not supported for this symbol."),
        (
            LIMIT,
            {"selfTradePreventionMode": "NONE"},
            -1013,
            "This symbol does not allow the specified self-trade prevention mode.",
        ),
    ],
)
def test_bad_parameters(order: dict[str, str], changes: dict[str, str | None], code: int, text: str | None) -> None:
    values = {name: value for name, value in (order | changes).items() if value is not None}
    with pytest.raises(ApiError) as caught:
        read_order(Parameters(values), KNOWN, lambda: "made")
    assert caught.value.code == code
    assert text in (None, caught.value.message)


def test_an_oco_is_read_with_its_working_leg_first() -> None:
    new = read_oco(Parameters(OCO), KNOWN, lambda: "made")
    assert [leg.type for leg in new.legs] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    assert (new.below.stop_price, new.below.price, new.above.quantity) == (Decimal(9), Decimal(8), Decimal(1))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "BUY"}, -1158),
        ({"aboveType": "MARKET", "abovePrice": None}, -1158),
        ({"belowStopPrice": None}, -1102),
        ({"quantity": None}, -1102),
        ({"aboveStopPrice": "13"}, -1106),
        ({"belowTrailingDelta": "10"}, -1013),
    ],
)
def test_bad_oco_parameters(changes: dict[str, str | None], code: int) -> None:
    values = {name: value for name, value in (OCO | changes).items() if value is not None}
    with pytest.raises(ApiError) as caught:
        read_oco(Parameters(values), KNOWN, lambda: "made")
    assert caught.value.code == code


def test_the_default_response_type_depends_on_the_order_type() -> None:
    assert [response_type(Parameters({}), kind) for kind in ("MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS")] == [
        "FULL",
        "FULL",
        "ACK",
        "ACK",
    ]


def test_the_query_wins_over_the_body_and_doubles_are_refused() -> None:
    assert read_form(b"a=1", b"a=2&b=%C3%BC").text("a") == "1"
    assert read_form(b"a=1", b"a=2&b=%C3%BC").text("b") == "ü"
    with pytest.raises(ApiError) as caught:
        read_form(b"a=1&a=1")
    assert caught.value.code == -1101


@pytest.mark.parametrize(
    ("symbols", "code"),
    [('["BTCUSDT","BTCUSDT"]', -1151), ('["NOPE"]', -1121), ("BTCUSDT", -1135), ('["BTCUSDT"', -1135)],
)
def test_bad_lists_of_symbols(symbols: str, code: int) -> None:
    with pytest.raises(ApiError) as caught:
        Parameters({"symbols": symbols}).symbols(KNOWN)
    assert caught.value.code == code

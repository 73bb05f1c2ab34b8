"""Order parameters: mandatory and rejected ones per type, error texts and order of checks."""

from decimal import Decimal

import pytest

from cq_tui.simulator.api.order_request import ORDER_TYPES, read_order, response_type
from cq_tui.simulator.api.parameters import Parameters, read_form
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.api.requests import LIMIT, LIMIT_MAKER, MARKET, RULES, STOP_LOSS, STOP_LOSS_LIMIT, changed, made

DECIMAL = r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
INTEGER = "legal range is '^[0-9]{1,20}$'."
CLIENT_ID = "legal range is '^[a-zA-Z0-9-_]{1,36}$'."
SYMBOL = r"Illegal characters found in parameter 'symbol'; legal range is '^[\w\-._&&[^a-z]]{1,50}$'."
PEG = {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL", "pegOffsetValue": "1"}


def lacking(name: str) -> str:
    return f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def needless(name: str) -> str:
    return f"Parameter '{name}' sent when not required."


def illegal(name: str, range_: str = DECIMAL) -> str:
    return f"Illegal characters found in parameter '{name}'; {range_}"


def refusal(values: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(RequestRejected) as caught:
        read_order(Parameters(values), RULES, made)
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


def test_a_limit_order_is_parsed() -> None:
    new = read_order(Parameters(LIMIT | {"newClientOrderId": "mine", "strategyId": "7"}), RULES, made)
    assert (new.price, new.quantity, new.time_in_force) == (Decimal("10"), Decimal("1"), "GTC")
    assert (new.client_order_id, new.strategy_id, new.strategy_type) == ("mine", 7, -1)
    assert (new.stp_mode, new.iceberg_quantity, new.trailing_delta) == ("EXPIRE_MAKER", None, None)
    assert read_order(Parameters(MARKET), RULES, made).client_order_id == "made"


def test_all_other_parameters_are_parsed() -> None:
    values = STOP_LOSS_LIMIT | {
        "trailingDelta": "100",
        "icebergQty": "0.50",
        "strategyType": "1000000",
        "selfTradePreventionMode": "DECREMENT",
    }
    new = read_order(Parameters(values), RULES, made)
    assert (new.stop_price, new.price, new.trailing_delta) == (Decimal("9"), Decimal("8"), 100)
    assert (new.iceberg_quantity, new.strategy_type, new.stp_mode) == (Decimal("0.50"), 1_000_000, "DECREMENT")
    by_quote = read_order(Parameters(changed(MARKET, quantity=None, quoteOrderQty="5.5")), RULES, made)
    assert (by_quote.quantity, by_quote.quote_quantity) == (None, Decimal("5.5"))


def test_a_trailing_stop_needs_no_stop_price() -> None:
    new = read_order(Parameters(changed(STOP_LOSS, stopPrice=None, trailingDelta="50")), RULES, made)
    assert (new.stop_price, new.trailing_delta) == (None, 50)


@pytest.mark.parametrize(
    ("order", "changes", "code", "text"),
    [
        (MARKET, {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        (MARKET, {"symbol": "btcusdt"}, -1100, SYMBOL),
        (MARKET, {"symbol": None}, -1102, lacking("symbol")),
        (MARKET, {"symbol": ""}, -1105, "Parameter 'symbol' was empty."),
        (MARKET, {"side": None}, -1102, lacking("side")),
        (MARKET, {"side": "LONG"}, -1117, "Invalid side."),
        (MARKET, {"type": None}, -1102, lacking("type")),
        (MARKET, {"type": "PEGGED"}, -1116, "Invalid orderType."),
        (MARKET, {"type": "limit"}, -1116, "Invalid orderType."),
        (MARKET, {"quantity": "1e-5"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "-1"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "+1"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": ".5"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "5."}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "1\n"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "١"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "1" * 21}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "NaN"}, -1100, illegal("quantity")),
        (MARKET, {"quantity": "0.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        (MARKET, {"quantity": ""}, -1105, "Parameter 'quantity' was empty."),
        (
            MARKET,
            {"quantity": None},
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        (MARKET, {"quoteOrderQty": "5"}, -1128, "Combination of optional parameters invalid."),
        (MARKET, {"quantity": None, "quoteOrderQty": "1e2"}, -1100, illegal("quoteOrderQty")),
        (MARKET, {"timeInForce": "GTC"}, -1106, needless("timeInForce")),
        (MARKET, {"price": "5"}, -1106, needless("price")),
        (MARKET, {"icebergQty": "0.5"}, -1106, needless("icebergQty")),
        (MARKET, {"trailingDelta": "5"}, -1106, needless("trailingDelta")),
        (LIMIT, {"price": None}, -1102, lacking("price")),
        (LIMIT, {"quantity": None}, -1102, lacking("quantity")),
        (LIMIT, {"timeInForce": None}, -1102, lacking("timeInForce")),
        (LIMIT, {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        (LIMIT, {"stopPrice": "5"}, -1106, needless("stopPrice")),
        (LIMIT, {"quoteOrderQty": "5"}, -1106, needless("quoteOrderQty")),
        (LIMIT, {"strategyType": "999999"}, -1134, "strategyType was less than 1000000."),
        (LIMIT, {"strategyId": "x"}, -1100, illegal("strategyId", INTEGER)),
        (LIMIT, {"strategyId": "9" * 20}, -1108, "Parameter 'strategyId' overflowed."),
        (LIMIT, {"icebergQty": "0.5", "timeInForce": "IOC"}, -1014, "Unsupported order combination."),
        (LIMIT, {"newClientOrderId": "a b"}, -1100, illegal("newClientOrderId", CLIENT_ID)),
        (LIMIT, {"newClientOrderId": "a" * 37}, -1100, None),
        (
            LIMIT,
            {"selfTradePreventionMode": "SOMETIMES"},
            -1130,
            "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        ),
        (LIMIT, {"pegPriceType": "MIDDLE"}, -1210, "Invalid pegPriceType."),
        (LIMIT, PEG | {"pegOffsetType": "TICKS"}, -1211, "Invalid pegOffsetType."),
        (
            LIMIT,
            PEG | {"pegOffsetValue": None},
            -1128,
            "Fields [pegOffsetType, pegOffsetValue] must be sent together or omitted entirely.",
        ),
        (
            LIMIT,
            PEG | {"pegOffsetValue": "101"},
            -1102,
            "'pegOffsetValue' contains unexpected value. Cannot be greater than 100.",
        ),
        (LIMIT, PEG | {"price": None}, -1013, "Pegged orders are not supported for this symbol."),
        (LIMIT_MAKER, {"timeInForce": "GTC"}, -1106, needless("timeInForce")),
        (LIMIT_MAKER, {"price": None}, -1102, lacking("price")),
        (LIMIT_MAKER, {"stopPrice": "9"}, -1106, needless("stopPrice")),
        (STOP_LOSS, {"price": "9"}, -1106, needless("price")),
        (STOP_LOSS, {"timeInForce": "GTC"}, -1106, needless("timeInForce")),
        (
            STOP_LOSS,
            {"stopPrice": None},
            -1102,
            "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
        ),
        (STOP_LOSS, {"trailingDelta": "1.5"}, -1100, illegal("trailingDelta", INTEGER)),
        (STOP_LOSS_LIMIT, {"price": None}, -1102, lacking("price")),
        (STOP_LOSS_LIMIT, {"timeInForce": None}, -1102, lacking("timeInForce")),
        (STOP_LOSS_LIMIT, {"quantity": None}, -1102, lacking("quantity")),
        (STOP_LOSS_LIMIT, {"stopPrice": "1,5"}, -1100, illegal("stopPrice")),
    ],
)  # fmt: skip
def test_bad_parameters(order: dict[str, str], changes: dict[str, str | None], code: int, text: str | None) -> None:
    found = refusal(changed(order, **changes))
    assert found == (code, text if text is not None else found[1])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        # Each line breaks one more rule than the previous one; the rule checked first is reported.
        ({"symbol": "NOPE"}, -1121),
        ({"symbol": "NOPE", "strategyType": "5"}, -1134),
        ({"symbol": "NOPE", "strategyType": "5", "price": "0.000000001"}, -1111),
        ({"symbol": "NOPE", "strategyType": "5", "price": "0.000000001", "stopPrice": "1"}, -1106),
        ({"symbol": "NOPE", "price": "0.000000001", "stopPrice": "1", "side": "UP"}, -1117),
        ({"symbol": "NOPE", "stopPrice": "1", "side": "UP", "timeInForce": "X"}, -1115),
        ({"symbol": "NOPE", "stopPrice": "1", "side": "UP", "timeInForce": "X", "quantity": "1e2"}, -1100),
        ({"symbol": "NOPE", "side": "UP", "timeInForce": "X", "quantity": "1e2", "price": None}, -1102),
    ],
)
def test_checks_run_in_the_exchanges_order(changes: dict[str, str | None], code: int) -> None:
    assert refusal(changed(LIMIT, **changes))[0] == code


def test_the_default_response_type_depends_on_the_order_type() -> None:
    full = {kind for kind in ORDER_TYPES if response_type(Parameters({}), kind) == "FULL"}
    assert full == {"MARKET", "LIMIT"}
    assert response_type(Parameters({}), "STOP_LOSS") == "ACK"
    assert response_type(Parameters({"newOrderRespType": "RESULT"}), "MARKET") == "RESULT"
    with pytest.raises(RequestRejected) as caught:
        response_type(Parameters({"newOrderRespType": "ALL"}))
    assert caught.value.code == -1130


def test_the_query_wins_over_the_body_and_duplicates_are_rejected() -> None:
    assert read_form(b"a=1", b"a=2&b=%C3%BC").text("a") == "1"
    assert read_form(b"a=1", b"a=2&b=%C3%BC").text("b") == "ü"
    with pytest.raises(RequestRejected) as caught:
        read_form(b"a=1&a=1")
    assert caught.value.code == -1101


@pytest.mark.parametrize(
    ("symbols", "code"),
    [('["BTCUSDT","BTCUSDT"]', -1151), ('["NOPE"]', -1121), ("BTCUSDT", -1100), ('["BTCUSDT"', -1100)],
)
def test_malformed_lists_of_symbols(symbols: str, code: int) -> None:
    with pytest.raises(RequestRejected) as caught:
        Parameters({"symbols": symbols}).symbols({"BTCUSDT": 0})
    assert caught.value.code == code

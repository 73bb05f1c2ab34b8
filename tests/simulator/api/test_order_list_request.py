"""Order list parameters: every OCO composition, and the other list types."""

from decimal import Decimal

import pytest

from cq_tui.simulator.api.order_list_request import (
    check_composition,
    read_deprecated_oco,
    read_oco,
    read_opo,
    read_opoco,
    read_oto,
    read_otoco,
)
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.api.requests import (
    BUY_OCO,
    DEPRECATED_OCO,
    OPO,
    OPOCO,
    OTO,
    OTOCO,
    RULES,
    SELL_OCO,
    changed,
    made,
)

READERS = {
    "OCO": (read_oco, SELL_OCO),
    "BUY": (read_oco, BUY_OCO),
    "OLD": (read_deprecated_oco, DEPRECATED_OCO),
    "OTO": (read_oto, OTO),
    "OTOCO": (read_otoco, OTOCO),
    "OPO": (read_opo, OPO),
    "OPOCO": (read_opoco, OPOCO),
}


def refusal(kind: str, **changes: str | None) -> tuple[int, str]:
    read, values = READERS[kind]
    with pytest.raises(RequestRejected) as caught:
        read(Parameters(changed(values, **changes)), RULES, made)
    return caught.value.code, caught.value.message


def test_an_oco_is_parsed() -> None:
    values = SELL_OCO | {"listClientOrderId": "all", "aboveClientOrderId": "up", "belowStrategyId": "3"}
    new = read_oco(Parameters(values), RULES, made)
    above, below = new.legs
    assert (new.kind, new.client_id, new.working) == ("OCO", "all", None)
    assert (above.type, above.price, above.client_order_id) == ("LIMIT_MAKER", Decimal(110), "up")
    assert (below.type, below.stop_price, below.price) == ("STOP_LOSS_LIMIT", Decimal(90), Decimal(89))
    assert (below.strategy_id, below.side, below.quantity) == (3, "SELL", Decimal(1))


def test_the_deprecated_oco_is_parsed() -> None:
    new = read_deprecated_oco(Parameters(DEPRECATED_OCO | {"limitIcebergQty": "0.5"}), RULES, made)
    assert [leg.type for leg in new.legs] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    assert (new.legs[0].price, new.legs[0].iceberg_quantity) == (Decimal(110), Decimal("0.5"))
    assert (new.legs[1].stop_price, new.legs[1].price, new.legs[1].time_in_force) == (Decimal(90), Decimal(89), "GTC")
    plain = changed(DEPRECATED_OCO, side="BUY", stopLimitPrice=None, stopLimitTimeInForce=None)
    bought = read_deprecated_oco(Parameters(plain), RULES, made)
    assert [leg.type for leg in bought.legs] == ["STOP_LOSS", "LIMIT_MAKER"]


@pytest.mark.parametrize(("kind", "legs"), [("OTO", 1), ("OPO", 1), ("OTOCO", 2), ("OPOCO", 2)])
def test_lists_with_pending_orders_are_parsed(kind: str, legs: int) -> None:
    read, values = READERS[kind]
    new = read(Parameters(values), RULES, made)
    assert (new.kind, len(new.legs)) == (kind, legs)
    assert new.working is not None
    assert (new.working.side, new.working.quantity, new.working.price) == ("BUY", Decimal(1), Decimal(95))
    quantity = None if kind.startswith("OPO") else Decimal("0.5")
    assert {(leg.side, leg.quantity) for leg in new.legs} == {("SELL", quantity)}


def test_a_pending_market_order_requires_a_quantity() -> None:
    market = {"pendingType": "MARKET", "pendingPrice": None, "pendingTimeInForce": None}
    read_oto(Parameters(changed(OTO, **market)), RULES, made)
    assert refusal("OTO", **market, pendingQuantity=None)[0] == -1102
    read_opo(Parameters(changed(OPO, **market)), RULES, made)


TYPES = ("LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
TEXTS = {
    -1158: "Order type not supported in OCO.",
    -1165: "A limit order in a buy OCO must be below.",
    -1166: "A limit order in a sell OCO must be above.",
    -1168: "At least one OCO order must be contingent.",
    -1196: "A stop loss order in a buy OCO must be above.",
    -1197: "A stop loss order in a sell OCO must be below.",
    -1198: "A take profit order in a buy OCO must be below.",
    -1199: "A take profit order in a sell OCO must be above.",
}


def composition(side: str, above: str, below: str) -> int:
    """Return the error code, 0 for a valid composition."""
    try:
        check_composition(side, above, below)
    except RequestRejected as error:
        return error.code if error.message == TEXTS[error.code] else 1
    return 0


def test_one_leg_takes_profit_and_the_other_stops_a_loss() -> None:
    profits, losses = {"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}, {"STOP_LOSS", "STOP_LOSS_LIMIT"}
    for side in ("BUY", "SELL"):
        fitting = {(a, b) for a in TYPES for b in TYPES if composition(side, a, b) == 0}
        expected = {(p, s) if side == "SELL" else (s, p) for p in profits for s in losses}
        assert fitting == expected


@pytest.mark.parametrize(
    ("side", "above", "below", "code"),
    [
        ("SELL", "LIMIT", "STOP_LOSS", -1158),
        ("SELL", "LIMIT_MAKER", "MARKET", -1158),
        ("SELL", "LIMIT_MAKER", "LIMIT_MAKER", -1168),
        ("BUY", "LIMIT_MAKER", "STOP_LOSS", -1165),
        ("SELL", "STOP_LOSS", "LIMIT_MAKER", -1166),
        ("BUY", "STOP_LOSS", "STOP_LOSS_LIMIT", -1196),
        ("SELL", "STOP_LOSS", "STOP_LOSS", -1197),
        ("BUY", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", -1198),
        ("SELL", "TAKE_PROFIT", "TAKE_PROFIT", -1199),
        ("SELL", "STOP_LOSS", "TAKE_PROFIT", -1197),
    ],
)
def test_invalid_compositions(side: str, above: str, below: str, code: int) -> None:
    assert composition(side, above, below) == code


@pytest.mark.parametrize(
    ("kind", "changes", "code", "name"),
    [
        ("OCO", {"quantity": None}, -1102, "'quantity'"),
        ("OCO", {"side": "UP"}, -1117, "Invalid side."),
        ("OCO", {"belowType": None}, -1102, "'belowType'"),
        ("OCO", {"belowStopPrice": None}, -1102, "'belowStopPrice' or 'belowTrailingDelta'"),
        ("OCO", {"belowTimeInForce": None}, -1102, "'belowTimeInForce'"),
        ("OCO", {"aboveStopPrice": "13"}, -1106, "'aboveStopPrice'"),
        ("OCO", {"aboveTimeInForce": "GTC"}, -1106, "'aboveTimeInForce'"),
        ("OCO", {"abovePrice": "1e2"}, -1100, "'abovePrice'"),
        ("OCO", {"belowStrategyType": "12"}, -1134, "belowStrategyType"),
        (
            "OCO",
            {"belowIcebergQty": "0.5", "belowTimeInForce": "IOC"},
            -1160,
            "Parameter 'belowIcebergQty' is not supported if 'belowTimeInForce' is not GTC.",
        ),
        ("OCO", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ("OCO", {"belowPegPriceType": "PRIMARY_PEG"}, -1013, "Pegged orders"),
        ("OLD", {"stopPrice": None}, -1102, "'stopPrice'"),
        ("OLD", {"stopLimitTimeInForce": None}, -1102, "'stopLimitTimeInForce'"),
        ("OLD", {"stopLimitPrice": None}, -1106, "'stopLimitTimeInForce'"),
        ("OTO", {"workingType": "MARKET"}, -1116, "Invalid orderType."),
        ("OTO", {"workingSide": None}, -1102, "'workingSide'"),
        ("OTO", {"workingPrice": None}, -1102, "'workingPrice'"),
        ("OTO", {"pendingQuantity": None}, -1102, "'pendingQuantity'"),
        ("OTO", {"pendingPrice": None}, -1102, "'pendingPrice'"),
        ("OTO", {"pendingSide": "UP"}, -1117, "Invalid side."),
        ("OTOCO", {"pendingAboveType": "STOP_LOSS"}, -1197, "must be below"),
        ("OTOCO", {"pendingBelowStopPrice": None}, -1102, "'pendingBelowStopPrice'"),
        ("OPO", {"workingSide": "SELL"}, -1222, "Working order in an OPO list must be a bid."),
        ("OPO", {"pendingSide": "BUY"}, -1223, "Pending orders in an OPO list must be asks."),
        (
            "OPO",
            {"pendingQuantity": "1"},
            -1225,
            "Pending orders should not include the 'pendingQuantity' tag.",
        ),
        ("OPOCO", {"workingSide": "SELL"}, -1222, "must be a bid"),
    ],
)
def test_bad_parameters(kind: str, changes: dict[str, str | None], code: int, name: str) -> None:
    found, text = refusal(kind, **changes)
    assert found == code, text
    assert name in text

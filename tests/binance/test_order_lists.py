"""Requests for order lists: exact text, and nothing that the exchange would reject."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco, OcoLeg
from cq_tui.binance.orders import NewOrder, OrderRequestError

D = Decimal

PROFIT = OcoLeg("LIMIT_MAKER", "cq-p", price=D(110))
STOP = OcoLeg("STOP_LOSS_LIMIT", "cq-s", price=D(89), stop_price=D(90), time_in_force="GTC")


def test_oco() -> None:
    params = NewOco("BTCUSDT", "SELL", D("0.5"), "cq-l", above=PROFIT, below=STOP).params()
    assert params == [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("quantity", "0.5"),
        ("listClientOrderId", "cq-l"),
        ("aboveType", "LIMIT_MAKER"),
        ("aboveClientOrderId", "cq-p"),
        ("abovePrice", "110"),
        ("belowType", "STOP_LOSS_LIMIT"),
        ("belowClientOrderId", "cq-s"),
        ("belowPrice", "89"),
        ("belowStopPrice", "90"),
        ("belowTimeInForce", "GTC"),
        ("newOrderRespType", "FULL"),
    ]


def test_oco_legs_on_the_wrong_side() -> None:
    buy_stop, buy_profit = replace(STOP, price=D(121), stop_price=D(120)), replace(PROFIT, price=D(90))
    assert NewOco("B", "BUY", D(1), "cq-l", above=buy_stop, below=buy_profit).params()[1] == ("side", "BUY")
    with pytest.raises(OrderRequestError, match="a SELL takes profit above"):
        NewOco("B", "SELL", D(1), "cq-l", above=STOP, below=PROFIT)
    with pytest.raises(OrderRequestError, match="must differ"):
        NewOco("B", "SELL", D(1), "cq-p", above=PROFIT, below=STOP)
    with pytest.raises(OrderRequestError, match="leg of an OCO"):
        OcoLeg("MARKET", "cq-m")
    with pytest.raises(OrderRequestError, match="quantity"):
        NewOco("B", "SELL", D(0), "cq-l", above=PROFIT, below=STOP)
    with pytest.raises(OrderRequestError, match="starts at 110, not above 110"):
        NewOco("B", "SELL", D(1), "cq-l", above=PROFIT, below=replace(STOP, stop_price=D(110)))


ENTRY = NewOrder("BTCUSDT", "BUY", "LIMIT", "cq-e", quantity=D("0.5"), price=D(100), time_in_force="FOK")


def test_an_entry_with_its_protection() -> None:
    params = NewOpoco(ENTRY, "cq-l", above=PROFIT, below=STOP).params()
    assert params == [
        ("symbol", "BTCUSDT"),
        ("listClientOrderId", "cq-l"),
        ("workingType", "LIMIT"),
        ("workingSide", "BUY"),
        ("workingClientOrderId", "cq-e"),
        ("workingQuantity", "0.5"),
        ("workingPrice", "100"),
        ("workingTimeInForce", "FOK"),
        ("pendingSide", "SELL"),
        ("pendingAboveType", "LIMIT_MAKER"),
        ("pendingAboveClientOrderId", "cq-p"),
        ("pendingAbovePrice", "110"),
        ("pendingBelowType", "STOP_LOSS_LIMIT"),
        ("pendingBelowClientOrderId", "cq-s"),
        ("pendingBelowPrice", "89"),
        ("pendingBelowStopPrice", "90"),
        ("pendingBelowTimeInForce", "GTC"),
        ("newOrderRespType", "FULL"),
    ]
    otoco = NewOtoco(ENTRY, D("0.4995"), "cq-l", above=PROFIT, below=STOP)
    assert otoco.params() == [*params, ("pendingQuantity", "0.4995")]


MARKET = NewOrder("BTCUSDT", "BUY", "MARKET", "cq-e", quantity=D("0.5"))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"working": MARKET}, "MARKET BUY; expected a LIMIT"),
        ({"working": replace(ENTRY, side="SELL")}, "LIMIT SELL; expected a LIMIT"),
        ({"working": replace(ENTRY, client_order_id="cq-p")}, "must differ"),
        ({"list_client_order_id": "cq-e"}, "must differ"),
        ({"list_client_order_id": "c q"}, "client order id"),
        ({"above": replace(STOP, client_order_id="cq-p")}, "takes profit above"),
        ({"above": replace(PROFIT, price=D(90))}, "not above 90"),
    ],
)
def test_an_entry_that_the_exchange_would_reject(changed: dict[str, object], named: str) -> None:
    fields: dict[str, object] = {"working": ENTRY, "list_client_order_id": "cq-l", "above": PROFIT, "below": STOP}
    assert isinstance(NewOpoco(**fields), NewOpoco)  # type: ignore[arg-type]
    with pytest.raises(OrderRequestError, match=named):
        NewOpoco(**fields | changed)  # type: ignore[arg-type]
    with pytest.raises(OrderRequestError, match=named):
        NewOtoco(**{"pending_quantity": D(1)} | fields | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("quantity", [D(0), D(-1), D("NaN"), 0.5])
def test_the_quantity_of_a_pending_pair(quantity: Decimal) -> None:
    with pytest.raises(OrderRequestError, match="pending quantity"):
        NewOtoco(ENTRY, quantity, "cq-l", above=PROFIT, below=STOP)

"""Order requests: exact text, and nothing that the exchange would reject."""

from decimal import Decimal

import pytest

from cq_tui.binance.orders import NewOco, NewOrder, OcoLeg, OrderRequestError, check_client_order_id

D = Decimal


def test_market_order() -> None:
    order = NewOrder("BTCUSDT", "BUY", "MARKET", "cq-1", quantity=D("1E-5"))
    assert order.params() == [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "MARKET"),
        ("quantity", "0.00001"),
        ("newClientOrderId", "cq-1"),
        ("newOrderRespType", "FULL"),
    ]


def test_stop_limit_order() -> None:
    order = NewOrder(
        "BTCUSDT", "SELL", "STOP_LOSS_LIMIT", "cq-1", D("0.5"), None, D("90.0"), D("91"), time_in_force="GTC"
    )
    params = dict(order.params())
    assert (params["price"], params["stopPrice"], params["timeInForce"]) == ("90.0", "91", "GTC")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"side": "HOLD"}, "side"),
        ({"type": "WISH"}, "WISH"),
        ({"client_order_id": ""}, "client order id"),
        ({"client_order_id": "x" * 37}, "client order id"),
        ({"client_order_id": "a b"}, "client order id"),
        ({"quantity": None}, "quantity"),
        ({"quantity": D(0)}, "quantity"),
        ({"quantity": D(-1)}, "quantity"),
        ({"quantity": D("NaN")}, "quantity"),
        ({"quantity": 0.5}, "quantity"),
        ({"quote_quantity": D(10)}, "quote quantity"),
        ({"price": None}, "price"),
        ({"price": D("Infinity")}, "price"),
        ({"stop_price": D(1)}, "stop price"),
        ({"time_in_force": None}, "time in force"),
        ({"type": "MARKET"}, "price"),
        ({"type": "MARKET", "price": None}, "time in force"),
        ({"type": "LIMIT_MAKER"}, "time in force"),
        ({"type": "STOP_LOSS_LIMIT"}, "stop price"),
    ],
)
def test_invalid_orders_cannot_be_built(changed: dict[str, object], named: str) -> None:
    fields: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "client_order_id": "cq-1",
        "quantity": D("0.5"),
        "price": D(100),
        "time_in_force": "GTC",
    }
    build: object = NewOrder(**fields)  # type: ignore[arg-type]  # fields of wrong types are the case under test
    assert isinstance(build, NewOrder)
    with pytest.raises(OrderRequestError, match=named):
        NewOrder(**fields | changed)  # type: ignore[arg-type]  # as above


def test_a_market_order_takes_one_of_two_quantities() -> None:
    assert ("quoteOrderQty", "25") in NewOrder("B", "BUY", "MARKET", "c", quote_quantity=D(25)).params()
    with pytest.raises(OrderRequestError, match="either"):
        NewOrder("B", "BUY", "MARKET", "c")
    with pytest.raises(OrderRequestError, match="either"):
        NewOrder("B", "BUY", "MARKET", "c", quantity=D(1), quote_quantity=D(1))


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
    assert NewOco("B", "BUY", D(1), "cq-l", above=STOP, below=PROFIT).params()[1] == ("side", "BUY")
    with pytest.raises(OrderRequestError, match="a SELL takes profit above"):
        NewOco("B", "SELL", D(1), "cq-l", above=STOP, below=PROFIT)
    with pytest.raises(OrderRequestError, match="must differ"):
        NewOco("B", "SELL", D(1), "cq-p", above=PROFIT, below=STOP)
    with pytest.raises(OrderRequestError, match="leg of an OCO"):
        OcoLeg("MARKET", "cq-m")
    with pytest.raises(OrderRequestError, match="quantity"):
        NewOco("B", "SELL", D(0), "cq-l", above=PROFIT, below=STOP)


def test_client_order_ids() -> None:
    assert check_client_order_id("aZ0_.:/-" + "x" * 28)
    with pytest.raises(OrderRequestError):
        check_client_order_id("ok\n")

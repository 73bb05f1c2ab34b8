"""Order requests: exact text, and nothing that the exchange would reject."""

from decimal import Decimal

import pytest

from cq_tui.binance.orders import CancelReplace, NewOrder, OrderRequestError, check_client_order_id

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


def test_client_order_ids() -> None:
    assert check_client_order_id("aZ0_.:/-" + "x" * 28)
    with pytest.raises(OrderRequestError):
        check_client_order_id("ok\n")


EXIT = NewOrder("BTCUSDT", "SELL", "MARKET", "cq-exit", quantity=D("0.5"))


def test_cancel_replace() -> None:
    request = CancelReplace("cq-stop", EXIT, cancel_id="cq-cancel")
    assert request.params() == [
        *EXIT.params(),
        ("cancelReplaceMode", "STOP_ON_FAILURE"),
        ("cancelOrigClientOrderId", "cq-stop"),
        ("cancelNewClientOrderId", "cq-cancel"),
    ]
    assert CancelReplace("cq-stop", EXIT).params() == request.params()[:-1]


@pytest.mark.parametrize(
    ("ids", "named"),
    [(("cq-exit", None), "must differ"), (("cq-stop", "cq-exit"), "must differ"), (("", None), "client order id")],
)
def test_the_ids_of_a_cancel_replace(ids: tuple[str, str | None], named: str) -> None:
    with pytest.raises(OrderRequestError, match=named):
        CancelReplace(ids[0], EXIT, ids[1])

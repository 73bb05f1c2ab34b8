"""REST responses as typed values, and errors that name a missing or wrong field."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance import types
from cq_tui.binance.errors import MalformedMessage
from cq_tui.contracts.market import Kline
from tests.binance import samples

Parser = Callable[[object], object]
OBJECTS: list[tuple[Parser, dict[str, Any], set[str]]] = [
    # parser, sample, fields that may be absent or are not read
    (types.parse_ticker_24h, samples.TICKER_24H, set()),
    (types.parse_book_ticker, samples.BOOK_TICKER, set()),
    (types.parse_fill, samples.FILL, set()),
    (types.parse_order, samples.ORDER_PLACED, {"fills", "transactTime"}),
    (types.parse_order, samples.ORDER_QUERIED, {"orderListId", "stopPrice", "time", "isWorking"}),
    (types.parse_order, samples.ORDER_CANCELED, {"origClientOrderId", "orderListId", "transactTime", "clientOrderId"}),
    (types.parse_order_list, samples.ORDER_LIST, set()),
    (types.parse_account, samples.ACCOUNT, set()),
    (types.parse_account_trade, samples.ACCOUNT_TRADE, set()),
]
FIELDS = [
    pytest.param(parser, sample, field, id=f"{parser.__name__}-{field}")
    for parser, sample, optional in OBJECTS
    for field in sorted(sample.keys() - optional)
]


@pytest.mark.parametrize(("parser", "sample", "field"), FIELDS)
def test_a_missing_or_wrong_field_is_named(parser: Parser, sample: dict[str, Any], field: str) -> None:
    without = {name: value for name, value in sample.items() if name != field}
    with pytest.raises(MalformedMessage) as missing:
        parser(without)
    assert missing.value.field == field
    for wrong in (None, {"a": 1}, 1.5):
        with pytest.raises(MalformedMessage):
            parser(sample | {field: wrong})


@pytest.mark.parametrize(("parser", "sample", "optional"), OBJECTS)
def test_unknown_fields_are_ignored(parser: Parser, sample: dict[str, Any], optional: set[str]) -> None:
    assert parser(sample | {"newField": [1, 2]}) == parser(sample)


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_anything_but_an_object(raw: object) -> None:
    for parser, _, _ in OBJECTS:
        with pytest.raises(MalformedMessage, match="expected a JSON object"):
            parser(raw)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "", "1,5", 1, None, True])
def test_a_price_is_a_finite_decimal_as_text(value: object) -> None:
    with pytest.raises(MalformedMessage, match="'askPrice'"):
        types.parse_book_ticker(samples.BOOK_TICKER | {"askPrice": value})


def test_server_time() -> None:
    assert types.parse_server_time({"serverTime": 1499827319559}) == 1499827319559
    with pytest.raises(MalformedMessage, match="serverTime"):
        types.parse_server_time({"serverTime": "1499827319559"})


def test_kline() -> None:
    assert types.parse_klines([samples.KLINE]) == [
        Kline(
            open_time=1499040000000,
            close_time=1499040059999,
            open=0.01634790,
            high=0.8,
            low=0.01575800,
            close=0.01577100,
            volume=148976.11427815,
            quote_volume=2434.19055334,
            trades=308,
        )
    ]


@pytest.mark.parametrize(
    ("position", "value", "name"),
    [
        (0, "1", "open time"),
        (6, True, "close time"),
        (8, None, "trades"),
        (1, 1.5, "open"),
        (4, "nan", "close"),
        (2, "inf", "high"),
        (2, "1e999", "high"),
        (2, "9" * 400, "high"),
        (3, "", "low"),
        (3, "x", "low"),
        (5, None, "volume"),
        (7, [], "quote volume"),
    ],
)
def test_a_wrong_kline_column_is_named(position: int, value: object, name: str) -> None:
    row = [*samples.KLINE]
    row[position] = value
    with pytest.raises(MalformedMessage) as caught:
        types.parse_klines([samples.KLINE, row])
    assert caught.value.field == name


@pytest.mark.parametrize("raw", [{}, [{}], [samples.KLINE[:8]], None])
def test_klines_of_another_shape(raw: object) -> None:
    with pytest.raises(MalformedMessage):
        types.parse_klines(raw)


def test_order_placed() -> None:
    order = types.parse_order(samples.ORDER_PLACED)
    assert (order.symbol, order.client_order_id, order.status) == ("BTCUSDT", "cq-entry-1", "FILLED")
    assert order.fills == (types.Fill(56, Decimal("100.1"), Decimal("0.5"), Decimal("0.0005"), "BTC"),)
    assert order.average_price == Decimal("100.1")
    assert order.order_list_id == -1
    assert order.time == 1507725176595
    assert not order.is_open


def test_order_queried() -> None:
    order = types.parse_order(samples.ORDER_QUERIED)
    assert order.is_open
    assert order.stop_price == 91
    assert order.order_list_id == 7
    assert order.time == 1507725176595
    assert order.average_price is None
    assert order.fills == ()


def test_a_canceled_order_keeps_its_own_id() -> None:
    assert types.parse_order(samples.ORDER_CANCELED).client_order_id == "cq-limit-1"


@pytest.mark.parametrize("status", ["PENDING_NEW", "CANCELED", "EXPIRED"])
def test_only_a_pending_order_of_a_list_may_lack_its_quantity(status: str) -> None:
    """Those of an OPO have none until the working order is filled."""
    pending = {name: value for name, value in samples.ORDER_QUERIED.items() if name != "origQty"} | {"status": status}
    assert types.parse_order(pending).quantity == 0
    with pytest.raises(MalformedMessage, match="origQty"):
        types.parse_order(pending | {"orderListId": -1})


def test_a_negative_cost_is_unknown() -> None:
    order = types.parse_order(samples.ORDER_PLACED | {"cummulativeQuoteQty": "-1.00000000"})
    assert order.quote_quantity is None
    assert order.average_price is None


def test_order_list_with_reports() -> None:
    parsed = types.parse_order_list(samples.ORDER_LIST | {"orderReports": [samples.ORDER_QUERIED]})
    assert parsed.is_open
    assert [order.client_order_id for order in parsed.orders] == ["cq-stop-1", "cq-profit-1"]
    assert parsed.reports == (types.parse_order(samples.ORDER_QUERIED),)
    assert not types.parse_order_list(samples.ORDER_LIST | {"listOrderStatus": "ALL_DONE"}).is_open


def test_account() -> None:
    account = types.parse_account(samples.ACCOUNT)
    assert account.balances["BTC"].total == Decimal("0.75")
    assert account.taker_commission == Decimal("0.002")
    assert (account.uid, account.account_type, account.permissions) == (None, "", frozenset())
    known = types.parse_account(samples.ACCOUNT | {"uid": 354937868, "accountType": "SPOT", "permissions": ["SPOT"]})
    assert (known.uid, known.account_type, known.permissions) == (354937868, "SPOT", frozenset({"SPOT"}))
    with pytest.raises(MalformedMessage, match="uid"):
        types.parse_account(samples.ACCOUNT | {"uid": "1"})
    with pytest.raises(MalformedMessage, match="taker"):
        types.parse_account(samples.ACCOUNT | {"commissionRates": {"maker": "0"}})

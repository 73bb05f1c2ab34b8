"""Events of the user data stream as typed values."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance import user_events
from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.types import Balance, ListedOrder
from cq_tui.binance.user_events import (
    AccountPosition,
    BalanceUpdate,
    ExecutionReport,
    ListStatus,
    ServerShutdown,
    StreamTerminated,
    UnknownUserEvent,
    parse_user_event,
)
from tests.binance import samples


def test_execution_report() -> None:
    event = parse_user_event(samples.EXECUTION_REPORT)
    assert isinstance(event, ExecutionReport)
    assert (event.client_order_id, event.request_id) == ("cq-entry-1", "cq-entry-1")
    assert (event.execution_type, event.status, event.is_open) == ("TRADE", "PARTIALLY_FILLED", True)
    assert (event.last_quantity, event.last_price) == (Decimal("0.4"), Decimal("99.9"))
    assert (event.commission, event.commission_asset) == (Decimal("0.0004"), "BTC")
    assert (event.executed_quantity, event.quote_quantity) == (Decimal("0.4"), Decimal("39.96"))
    assert event.last_quote_quantity == Decimal("39.96")
    dear = parse_user_event(samples.EXECUTION_REPORT | {"Y": "40.00"})
    assert isinstance(dear, ExecutionReport)
    assert dear.last_quote_quantity == 40
    plain = {name: value for name, value in samples.EXECUTION_REPORT.items() if name != "Y"}
    older = parse_user_event(plain)
    assert isinstance(older, ExecutionReport)
    assert older.last_quote_quantity == Decimal("39.960")
    assert (event.trade_id, event.execution_id, event.expiry_reason) == (77, 8641984, "")


def test_the_report_of_a_cancel_names_the_order() -> None:
    canceled = {"C": "cq-entry-1", "c": "id-of-the-cancel", "x": "CANCELED", "X": "CANCELED", "N": None, "n": "0"}
    event = parse_user_event(samples.EXECUTION_REPORT | canceled)
    assert isinstance(event, ExecutionReport)
    assert (event.client_order_id, event.request_id) == ("cq-entry-1", "id-of-the-cancel")
    assert event.commission_asset == ""
    assert not event.is_open


def test_an_expiry_reason() -> None:
    event = parse_user_event(samples.EXECUTION_REPORT | {"X": "EXPIRED", "eR": "OCO_TRIGGER"})
    assert isinstance(event, ExecutionReport)
    assert event.expiry_reason == "OCO_TRIGGER"


def test_account_position() -> None:
    balance = Balance("ETH", Decimal(10000), Decimal(1))
    assert parse_user_event(samples.ACCOUNT_POSITION) == AccountPosition(1564034571105, 1564034571073, (balance,))


def test_balance_update() -> None:
    assert parse_user_event(samples.BALANCE_UPDATE) == BalanceUpdate(1573200697110, "BTC", Decimal(-100))


def test_list_status() -> None:
    event = parse_user_event(samples.LIST_STATUS)
    assert isinstance(event, ListStatus)
    assert (event.list_client_order_id, event.order_status) == ("cq-oco-1", "EXECUTING")
    assert event.orders == (ListedOrder("ETHBTC", 17, "cq-stop-1"), ListedOrder("ETHBTC", 18, "cq-profit-1"))


def test_endings_and_unknown_kinds() -> None:
    assert parse_user_event({"e": "eventStreamTerminated", "E": 7}) == StreamTerminated(7)
    assert parse_user_event({"e": "serverShutdown", "E": 8}) == ServerShutdown(8)
    assert parse_user_event({"e": "externalLockUpdate", "E": 9}) == UnknownUserEvent("externalLockUpdate")


EVENTS: list[tuple[Callable[[object], object], dict[str, Any], set[str]]] = [
    # parser, sample, fields that are not read or may be absent
    (user_events.parse_execution_report, samples.EXECUTION_REPORT, set("efFNwMOYQV")),
    (user_events.parse_account_position, samples.ACCOUNT_POSITION, {"e"}),
    (user_events.parse_balance_update, samples.BALANCE_UPDATE, {"e", "T"}),
    (user_events.parse_list_status, samples.LIST_STATUS, {"e"}),
]


@pytest.mark.parametrize(
    ("parser", "sample", "field"),
    [
        pytest.param(parser, sample, field, id=f"{sample['e']}-{field}")
        for parser, sample, optional in EVENTS
        for field in sorted(sample.keys() - optional)
    ],
)
def test_a_missing_field_is_named(parser: Callable[[object], object], sample: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        parser({name: value for name, value in sample.items() if name != field})
    assert caught.value.field == field


@pytest.mark.parametrize("raw", [None, [], {}, {"e": 5}, {"e": "executionReport"}, "x"])
def test_malformed_events(raw: object) -> None:
    with pytest.raises(MalformedMessage):
        parse_user_event(raw)

"""Account-wide filters, at and beyond their limits."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance.account_filters import AccountRules

EXCHANGE_FILTERS: list[dict[str, Any]] = [
    {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 9},
    {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 3},
    {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 2},
]
ASSET_FILTERS = [
    {"filterType": "MAX_ASSET", "asset": "BTC", "limit": "2.50000000"},
    {"filterType": "MAX_ASSET", "asset": "USDT", "limit": "1000.00000000"},
]
RULES = AccountRules.from_filters([*EXCHANGE_FILTERS, {"filterType": "NOT_KNOWN_YET", "limit": 0}], ASSET_FILTERS)


def test_filters_round_trip() -> None:
    assert RULES.exchange_filters() == EXCHANGE_FILTERS
    assert RULES.asset_filters() == ASSET_FILTERS
    assert AccountRules().exchange_filters() == AccountRules().asset_filters() == []


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ({}, None),
        ({"open_orders": 8}, None),
        ({"open_orders": 9}, "EXCHANGE_MAX_NUM_ORDERS"),
        ({"open_algo_orders": 5}, None),
        ({"open_algo_orders": 5, "order_type": "TAKE_PROFIT"}, "EXCHANGE_MAX_NUM_ALGO_ORDERS"),
        ({"open_iceberg_orders": 3}, None),
        ({"open_iceberg_orders": 3, "iceberg": True}, "EXCHANGE_MAX_NUM_ICEBERG_ORDERS"),
        ({"quantity": Decimal("2.5")}, None),
        ({"quantity": Decimal("2.6")}, "MAX_ASSET"),
        ({"notional": Decimal("1000")}, None),
        ({"notional": Decimal("1000.01")}, "MAX_ASSET"),
        ({"notional": Decimal("1000.01"), "quote_asset": "EUR"}, None),
    ],
)
def test_violation_names_the_first_violated_filter(order: dict[str, Any], name: str | None) -> None:
    given = {"order_type": "LIMIT", "base_asset": "BTC", "quote_asset": "USDT"} | order
    assert RULES.violation(**given) == name


def test_order_lists_count_toward_their_limit() -> None:
    assert RULES.list_violation(open_order_lists=1) is None
    assert RULES.list_violation(open_order_lists=2) == "EXCHANGE_MAX_NUM_ORDER_LISTS"
    assert AccountRules().list_violation(open_order_lists=10_000) is None

"""SymbolRules: parsing, quantizing and violations, by the exact rules of the filters."""

import json
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.binance.filters import SymbolRules, SymbolRulesError

LIVE = Path(__file__).resolve().parents[2] / "../shared/binance/fixtures/live_exchangeinfo_2026.json"


def exchange_info(**changes: dict[str, Any]) -> dict[str, Any]:
    filters: dict[str, dict[str, Any]] = {
        "PRICE_FILTER": {"minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
        "LOT_SIZE": {"minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        "MARKET_LOT_SIZE": {"minQty": "0.00000000", "maxQty": "120", "stepSize": "0.00000000"},
        "NOTIONAL": {
            "minNotional": "5",
            "applyMinToMarket": True,
            "maxNotional": "9000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        "PERCENT_PRICE_BY_SIDE": {
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "4",
            "askMultiplierDown": "0.25",
            "avgPriceMins": 5,
        },
        "MAX_NUM_ORDERS": {"maxNumOrders": 200},
        "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": 5},
        "MAX_NUM_ORDER_LISTS": {"maxNumOrderLists": 20},
        "ICEBERG_PARTS": {"limit": 10},
        "TRAILING_DELTA": {
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 20,
            "maxTrailingBelowDelta": 1000,
        },
        "MAX_NUM_ORDER_AMENDS": {"maxNumOrderAmends": 10},
    }
    filters |= changes
    return {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "filters": [{"filterType": name, **values} for name, values in filters.items()],
    }


RULES = SymbolRules.from_exchange_info(exchange_info())


def violation(rules: SymbolRules = RULES, **order: Any) -> str | None:
    given_order: dict[str, Any] = {
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": "1",
        "price": "100",
    } | order
    decimals = {
        "quantity", "price", "stop_price", "quote_quantity", "reference_price", "iceberg_quantity", "position",
    }  # fmt: skip
    typed: dict[str, Any] = {k: Decimal(v) if k in decimals and v is not None else v for k, v in given_order.items()}
    return rules.violation(**typed)


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ({}, None),
        ({"price": "100.001"}, "PRICE_FILTER"),
        ({"price": "0.001"}, "PRICE_FILTER"),
        ({"price": "1000000.01"}, "PRICE_FILTER"),
        ({"stop_price": "99.999"}, "PRICE_FILTER"),
        ({"quantity": "0.000001"}, "LOT_SIZE"),
        ({"quantity": "1.000001"}, "LOT_SIZE"),
        ({"quantity": "9001"}, "LOT_SIZE"),
        (
            {"order_type": "MARKET", "price": None, "quantity": "121", "reference_price": "100"},
            "MARKET_LOT_SIZE",
        ),
        ({"quantity": "0.04999"}, "NOTIONAL"),
        ({"quantity": "0.05"}, None),
        ({"quantity": "9000", "price": "1000.01"}, "NOTIONAL"),
        ({"order_type": "MARKET", "price": None, "quantity": "0.04", "reference_price": "100"}, "NOTIONAL"),
        ({"order_type": "MARKET", "price": None, "quantity": None, "quote_quantity": "4.99"}, "NOTIONAL"),
        ({"order_type": "MARKET", "price": None, "quantity": None, "quote_quantity": "5"}, None),
        ({"order_type": "STOP_LOSS", "price": None, "stop_price": "100", "quantity": "0.049"}, "NOTIONAL"),
        ({"price": "501", "reference_price": "100"}, "PERCENT_PRICE_BY_SIDE"),
        ({"price": "500", "reference_price": "100"}, None),
        ({"price": "401", "reference_price": "100", "side": "SELL"}, "PERCENT_PRICE_BY_SIDE"),
        ({"price": "24.99", "reference_price": "100", "side": "SELL"}, "PERCENT_PRICE_BY_SIDE"),
        ({"open_orders": 200}, "MAX_NUM_ORDERS"),
        ({"open_algo_orders": 5}, None),
        ({"open_algo_orders": 5, "order_type": "STOP_LOSS_LIMIT", "stop_price": "99"}, "MAX_NUM_ALGO_ORDERS"),
    ],
)
def test_violation_names_the_first_violated_filter(order: dict[str, Any], name: str | None) -> None:
    assert violation(**order) == name


STOP: dict[str, Any] = {"order_type": "STOP_LOSS_LIMIT", "stop_price": None}
TAKE: dict[str, Any] = {"order_type": "TAKE_PROFIT_LIMIT", "stop_price": None}
BY_QUOTE: dict[str, Any] = {"order_type": "MARKET", "price": None, "quantity": None, "reference_price": "100"}


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ({"iceberg_quantity": "0.1"}, None),
        ({"iceberg_quantity": "0.09999"}, "ICEBERG_PARTS"),
        ({"iceberg_quantity": "0.333333"}, "LOT_SIZE"),
        (STOP | {"trailing_delta": 9}, "TRAILING_DELTA"),
        (STOP | {"trailing_delta": 10}, None),
        (STOP | {"trailing_delta": 2000}, None),
        (STOP | {"trailing_delta": 2001}, "TRAILING_DELTA"),
        (STOP | {"side": "SELL", "trailing_delta": 19}, "TRAILING_DELTA"),
        (STOP | {"side": "SELL", "trailing_delta": 1000}, None),
        (STOP | {"side": "SELL", "trailing_delta": 1001}, "TRAILING_DELTA"),
        (TAKE | {"side": "SELL", "trailing_delta": 2000}, None),
        (TAKE | {"trailing_delta": 1001}, "TRAILING_DELTA"),
        (BY_QUOTE | {"quote_quantity": "12000"}, None),
        (BY_QUOTE | {"quote_quantity": "12000.01"}, "MARKET_LOT_SIZE"),
        ({"iceberg_quantity": "0.5", "open_iceberg_orders": 99}, None),
    ],
)
def test_icebergs_trailing_stops_and_quote_amounts(order: dict[str, Any], name: str | None) -> None:
    assert violation(**order) == name


def rules_with(**changes: dict[str, Any]) -> SymbolRules:
    return SymbolRules.from_exchange_info(exchange_info(**changes))


def test_filters_that_few_symbols_have() -> None:
    percent = rules_with(PERCENT_PRICE={"multiplierUp": "1.3", "multiplierDown": "0.7", "avgPriceMins": 5})
    assert violation(percent, price="130", reference_price="100") is None
    assert violation(percent, price="130.01", reference_price="100") == "PERCENT_PRICE"
    assert violation(percent, price="69.99", reference_price="100", side="SELL") == "PERCENT_PRICE"
    assert violation(percent, price="130.01") is None
    icebergs = rules_with(MAX_NUM_ICEBERG_ORDERS={"maxNumIcebergOrders": 2})
    assert violation(icebergs, iceberg_quantity="0.5", open_iceberg_orders=1) is None
    assert violation(icebergs, iceberg_quantity="0.5", open_iceberg_orders=2) == "MAX_NUM_ICEBERG_ORDERS"
    assert violation(icebergs, open_iceberg_orders=2) is None
    position = rules_with(MAX_POSITION={"maxPosition": "10"})
    assert violation(position, position="9") is None
    assert violation(position, position="9.00001") == "MAX_POSITION"
    assert violation(position, position="9.00001", side="SELL") is None


def test_amends_are_counted() -> None:
    assert RULES.amend_violation(amends=9) is None
    assert RULES.amend_violation(amends=10) == "MAX_NUM_ORDER_AMENDS"


def test_permissions_are_parsed_and_default_to_allowed() -> None:
    assert (RULES.iceberg_allowed, RULES.amend_allowed, RULES.stp_modes) == (True, True, ())
    closed = SymbolRules.from_exchange_info(
        exchange_info()
        | {
            "icebergAllowed": False,
            "defaultSelfTradePreventionMode": "NONE",
            "allowedSelfTradePreventionModes": ["NONE", "DECREMENT"],
        }
    )
    assert (closed.iceberg_allowed, closed.oco_allowed) == (False, True)
    assert (closed.default_stp_mode, closed.stp_modes) == ("NONE", ("NONE", "DECREMENT"))


@pytest.mark.parametrize(
    ("sets", "held", "allowed"),
    [
        ([], [], True),
        ([["A", "B"]], ["B"], True),
        ([["A", "B"]], ["C"], False),
        ([["A"], ["B", "C"]], ["A", "C"], True),
        ([["A"], ["B", "C"]], ["A"], False),
        ([["A"]], [], False),
    ],
)
def test_an_account_needs_one_permission_of_each_set(sets: list[list[str]], held: list[str], allowed: bool) -> None:
    rules = SymbolRules.from_exchange_info(exchange_info() | {"permissionSets": sets})
    assert rules.may_trade(held) is allowed
    closed = SymbolRules.from_exchange_info(exchange_info() | {"permissionSets": sets, "isSpotTradingAllowed": False})
    assert not closed.may_trade(held)


def test_a_zero_step_disables_the_rule() -> None:
    assert violation(order_type="MARKET", price=None, quantity="0.12345", reference_price="100") is None
    assert RULES.quantize_quantity(Decimal("0.123459"), market=True) == Decimal("0.12345")


def test_order_lists_count_toward_their_limit() -> None:
    assert RULES.list_violation(open_order_lists=19) is None
    assert RULES.list_violation(open_order_lists=20) == "MAX_NUM_ORDER_LISTS"


def test_the_older_min_notional_filter_keeps_its_name() -> None:
    raw = exchange_info(MIN_NOTIONAL={"minNotional": "10", "applyToMarket": False, "avgPriceMins": 5})
    raw["filters"] = [entry for entry in raw["filters"] if entry["filterType"] != "NOTIONAL"]
    rules = SymbolRules.from_exchange_info(raw)
    small: dict[str, Any] = {"quantity": Decimal("0.05"), "side": "BUY"}
    assert rules.violation(order_type="LIMIT", price=Decimal(100), **small) == "MIN_NOTIONAL"
    assert rules.violation(order_type="MARKET", reference_price=Decimal(100), **small) is None


@pytest.mark.skipif(not LIVE.exists(), reason=f"no recorded exchangeInfo at {LIVE}")
def test_a_live_symbol_is_read() -> None:
    rules = SymbolRules.from_exchange_info(json.loads(LIVE.read_text())["binance_com_spot"]["symbols"][0])
    assert (rules.tick_size, rules.step_size, rules.min_notional) == (
        Decimal("0.01"),
        Decimal("0.001"),
        Decimal(5),
    )
    assert (rules.max_orders, rules.max_algo_orders, rules.max_order_lists) == (200, 5, 20)
    assert (rules.max_iceberg_parts, rules.max_amends, rules.min_trailing_above) == (100, 10, 10)
    assert (rules.ask_multiplier_up, rules.bid_multiplier_down) == (Decimal("1.2"), Decimal("0.8"))
    assert rules.default_stp_mode == "EXPIRE_MAKER"
    assert "NONE" not in rules.stp_modes
    assert (rules.pegging_allowed, rules.trailing_allowed) == (True, True)
    assert rules.market_max_quantity == Decimal("585.20788284")


@pytest.mark.skipif(not LIVE.exists(), reason=f"no recorded exchangeInfo at {LIVE}")
def test_the_older_filters_of_a_live_symbol_are_read() -> None:
    raw = exchange_info() | {"filters": json.loads(LIVE.read_text())["binance_us_btcusd_excerpt"]["filters"]}
    rules = SymbolRules.from_exchange_info(raw)
    assert (rules.notional_filter, rules.min_notional, rules.max_iceberg_parts) == ("MIN_NOTIONAL", Decimal(1), 10)
    assert (rules.multiplier_up, rules.bid_multiplier_up) == (Decimal(5), Decimal(5))
    assert violation(rules, price="501", reference_price="100") == "PERCENT_PRICE"
    assert violation(rules, quantity="0.00999") == "MIN_NOTIONAL"


@pytest.mark.parametrize("broken", ["symbol", "filters", "baseAsset"])
def test_a_missing_field_is_named(broken: str) -> None:
    raw = exchange_info()
    del raw[broken]
    with pytest.raises(SymbolRulesError, match=broken):
        SymbolRules.from_exchange_info(raw)


def test_an_invalid_number_is_an_error_that_names_the_symbol() -> None:
    with pytest.raises(SymbolRulesError, match="BTCUSDT"):
        SymbolRules.from_exchange_info(exchange_info(LOT_SIZE={"minQty": "x", "maxQty": "1", "stepSize": "1"}))


prices = st.decimals(min_value="0.01", max_value="999999", places=6)


@given(prices, st.sampled_from([ROUND_DOWN, ROUND_UP, ROUND_HALF_EVEN]))
def test_a_quantized_price_is_a_near_multiple_of_the_tick(price: Decimal, rounding: str) -> None:
    quantized = RULES.quantize_price(price, rounding)
    assert quantized % RULES.tick_size == 0
    assert abs(quantized - price) < RULES.tick_size

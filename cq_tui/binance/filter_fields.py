"""The ``filters`` and flags of an exchangeInfo symbol, parsed into the fields of SymbolRules."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

#: Filter -> its fields -> the fields of SymbolRules, and their parsers. Unknown filters are ignored.
_FILTERS: dict[str, tuple[tuple[str, str, Callable[[Any], Any]], ...]] = {
    "PRICE_FILTER": (
        ("minPrice", "min_price", Decimal),
        ("maxPrice", "max_price", Decimal),
        ("tickSize", "tick_size", Decimal),
    ),
    "PERCENT_PRICE": (
        ("multiplierUp", "multiplier_up", Decimal),
        ("multiplierDown", "multiplier_down", Decimal),
        ("avgPriceMins", "average_price_minutes", int),
    ),
    "PERCENT_PRICE_BY_SIDE": (
        ("bidMultiplierUp", "bid_multiplier_up", Decimal),
        ("bidMultiplierDown", "bid_multiplier_down", Decimal),
        ("askMultiplierUp", "ask_multiplier_up", Decimal),
        ("askMultiplierDown", "ask_multiplier_down", Decimal),
        ("avgPriceMins", "average_price_minutes", int),
    ),
    "LOT_SIZE": (
        ("minQty", "min_quantity", Decimal),
        ("maxQty", "max_quantity", Decimal),
        ("stepSize", "step_size", Decimal),
    ),
    "MARKET_LOT_SIZE": (
        ("minQty", "market_min_quantity", Decimal),
        ("maxQty", "market_max_quantity", Decimal),
        ("stepSize", "market_step_size", Decimal),
    ),
    "MIN_NOTIONAL": (
        ("minNotional", "min_notional", Decimal),
        ("applyToMarket", "min_notional_on_market", bool),
        ("filterType", "notional_filter", str),
    ),
    "NOTIONAL": (
        ("minNotional", "min_notional", Decimal),
        ("applyMinToMarket", "min_notional_on_market", bool),
        ("maxNotional", "max_notional", Decimal),
        ("applyMaxToMarket", "max_notional_on_market", bool),
        ("filterType", "notional_filter", str),
    ),
    "TRAILING_DELTA": (
        ("minTrailingAboveDelta", "min_trailing_above", int),
        ("maxTrailingAboveDelta", "max_trailing_above", int),
        ("minTrailingBelowDelta", "min_trailing_below", int),
        ("maxTrailingBelowDelta", "max_trailing_below", int),
    ),
    "ICEBERG_PARTS": (("limit", "max_iceberg_parts", int),),
    "MAX_NUM_ORDERS": (("maxNumOrders", "max_orders", int),),
    "MAX_NUM_ALGO_ORDERS": (("maxNumAlgoOrders", "max_algo_orders", int),),
    "MAX_NUM_ICEBERG_ORDERS": (("maxNumIcebergOrders", "max_iceberg_orders", int),),
    "MAX_NUM_ORDER_LISTS": (("maxNumOrderLists", "max_order_lists", int),),
    "MAX_NUM_ORDER_AMENDS": (("maxNumOrderAmends", "max_amends", int),),
    "MAX_POSITION": (("maxPosition", "max_position", Decimal),),
}
_FLAGS = {
    "icebergAllowed": "iceberg_allowed",
    "ocoAllowed": "oco_allowed",
    "otoAllowed": "oto_allowed",
    "opoAllowed": "opo_allowed",
    "quoteOrderQtyMarketAllowed": "quote_quantity_allowed",
    "allowTrailingStop": "trailing_allowed",
    "cancelReplaceAllowed": "cancel_replace_allowed",
    "amendAllowed": "amend_allowed",
    "pegInstructionsAllowed": "pegging_allowed",
    "isSpotTradingAllowed": "spot_allowed",
}


def read_filters(filters: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the limits of all known filters. Raises KeyError, TypeError, ValueError or InvalidOperation.

    If a symbol has both MIN_NOTIONAL and NOTIONAL, NOTIONAL wins in any order.
    """
    rules: dict[str, Any] = {}
    for entry in sorted(filters, key=lambda entry: entry["filterType"] == "NOTIONAL"):
        for field, name, read in _FILTERS.get(entry["filterType"], ()):
            rules[name] = read(entry[field])
    return rules


def read_flags(symbol: Mapping[str, Any]) -> dict[str, Any]:
    """Return the permissions that the symbol reports."""
    rules: dict[str, Any] = {name: bool(symbol[field]) for field, name in _FLAGS.items() if field in symbol}
    if "defaultSelfTradePreventionMode" in symbol:
        rules["default_stp_mode"] = str(symbol["defaultSelfTradePreventionMode"])
        rules["stp_modes"] = tuple(symbol["allowedSelfTradePreventionModes"])
    if "permissionSets" in symbol:
        rules["permission_sets"] = tuple(map(frozenset, symbol["permissionSets"]))
    return rules

"""Public endpoints about the exchange and its books: time, exchangeInfo, depth, average and reference prices."""

from typing import Any

import orjson

from cq_tui.simulator.api.market_parameters import read_limit, read_symbol, read_symbol_status, read_symbols
from cq_tui.simulator.api.parameters import Parameters, invalid_combination, invalid_value
from cq_tui.simulator.api.public_trades import newest_trades
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import format_amount

_DEFAULT_PERMISSIONS = frozenset({"SPOT", "MARGIN", "LEVERAGED"})


def ping(exchange: Exchange, parameters: Parameters) -> Any:
    """Return an empty object."""
    return {}


def time(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the exchange's clock."""
    return {"serverTime": exchange.clock()}


def exchange_info(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the rules and filters of the requested symbols."""
    selected = set(_selected_symbols(exchange, parameters))
    show_sets = parameters.flag("showPermissionSets", True)
    symbols = [exchange.symbol_info(entry.symbol) for entry in exchange.market.symbols if entry.symbol in selected]
    if not show_sets:
        symbols = [{name: value for name, value in entry.items() if name != "permissionSets"} for entry in symbols]
    limits = exchange.limits
    windows = (limits.weight, limits.orders_10s, limits.orders_day, limits.raw_requests)
    return {
        "timezone": "UTC",
        "serverTime": exchange.clock(),
        "rateLimits": [window.limit_json for window in windows],
        "exchangeFilters": [],
        "symbols": symbols,
    }


def _selected_symbols(exchange: Exchange, parameters: Parameters) -> list[str]:
    """Return the symbols selected by name, or otherwise by permissions and status."""
    named = "symbol" in parameters or "symbols" in parameters
    if named and ("permissions" in parameters or "symbolStatus" in parameters):
        raise invalid_combination()
    names, _ = read_symbols(exchange, parameters)
    permissions = _permissions(parameters)
    if named:
        return list(names)
    return [name for name in names if any(permissions & set(one_of) for one_of in _permission_sets(exchange, name))]


def _permission_sets(exchange: Exchange, symbol: str) -> list[list[str]]:
    sets: list[list[str]] = exchange.symbol_info(symbol)["permissionSets"]
    return sets


def _permissions(parameters: Parameters) -> frozenset[str]:
    """Return the requested permissions: one as text, or several as a JSON array."""
    value = parameters.optional("permissions")
    if value is None:
        return _DEFAULT_PERMISSIONS
    if not value.startswith("["):
        return frozenset({value})
    try:
        names = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise invalid_value("permissions") from None
    if not all(isinstance(name, str) for name in names):
        raise invalid_value("permissions")
    return frozenset(names)


def depth(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the best levels of an order book."""
    symbol = read_symbol(exchange, parameters)
    return book_levels(exchange, symbol, read_limit(parameters, 100, 5_000))


def book_levels(exchange: Exchange, symbol: str, count: int) -> dict[str, Any]:
    """Return the best ``count`` levels of each side as depth shows them."""
    update_id, bids, asks = exchange.book_snapshot(symbol)
    return {
        "lastUpdateId": update_id,
        "bids": [[format_amount(price), format_amount(quantity)] for price, quantity in bids[:count]],
        "asks": [[format_amount(price), format_amount(quantity)] for price, quantity in asks[:count]],
    }


def average_price(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the average price over five minutes."""
    symbol = read_symbol(exchange, parameters)
    return {
        "mins": 5,
        "price": format_amount(exchange.market.average_price(symbol)),
        "closeTime": last_trade_time(exchange, symbol),
    }


def last_trade_time(exchange: Exchange, symbol: str) -> int:
    """Return the time of the newest trade."""
    found = newest_trades(exchange, symbol, 1)
    return found[0].time if found else exchange.market.time


def reference_price(exchange: Exchange, parameters: Parameters) -> Any:
    """Reject: no symbol here has a reference price."""
    read_symbol(exchange, parameters)
    raise RequestRejected(-2043, "This symbol doesn't have a reference price.")


def execution_rules(exchange: Exchange, parameters: Parameters) -> Any:
    """Return execution rules: always none."""
    if read_symbol_status(parameters) is not None and ("symbol" in parameters or "symbols" in parameters):
        raise invalid_combination()
    read_symbols(exchange, parameters)
    return {"symbolRules": []}

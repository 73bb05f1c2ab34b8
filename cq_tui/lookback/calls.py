"""The REST call of each request: method, path, parameters, and how its answer is parsed."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from cq_tui.binance.cancel_replace import parse_cancel_replace
from cq_tui.binance.commission import parse_commission_rates
from cq_tui.binance.exchange_info import parse_exchange_info
from cq_tui.binance.fields import Param, require_list
from cq_tui.binance.order_lists import NewOco, NewOpoco, NewOtoco
from cq_tui.binance.types import (
    AccountTrade,
    Order,
    parse_account,
    parse_account_trade,
    parse_book_ticker,
    parse_cancel,
    parse_order,
    parse_order_list,
    parse_orders,
)
from cq_tui.trading.core import effects
from cq_tui.trading.core.inputs import Answer

_LIST_PATHS = {NewOco: "oco", NewOtoco: "otoco", NewOpoco: "opoco"}
_MOST_TRADES = 1000


class Call(NamedTuple):
    """One REST call. ``params`` as text, as they arrive at the exchange."""

    method: str
    path: str
    params: Mapping[str, str]
    parse: Callable[[object], Answer]


def call_of(request: effects.Request) -> Call:
    """Return the REST call of a request."""
    return _CALLS[type(request)](request)


def _call(method: str, path: str, params: list[tuple[str, Param | None]], parse: Callable[[object], Answer]) -> Call:
    return Call(method, path, {name: _text(value) for name, value in params if value is not None}, parse)


def _text(value: Param) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _place(request: effects.PlaceOrder) -> Call:
    return _call("POST", "/api/v3/order", [*request.order.params()], parse_order)


def _place_list(request: effects.PlaceList) -> Call:
    path = f"/api/v3/orderList/{_LIST_PATHS[type(request.order_list)]}"
    return _call("POST", path, [*request.order_list.params()], parse_order_list)


def _cancel(request: effects.CancelOrder) -> Call:
    is_ours = request.order_id is None
    name = ("origClientOrderId", request.client_order_id) if is_ours else ("orderId", request.order_id)
    return _call("DELETE", "/api/v3/order", [("symbol", request.symbol), name], parse_cancel)


def _cancel_list(request: effects.CancelList) -> Call:
    params = [("symbol", request.symbol), ("listClientOrderId", request.list_client_order_id)]
    return _call("DELETE", "/api/v3/orderList", [*params], parse_order_list)


def _replace(request: effects.ReplaceOrder) -> Call:
    return _call("POST", "/api/v3/order/cancelReplace", [*request.replace.params()], parse_cancel_replace)


def _query(request: effects.QueryOrder) -> Call:
    params: list[tuple[str, Param | None]] = [
        ("symbol", request.symbol),
        ("orderId", request.order_id),
        ("origClientOrderId", request.client_order_id),
    ]
    return _call("GET", "/api/v3/order", params, parse_order)


def _trades(request: effects.FetchTrades) -> Call:
    params: list[tuple[str, Param | None]] = [
        ("symbol", request.symbol),
        ("orderId", request.order_id),
        ("fromId", request.from_id),
        ("limit", _MOST_TRADES),
    ]
    return _call("GET", "/api/v3/myTrades", params, _parse_trades)


def _parse_trades(raw: object) -> tuple[AccountTrade, ...]:
    return tuple(map(parse_account_trade, require_list(raw, "myTrades")))


def _rules(request: effects.FetchRules) -> Call:
    params = [("symbols", orjson.dumps(request.symbols).decode())]
    return _call("GET", "/api/v3/exchangeInfo", [*params], parse_exchange_info)


def _commission(request: effects.FetchCommission) -> Call:
    return _call("GET", "/api/v3/account/commission", [("symbol", request.symbol)], parse_commission_rates)


def _book_ticker(request: effects.FetchBookTicker) -> Call:
    return _call("GET", "/api/v3/ticker/bookTicker", [("symbol", request.symbol)], parse_book_ticker)


def _open_orders(request: effects.FetchOpenOrders) -> Call:
    return _call("GET", "/api/v3/openOrders", [], _parse_open_orders)


def _parse_open_orders(raw: object) -> tuple[Order, ...]:
    return tuple(parse_orders(raw))


def _account(request: effects.FetchAccount) -> Call:
    return _call("GET", "/api/v3/account", [("omitZeroBalances", True)], parse_account)


_CALLS: Mapping[type[effects.Request], Callable[[Any], Call]] = {
    effects.PlaceOrder: _place,
    effects.PlaceList: _place_list,
    effects.CancelOrder: _cancel,
    effects.CancelList: _cancel_list,
    effects.ReplaceOrder: _replace,
    effects.QueryOrder: _query,
    effects.FetchTrades: _trades,
    effects.FetchRules: _rules,
    effects.FetchCommission: _commission,
    effects.FetchBookTicker: _book_ticker,
    effects.FetchOpenOrders: _open_orders,
    effects.FetchAccount: _account,
}

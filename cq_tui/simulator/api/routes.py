"""The table of endpoints: REST method and path, WebSocket method, weight, security and handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cq_tui.simulator.api import market_data, trading
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.exchange import Exchange

Handler = Callable[[Exchange, Parameters], Any]
Weight = Callable[[Parameters], int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. ``orders`` is what a successful call adds to the order count; it then weighs nothing."""

    method: str
    path: str
    ws_method: str
    weight: Weight
    handler: Handler
    signed: bool = False
    orders: int | None = None


def _fixed(weight: int) -> Weight:
    return lambda parameters: weight


def _one_or_more(one: int, more: int) -> Weight:
    return lambda parameters: one if "symbol" in parameters else more


def _depth_weight(parameters: Parameters) -> int:
    limit = parameters.integer("limit") or 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _day_weight(parameters: Parameters) -> int:
    if "symbol" in parameters:
        return 2
    count = (parameters.optional("symbols") or "," * 100).count(",") + 1
    return 2 if count <= 20 else 40 if count <= 100 else 80


def _trades_weight(parameters: Parameters) -> int:
    return 5 if "orderId" in parameters else 20


_PUBLIC: tuple[tuple[str, str, Weight, Handler], ...] = (
    ("ping", "ping", _fixed(1), market_data.ping),
    ("time", "time", _fixed(1), market_data.time),
    ("exchangeInfo", "exchangeInfo", _fixed(20), market_data.exchange_info),
    ("klines", "klines", _fixed(2), market_data.klines),
    ("uiKlines", "uiKlines", _fixed(2), market_data.klines),
    ("ticker/24hr", "ticker.24hr", _day_weight, market_data.ticker_24hr),
    ("ticker/price", "ticker.price", _one_or_more(2, 4), market_data.ticker_price),
    ("ticker/bookTicker", "ticker.book", _one_or_more(2, 4), market_data.ticker_book),
    ("depth", "depth", _depth_weight, market_data.depth),
    ("avgPrice", "avgPrice", _fixed(2), market_data.average_price),
)
_SIGNED: tuple[tuple[str, str, str, Weight, Handler, int | None], ...] = (
    ("POST", "order", "order.place", _fixed(1), trading.place, 1),
    ("POST", "order/test", "order.test", _fixed(1), trading.place_test, None),
    ("GET", "order", "order.status", _fixed(4), trading.query, None),
    ("DELETE", "order", "order.cancel", _fixed(1), trading.cancel, 0),
    ("GET", "openOrders", "openOrders.status", _one_or_more(6, 80), trading.open_orders, None),
    ("DELETE", "openOrders", "openOrders.cancelAll", _fixed(1), trading.cancel_all, 0),
    ("GET", "allOrders", "allOrders", _fixed(20), trading.all_orders, None),
    ("GET", "myTrades", "myTrades", _trades_weight, trading.my_trades, None),
    ("POST", "orderList/oco", "orderList.place.oco", _fixed(1), trading.place_oco, 2),
    ("GET", "orderList", "orderList.status", _fixed(4), trading.query_list, None),
    ("DELETE", "orderList", "orderList.cancel", _fixed(1), trading.cancel_list, 0),
    ("GET", "openOrderList", "openOrderLists.status", _fixed(6), trading.open_lists, None),
    ("GET", "account", "account.status", _fixed(20), trading.account, None),
    ("GET", "account/commission", "account.commission", _fixed(20), trading.commission, None),
)
ENDPOINTS: tuple[Endpoint, ...] = tuple(
    Endpoint("GET", f"/api/v3/{path}", ws_method, weight, handler) for path, ws_method, weight, handler in _PUBLIC
) + tuple(
    Endpoint(method, f"/api/v3/{path}", ws_method, weight, handler, signed=True, orders=orders)
    for method, path, ws_method, weight, handler, orders in _SIGNED
)

"""The table of endpoints: REST method and path, WebSocket method, weight, security and handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cq_tui.simulator.api import market_data, trading, wallet
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.weights import Weight, day_ticker, depth, fixed, order_test, with_or_without
from cq_tui.simulator.exchange import Exchange

Handler = Callable[[Exchange, Parameters], Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; ``ws_method`` is empty where the WebSocket API has none.

    ``orders`` is what a successful call adds to the order count; it then weighs nothing. One that ``replaces`` an
    order may still cancel the old one when the order count is used up.
    """

    method: str
    path: str
    ws_method: str
    weight: Weight
    handler: Handler
    signed: bool = False
    orders: int | None = None
    replaces: bool = False


_PUBLIC: tuple[tuple[str, str, Weight, Handler], ...] = (
    ("ping", "ping", fixed(1), market_data.ping),
    ("time", "time", fixed(1), market_data.time),
    ("exchangeInfo", "exchangeInfo", fixed(20), market_data.exchange_info),
    ("klines", "klines", fixed(2), market_data.klines),
    ("uiKlines", "uiKlines", fixed(2), market_data.klines),
    ("ticker/24hr", "ticker.24hr", day_ticker, market_data.ticker_24hr),
    ("ticker/price", "ticker.price", with_or_without("symbol", 2, 4), market_data.ticker_price),
    ("ticker/bookTicker", "ticker.book", with_or_without("symbol", 2, 4), market_data.ticker_book),
    ("depth", "depth", depth, market_data.depth),
    ("avgPrice", "avgPrice", fixed(2), market_data.average_price),
)
_SIGNED: tuple[tuple[str, str, str, Weight, Handler], ...] = (
    ("POST", "order/test", "order.test", order_test, trading.place_test),
    ("GET", "order", "order.status", fixed(4), trading.query),
    ("GET", "openOrders", "openOrders.status", with_or_without("symbol", 6, 80), trading.open_orders),
    ("GET", "allOrders", "allOrders", fixed(20), trading.all_orders),
    ("GET", "myTrades", "myTrades", with_or_without("orderId", 5, 20), trading.my_trades),
    ("GET", "orderList", "orderList.status", fixed(4), trading.query_list),
    ("GET", "openOrderList", "openOrderLists.status", fixed(6), trading.open_lists),
    ("GET", "account", "account.status", fixed(20), trading.account),
    ("GET", "account/commission", "account.commission", fixed(20), trading.commission),
)
#: Calls that weigh 1 when they fail and nothing when they succeed; the number is that of the orders they place.
_ORDERS: tuple[tuple[str, str, str, Handler, int], ...] = (
    ("POST", "order", "order.place", trading.place, 1),
    ("DELETE", "order", "order.cancel", trading.cancel, 0),
    ("DELETE", "openOrders", "openOrders.cancelAll", trading.cancel_all, 0),
    ("POST", "orderList/oco", "orderList.place.oco", trading.place_oco, 2),
    ("DELETE", "orderList", "orderList.cancel", trading.cancel_list, 0),
)
#: What ended on 2026-02-20, with its methods of the WebSocket API.
_REMOVED = (("POST", "userDataStream.start"), ("PUT", "userDataStream.ping"), ("DELETE", "userDataStream.stop"))
_BESIDE: tuple[tuple[str, Handler, bool], ...] = (
    ("/sapi/v1/system/status", wallet.system_status, False),
    ("/sapi/v1/capital/config/getall", wallet.coins, True),
    ("/sapi/v1/asset/tradeFee", wallet.trade_fees, True),
    ("/sapi/v1/margin/allPairs", wallet.nothing, False),
    ("/sapi/v1/margin/isolated/allPairs", wallet.nothing, False),
    ("/fapi/v1/exchangeInfo", wallet.no_contracts, False),
    ("/dapi/v1/exchangeInfo", wallet.no_contracts, False),
)
ENDPOINTS: tuple[Endpoint, ...] = (
    *(Endpoint("GET", f"/api/v3/{path}", name, weight, handler) for path, name, weight, handler in _PUBLIC),
    *(
        Endpoint(method, f"/api/v3/{path}", name, weight, handler, signed=True)
        for method, path, name, weight, handler in _SIGNED
    ),
    *(
        Endpoint(method, f"/api/v3/{path}", name, fixed(1), handler, True, orders, path == "order/cancelReplace")
        for method, path, name, handler, orders in _ORDERS
    ),
    *(Endpoint(method, "/api/v3/userDataStream", name, fixed(2), wallet.removed) for method, name in _REMOVED),
    *(Endpoint("GET", path, "", fixed(1), handler, signed) for path, handler, signed in _BESIDE),
)

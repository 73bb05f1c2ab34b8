"""The table of endpoints: REST method and path, WebSocket method, weight, security and handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cq_tui.simulator.api import (
    account,
    history,
    klines,
    market_data,
    order_changes,
    order_lists,
    orders,
    public_trades,
    tickers,
    wallet,
)
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.weights import Weight, day_ticker, depth, fixed, order_test, per_symbol, with_or_without
from cq_tui.simulator.exchange import Exchange

Handler = Callable[[Exchange, Parameters], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; ``ws_method`` is empty where the WebSocket API has no such method.

    ``order_count``, of endpoints that place or cancel orders, is the number of orders placed; such a call costs no
    weight if it succeeds. One that ``replaces`` an order may still cancel it when the order count is used up.
    """

    method: str
    path: str
    ws_method: str
    weight: Weight
    handler: Handler
    signed: bool = False
    order_count: int | None = None
    replaces: bool = False


_PUBLIC: tuple[tuple[str, str, Weight, Handler], ...] = (
    ("ping", "ping", fixed(1), market_data.ping),
    ("time", "time", fixed(1), market_data.time),
    ("exchangeInfo", "exchangeInfo", fixed(20), market_data.exchange_info),
    ("executionRules", "executionRules", per_symbol(2, 40), market_data.execution_rules),
    ("depth", "depth", depth, market_data.depth),
    ("trades", "trades.recent", fixed(25), public_trades.trades),
    ("historicalTrades", "trades.historical", fixed(25), public_trades.historical_trades),
    ("historicalBlockTrades", "blockTrades.historical", fixed(25), public_trades.block_trades),
    ("aggTrades", "trades.aggregate", fixed(4), public_trades.aggregate_trades),
    ("klines", "klines", fixed(2), klines.klines),
    ("uiKlines", "uiKlines", fixed(2), klines.klines),
    ("avgPrice", "avgPrice", fixed(2), market_data.average_price),
    ("ticker/24hr", "ticker.24hr", day_ticker, tickers.ticker_24hr),
    ("ticker/tradingDay", "ticker.tradingDay", per_symbol(4, 200), tickers.trading_day),
    ("ticker", "ticker", per_symbol(4, 200), tickers.rolling),
    ("ticker/price", "ticker.price", with_or_without("symbol", 2, 4), tickers.ticker_price),
    ("ticker/bookTicker", "ticker.book", with_or_without("symbol", 2, 4), tickers.ticker_book),
    ("referencePrice", "referencePrice", fixed(2), market_data.reference_price),
    ("referencePrice/calculation", "referencePrice.calculation", fixed(2), market_data.reference_price),
)
_SIGNED: tuple[tuple[str, str, str, Weight, Handler], ...] = (
    ("POST", "order/test", "order.test", order_test, orders.place_test),
    ("POST", "sor/order/test", "sor.order.test", order_test, orders.place_sor),
    ("GET", "order", "order.status", fixed(4), orders.query),
    ("GET", "order/amendments", "order.amendments", fixed(4), order_changes.amendments),
    ("GET", "openOrders", "openOrders.status", with_or_without("symbol", 6, 80), orders.open_orders),
    ("GET", "allOrders", "allOrders", fixed(20), history.all_orders),
    ("GET", "myTrades", "myTrades", with_or_without("orderId", 5, 20), history.my_trades),
    (
        "GET",
        "myPreventedMatches",
        "myPreventedMatches",
        with_or_without("preventedMatchId", 2, 20),
        history.prevented_matches,
    ),
    ("GET", "myAllocations", "myAllocations", fixed(20), history.allocations),
    ("GET", "orderList", "orderList.status", fixed(4), order_lists.query_list),
    ("GET", "allOrderList", "allOrderLists", fixed(20), order_lists.all_lists),
    ("GET", "openOrderList", "openOrderLists.status", fixed(6), order_lists.open_lists),
    ("GET", "account", "account.status", fixed(20), account.account),
    ("GET", "account/commission", "account.commission", fixed(20), account.commission),
    ("GET", "rateLimit/order", "account.rateLimits.orders", fixed(40), account.order_counts),
    ("GET", "myFilters", "myFilters", fixed(40), account.my_filters),
    ("PUT", "order/amend/keepPriority", "order.amend.keepPriority", fixed(4), order_changes.amend),
)
#: Calls that cost weight 1 if they fail and none if they succeed; the number is that of the orders they place.
_ORDERS: tuple[tuple[str, str, str, Handler, int], ...] = (
    ("POST", "order", "order.place", orders.place, 1),
    ("POST", "sor/order", "sor.order.place", orders.place_sor, 1),
    ("POST", "order/cancelReplace", "order.cancelReplace", order_changes.cancel_replace, 1),
    ("DELETE", "order", "order.cancel", orders.cancel, 0),
    ("DELETE", "openOrders", "openOrders.cancelAll", orders.cancel_all, 0),
    ("POST", "order/oco", "orderList.place", order_lists.place_deprecated_oco, 2),
    ("POST", "orderList/oco", "orderList.place.oco", order_lists.place_oco, 2),
    ("POST", "orderList/oto", "orderList.place.oto", order_lists.place_oto, 2),
    ("POST", "orderList/otoco", "orderList.place.otoco", order_lists.place_otoco, 3),
    ("POST", "orderList/opo", "orderList.place.opo", order_lists.place_opo, 2),
    ("POST", "orderList/opoco", "orderList.place.opoco", order_lists.place_opoco, 3),
    ("DELETE", "orderList", "orderList.cancel", order_lists.cancel_list, 0),
)
#: Listen keys, removed on 2026-02-20, with their WebSocket API methods.
_LISTEN_KEYS = (("POST", "userDataStream.start"), ("PUT", "userDataStream.ping"), ("DELETE", "userDataStream.stop"))
_NON_SPOT: tuple[tuple[str, Handler, bool], ...] = (
    ("/sapi/v1/system/status", wallet.system_status, False),
    ("/sapi/v1/capital/config/getall", wallet.coins, True),
    ("/sapi/v1/asset/tradeFee", wallet.trade_fees, True),
    ("/sapi/v1/margin/allPairs", wallet.empty_list, False),
    ("/sapi/v1/margin/isolated/allPairs", wallet.empty_list, False),
    ("/fapi/v1/exchangeInfo", wallet.empty_futures_info, False),
    ("/dapi/v1/exchangeInfo", wallet.empty_futures_info, False),
)
ROUTES: tuple[Route, ...] = (
    *(Route("GET", f"/api/v3/{path}", name, weight, handler) for path, name, weight, handler in _PUBLIC),
    *(
        Route(method, f"/api/v3/{path}", name, weight, handler, signed=True)
        for method, path, name, weight, handler in _SIGNED
    ),
    *(
        Route(method, f"/api/v3/{path}", name, fixed(1), handler, True, orders, path == "order/cancelReplace")
        for method, path, name, handler, orders in _ORDERS
    ),
    *(
        Route(method, "/api/v3/userDataStream", name, fixed(2), wallet.listen_key_removed)
        for method, name in _LISTEN_KEYS
    ),
    *(Route("GET", path, "", fixed(1), handler, signed) for path, handler, signed in _NON_SPOT),
)

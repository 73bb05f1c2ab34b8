"""Signed endpoints: orders, order lists, account and history."""

from typing import Any

from cq_tui.simulator.api import shapes
from cq_tui.simulator.api.order_request import read_oco, read_order, response_type
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.orders import Order, OrderList, Outcome
from cq_tui.simulator.errors import ApiError, cancel_rejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import text

_DAY_MS = 86_400_000


def place(exchange: Exchange, parameters: Parameters) -> Any:
    """Place one order."""
    new = read_order(parameters, exchange.market.column, exchange.new_client_order_id)
    response = response_type(parameters, new.type)
    now = exchange.clock()
    outcome = exchange.commit(exchange.engine.place(new, now), now)
    return _placed(outcome, outcome.orders[0], response)


def place_test(exchange: Exchange, parameters: Parameters) -> Any:
    """Judge an order's parameters and filters without placing it."""
    new = read_order(parameters, exchange.market.column, exchange.new_client_order_id)
    exchange.engine.check_filters(new)
    return {}


def _placed(outcome: Outcome, order: Order, response: str) -> dict[str, Any]:
    trades = [
        report.trade
        for report in outcome.reports
        if report.trade is not None and report.order.order_id == order.order_id
    ]
    return shapes.placed(order, response, trades)


def place_oco(exchange: Exchange, parameters: Parameters) -> Any:
    """Place two orders of which one cancels the other."""
    new = read_oco(parameters, exchange.market.column, exchange.new_client_order_id)
    response = response_type(parameters, "")
    now = exchange.clock()
    outcome = exchange.commit(exchange.engine.place_oco(new, now), now)
    reports = [_placed(outcome, order, response) for order in outcome.orders]
    return _list_shape(exchange, outcome, now, reports)


def _list_shape(exchange: Exchange, outcome: Outcome, now: int, reports: list[Any]) -> dict[str, Any]:
    if outcome.order_list is None:
        raise cancel_rejected()
    return shapes.order_list(outcome.order_list, exchange.state, now, reports)


def _wanted(exchange: Exchange, parameters: Parameters, missing: ApiError) -> Order:
    """Return the order that orderId and/or origClientOrderId name."""
    symbol = parameters.symbol(exchange.market.column)
    order_id, client_id = parameters.integer("orderId"), parameters.optional("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = exchange.state.find(symbol, order_id, client_id)
    if order is None:
        raise missing
    if client_id is not None and order.client_order_id != client_id:
        if missing.code == -2011:
            raise missing
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")
    return order


def query(exchange: Exchange, parameters: Parameters) -> Any:
    """Return one order."""
    return shapes.queried(_wanted(exchange, parameters, ApiError(-2013, "Order does not exist.")))


def cancel(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel one order, and with it the list that it belongs to."""
    order = _wanted(exchange, parameters, cancel_rejected())
    _check_restrictions(parameters, order)
    cancel_id = parameters.optional("newClientOrderId") or exchange.new_client_order_id()
    now = exchange.clock()
    outcome = exchange.commit(exchange.engine.cancel(order, cancel_id, now), now)
    if outcome.order_list is not None:
        return _canceled_list(exchange, outcome.order_list, cancel_id, now)
    return shapes.canceled(outcome.orders[0], cancel_id)


def _check_restrictions(parameters: Parameters, order: Order) -> None:
    restriction = parameters.optional("cancelRestrictions")
    wanted = {None: order.status, "ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
    if restriction not in wanted:
        raise ApiError(-1145, "Invalid cancelRestrictions")
    if order.is_open and order.status != wanted[restriction]:
        raise cancel_rejected("Order was not canceled due to cancel restrictions.")


def _canceled_list(exchange: Exchange, entry: OrderList, cancel_id: str, now: int) -> dict[str, Any]:
    orders = [exchange.state.orders[entry.symbol, number] for number in entry.order_ids]
    return shapes.order_list(entry, exchange.state, now, [shapes.canceled(order, cancel_id) for order in orders])


def open_orders(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the open orders of one or all symbols."""
    wanted = parameters.symbol(exchange.market.column) if "symbol" in parameters else None
    orders = exchange.state.open_orders.values()
    return [shapes.queried(order) for order in orders if wanted in (None, order.symbol)]


def cancel_all(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel all open orders and lists of a symbol."""
    symbol = parameters.symbol(exchange.market.column)
    if not exchange.state.open_of(symbol):
        raise cancel_rejected()
    now = exchange.clock()
    answers: list[Any] = []
    for order in exchange.state.open_of(symbol):
        if not order.is_open:
            continue  # gone with its list
        cancel_id = exchange.new_client_order_id()
        outcome = exchange.commit(exchange.engine.cancel(order, cancel_id, now), now)
        if outcome.order_list is not None:
            answers.append(_canceled_list(exchange, outcome.order_list, cancel_id, now))
        else:
            answers.append(shapes.canceled(outcome.orders[0], cancel_id))
    return answers


def all_orders(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's orders, ascending."""
    symbol = parameters.symbol(exchange.market.column)
    first = parameters.integer("orderId")
    start, end = _window(parameters)
    limit = parameters.limit(500, 1_000)
    found = [
        order
        for (name, number), order in sorted(exchange.state.orders.items())
        if name == symbol and (first is None or number >= first) and _within(order.time, start, end)
    ]
    return [shapes.queried(order) for order in _page(found, limit, first is not None or start is not None)]


def my_trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the account's trades of a symbol, ascending."""
    symbol = parameters.symbol(exchange.market.column)
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    start, end = _window(parameters)
    if (order_id is not None or from_id is not None) and (start is not None or end is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    limit = parameters.limit(500, 1_000)
    found = [
        trade
        for trade in exchange.state.trades
        if trade.symbol == symbol
        and order_id in (None, trade.order_id)
        and (from_id is None or trade.trade_id >= from_id)
        and _within(trade.time, start, end)
    ]
    return [shapes.my_trade(trade) for trade in _page(found, limit, from_id is not None or start is not None)]


def _window(parameters: Parameters) -> tuple[int | None, int | None]:
    start, end = parameters.time("startTime"), parameters.time("endTime")
    if start is not None and end is not None and end - start > _DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def _within(time: int, start: int | None, end: int | None) -> bool:
    return (start is None or time >= start) and (end is None or time <= end)


def _page(found: list[Any], limit: int, from_start: bool) -> list[Any]:
    return found[:limit] if from_start else found[-limit:]


def _list_wanted(exchange: Exchange, parameters: Parameters, client_name: str, missing: ApiError) -> OrderList:
    list_id, client_id = parameters.integer("orderListId"), parameters.optional(client_name)
    if list_id is None and client_id is None:
        raise ApiError(-1102, f"Param 'orderListId' or '{client_name}' must be sent, but both were empty/null!")
    for entry in reversed(exchange.state.lists.values()):
        if list_id in (None, entry.list_id) and client_id in (None, entry.client_id):
            return entry
    raise missing


def query_list(exchange: Exchange, parameters: Parameters) -> Any:
    """Return one order list."""
    entry = _list_wanted(exchange, parameters, "origClientOrderId", ApiError(-2013, "Order does not exist."))
    return shapes.order_list(entry, exchange.state, entry.time)


def open_lists(exchange: Exchange, parameters: Parameters) -> Any:
    """Return all open order lists."""
    lists = exchange.state.lists.values()
    return [shapes.order_list(entry, exchange.state, entry.time) for entry in lists if not entry.done]


def cancel_list(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel all orders of a list."""
    symbol = parameters.symbol(exchange.market.column)
    entry = _list_wanted(exchange, parameters, "listClientOrderId", cancel_rejected())
    if entry.symbol != symbol:
        raise cancel_rejected()
    cancel_id = parameters.optional("newClientOrderId") or exchange.new_client_order_id()
    now = exchange.clock()
    exchange.commit(exchange.engine.cancel_list(entry, cancel_id, now), now)
    return _canceled_list(exchange, entry, cancel_id, now)


def account(exchange: Exchange, parameters: Parameters) -> Any:
    """Return balances and commission rates."""
    omit_zero = parameters.flag("omitZeroBalances", False)
    known = {asset for entry in exchange.market.symbols for asset in (entry.base_asset, entry.quote_asset)}
    balances = exchange.state.balances
    shown = sorted(known | set(balances))
    rate = "0.00100000"
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.state.update_time,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(balances[asset].free), "locked": text(balances[asset].locked)}
            for asset in shown
            if not omit_zero or balances[asset].free or balances[asset].locked
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def commission(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's commission rates."""
    symbol = parameters.symbol(exchange.market.column)
    none = {"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"}
    return {
        "symbol": symbol,
        "standardCommission": none | {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": "0.00000000",
        },
    }

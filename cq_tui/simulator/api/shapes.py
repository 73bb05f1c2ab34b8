"""JSON shapes of orders, lists, trades and account events, field by field as the exchange writes them."""

from decimal import Decimal
from typing import Any

from cq_tui.simulator.engine.orders import STOP_TYPES, ListReport, Order, OrderList, Outcome, Report, Trade
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.symbols import text

Json = dict[str, Any]


def _conditional(order: Order) -> Json:
    found: Json = {}
    if order.type in STOP_TYPES:
        found["stopPrice"] = text(order.stop_price)
    if order.strategy_id >= 0:
        found["strategyId"] = order.strategy_id
    if order.strategy_type >= 0:
        found["strategyType"] = order.strategy_type
    return found


def _amounts(order: Order) -> Json:
    return {
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_quantity),
        "cummulativeQuoteQty": text(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def placed(order: Order, response: str, trades: list[Trade]) -> Json:
    """Return the response to a placement: ACK, RESULT or FULL."""
    shape: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.update_time,
    }
    if response == "ACK":
        return shape
    shape |= _amounts(order) | _conditional(order)
    shape |= {"workingTime": order.working_time, "selfTradePreventionMode": order.stp_mode}
    if order.expiry_reason:
        shape["expiryReason"] = order.expiry_reason
    if response == "FULL":
        shape["fills"] = [
            {
                "price": text(trade.price),
                "qty": text(trade.quantity),
                "commission": text(trade.commission),
                "commissionAsset": trade.commission_asset,
                "tradeId": trade.trade_id,
            }
            for trade in trades
        ]
    return shape


def queried(order: Order) -> Json:
    """Return an order as queries show it."""
    shape: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        **_amounts(order),
        "stopPrice": text(order.stop_price),
        "icebergQty": text(Decimal(0)),
        "time": order.time,
        "updateTime": order.update_time,
        "isWorking": order.is_working,
        "workingTime": order.working_time,
        "selfTradePreventionMode": order.stp_mode,
    } | _conditional(order)
    if order.expiry_reason:
        shape["expiryReason"] = order.expiry_reason
    return shape


def canceled(order: Order, cancel_id: str) -> Json:
    """Return the response to a cancel; ``clientOrderId`` is that of the cancel."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.update_time,
        **_amounts(order),
        "selfTradePreventionMode": order.stp_mode,
    } | _conditional(order)


def order_list(entry: OrderList, state: ExchangeState, time: int, reports: list[Json] | None = None) -> Json:
    """Return an order list, with its orders' reports where the endpoint gives them."""
    shape: Json = {
        "orderListId": entry.list_id,
        "contingencyType": "OCO",
        "listStatusType": "ALL_DONE" if entry.done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if entry.done else "EXECUTING",
        "listClientOrderId": entry.client_id,
        "transactionTime": time,
        "symbol": entry.symbol,
        "orders": _members(entry, state, "symbol", "orderId", "clientOrderId"),
    }
    if reports is not None:
        shape["orderReports"] = reports
    return shape


def _members(entry: OrderList, state: ExchangeState, symbol: str, order_id: str, client_id: str) -> list[Json]:
    orders = (state.orders[entry.symbol, number] for number in entry.order_ids)
    return [{symbol: order.symbol, order_id: order.order_id, client_id: order.client_order_id} for order in orders]


def my_trade(trade: Trade) -> Json:
    """Return a trade as myTrades shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.list_id,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.quote),
        "commission": text(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time,
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def execution_report(report: Report) -> Json:
    """Return an executionReport event."""
    order, trade = report.order, report.trade
    event: Json = {
        "e": "executionReport",
        "E": report.time,
        "s": order.symbol,
        "c": report.cancel_id or order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": text(order.quantity),
        "p": text(order.price),
        "P": text(order.stop_price),
        "F": text(Decimal(0)),
        "g": order.list_id,
        "C": order.client_order_id if report.cancel_id else "",
        "x": report.execution,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "l": text(trade.quantity if trade else Decimal(0)),
        "z": text(order.executed),
        "L": text(trade.price if trade else Decimal(0)),
        "n": text(trade.commission) if trade else "0",
        "N": trade.commission_asset if trade else None,
        "T": report.time,
        "t": trade.trade_id if trade else -1,
        "I": report.execution_id,
        "w": (order.is_working and order.is_open and order.type != "MARKET")
        or (report.execution == "NEW" and order.is_working),
        "m": bool(trade and trade.is_maker),
        "M": trade is not None,
        "O": order.time,
        "Z": text(order.quote_executed),
        "Y": text(trade.quote if trade else Decimal(0)),
        "Q": text(order.quote_quantity),
        "V": order.stp_mode,
    }  # fmt: skip
    if order.is_working:
        event["W"] = order.working_time
    if order.strategy_id >= 0:
        event["j"] = order.strategy_id
    if order.strategy_type >= 0:
        event["J"] = order.strategy_type
    if order.expiry_reason:
        event["eR"] = order.expiry_reason
    return event


def list_status(report: ListReport, state: ExchangeState) -> Json:
    """Return a listStatus event."""
    entry = report.order_list
    return {
        "e": "listStatus",
        "E": report.time,
        "s": entry.symbol,
        "g": entry.list_id,
        "c": "OCO",
        "l": report.status_type,
        "L": report.list_status,
        "r": "NONE",
        "C": entry.client_id,
        "T": report.time,
        "O": _members(entry, state, "s", "i", "c"),
    }


def account_position(assets: set[str], state: ExchangeState, now: int) -> Json:
    """Return an outboundAccountPosition event for the assets that may have changed."""
    return {
        "e": "outboundAccountPosition",
        "E": now,
        "u": state.update_time,
        "B": [
            {"a": asset, "f": text(state.balances[asset].free), "l": text(state.balances[asset].locked)}
            for asset in sorted(assets)
        ],
    }


def user_events(outcome: Outcome, state: ExchangeState, now: int) -> list[Json]:
    """Return the account's events of one outcome in the exchange's order."""
    events = [execution_report(report) for report in outcome.reports]
    events += [list_status(report, state) for report in outcome.list_reports]
    if outcome.assets:
        events.append(account_position(outcome.assets, state, now))
    return events

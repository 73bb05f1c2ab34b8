"""Response JSON of orders, lists, trades and amendments, field by field as on the exchange."""

from collections.abc import Iterable
from typing import Any

from cq_tui.simulator.engine.orders import STOP_TYPES, Amendment, EngineOrder, EngineOrderList, PreventedMatch, Trade
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.symbols import format_amount

Json = dict[str, Any]
#: Means none: there are no groups of accounts between which trades are prevented.
_NO_TRADE_GROUP = -1


def new_order(
    order: EngineOrder, response: str, trades: Iterable[Trade] = (), prevented: Iterable[PreventedMatch] = ()
) -> Json:
    """Return the response to a new order: ACK, RESULT or FULL."""
    if response == "ACK":
        return {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": order.list_id,
            "clientOrderId": order.client_order_id,
            "transactTime": order.update_time,
        }
    body: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.update_time,
        "price": format_amount(order.price),
        "origQty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "origQuoteOrderQty": format_amount(order.quote_quantity),
        "cummulativeQuoteQty": format_amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }
    _add_request_fields(body, order)
    body["workingTime"] = order.working_time
    body["selfTradePreventionMode"] = order.stp_mode
    if response == "FULL":
        body["fills"] = [_fill(trade) for trade in trades]
    _add_outcome_fields(body, order)
    if found := [_prevented_at_placement(match) for match in prevented]:
        body["preventedMatches"] = found
    return body


def _fill(trade: Trade) -> Json:
    return {
        "price": format_amount(trade.price),
        "qty": format_amount(trade.quantity),
        "commission": format_amount(trade.commission),
        "commissionAsset": trade.commission_asset,
        "tradeId": trade.trade_id,
    }


def _add_request_fields(body: Json, order: EngineOrder) -> None:
    """Add the requested values that not all orders have; they follow the side."""
    if order.type in STOP_TYPES:
        body["stopPrice"] = format_amount(order.stop_price)
        _add_trailing(body, order)
    if order.iceberg_quantity:
        body["icebergQty"] = format_amount(order.iceberg_quantity)
    _add_strategy(body, order)


def _add_trailing(body: Json, order: EngineOrder) -> None:
    if order.trailing_delta >= 0:
        body["trailingDelta"] = order.trailing_delta
        body["trailingTime"] = order.trailing_time


def _add_strategy(body: Json, order: EngineOrder) -> None:
    if order.strategy_id >= 0:
        body["strategyId"] = order.strategy_id
    if order.strategy_type >= 0:
        body["strategyType"] = order.strategy_type


def _add_outcome_fields(body: Json, order: EngineOrder) -> None:
    """Add the results that not all orders have; they come last."""
    if order.prevented_match_id >= 0:
        body["preventedMatchId"] = order.prevented_match_id
        body["preventedQuantity"] = format_amount(order.prevented_quantity)
    if order.expiry_reason:
        body["expiryReason"] = order.expiry_reason
    if order.list_id >= 0 and not order.quantity:
        body.pop("origQty", None)  # unknown until the working order is filled


def queried_order(order: EngineOrder) -> Json:
    """Return an order as order queries show it."""
    body: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "price": format_amount(order.price),
        "origQty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "cummulativeQuoteQty": format_amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": format_amount(order.stop_price),
    }
    _add_trailing(body, order)
    body["icebergQty"] = format_amount(order.iceberg_quantity)
    body["time"] = order.time
    body["updateTime"] = order.update_time
    body["isWorking"] = order.is_working
    body["workingTime"] = order.working_time
    body["origQuoteOrderQty"] = format_amount(order.quote_quantity)
    _add_strategy(body, order)
    body["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(body, order)
    return body


def canceled_order(order: EngineOrder, cancel_id: str) -> Json:
    """Return the response to a cancel, whose own id is ``clientOrderId``."""
    body: Json = {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.update_time,
        "price": format_amount(order.price),
        "origQty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "origQuoteOrderQty": format_amount(order.quote_quantity),
        "cummulativeQuoteQty": format_amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }
    _add_request_fields(body, order)
    body["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(body, order)
    return body


def amended_order(
    order: EngineOrder, amendment: Amendment, entry: EngineOrderList | None, state: ExchangeState
) -> Json:
    """Return the response to an amend, whose field names differ from other responses."""
    body: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": amendment.original_client_id,
        "clientOrderId": amendment.new_client_id,
        "price": format_amount(order.price),
        "qty": format_amount(order.quantity),
        "executedQty": format_amount(order.executed),
        "preventedQty": format_amount(order.prevented_quantity),
        "quoteOrderQty": format_amount(order.quote_quantity),
        "cumulativeQuoteQty": format_amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }
    _add_request_fields(body, order)
    if order.is_working:
        body["workingTime"] = order.working_time
    body["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(body, order)
    answer: Json = {
        "transactTime": amendment.time,
        "executionId": amendment.execution_id,
        "amendedOrder": body,
    }
    if entry is not None:
        answer["listStatus"] = {
            "orderListId": entry.list_id,
            "contingencyType": entry.contingency,
            "listOrderStatus": "ALL_DONE" if entry.done else "EXECUTING",
            "listClientOrderId": entry.client_id,
            "symbol": entry.symbol,
            "orders": _members(entry, state),
        }
    return answer


def amendment(entry: Amendment) -> Json:
    """Return one amendment as order/amendments shows it."""
    return {
        "symbol": entry.symbol,
        "orderId": entry.order_id,
        "executionId": entry.execution_id,
        "origClientOrderId": entry.original_client_id,
        "newClientOrderId": entry.new_client_id,
        "origQty": format_amount(entry.original_quantity),
        "newQty": format_amount(entry.new_quantity),
        "time": entry.time,
    }


def order_list(entry: EngineOrderList, state: ExchangeState, time: int, reports: list[Json] | None = None) -> Json:
    """Return an order list, with ``reports`` of its orders where the endpoint includes them."""
    body: Json = {
        "orderListId": entry.list_id,
        "contingencyType": entry.contingency,
        "listStatusType": "ALL_DONE" if entry.done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if entry.done else "EXECUTING",
        "listClientOrderId": entry.client_id,
        "transactionTime": time,
        "symbol": entry.symbol,
        "orders": _members(entry, state),
    }
    if reports is not None:
        body["orderReports"] = reports
    return body


def _members(entry: EngineOrderList, state: ExchangeState) -> list[Json]:
    orders = (state.orders[entry.symbol, number] for number in entry.order_ids)
    return [
        {"symbol": order.symbol, "orderId": order.order_id, "clientOrderId": order.client_order_id} for order in orders
    ]


def my_trade(trade: Trade) -> Json:
    """Return a trade as myTrades shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.list_id,
        "price": format_amount(trade.price),
        "qty": format_amount(trade.quantity),
        "quoteQty": format_amount(trade.quote),
        "commission": format_amount(trade.commission),
        "commissionAsset": trade.commission_asset,
        "time": trade.time,
        "isBuyer": trade.is_buyer,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def prevented_match(match: PreventedMatch) -> Json:
    """Return a prevented match as myPreventedMatches shows it; only nonzero prevented quantities are included."""
    body: Json = {
        "symbol": match.symbol,
        "preventedMatchId": match.match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": _NO_TRADE_GROUP,
        "selfTradePreventionMode": match.stp_mode,
        "price": format_amount(match.price),
    }
    _add_prevented_quantities(body, match)
    body["transactTime"] = match.time
    return body


def _prevented_at_placement(match: PreventedMatch) -> Json:
    body: Json = {
        "preventedMatchId": match.match_id,
        "makerOrderId": match.maker_order_id,
        "price": format_amount(match.price),
    }
    _add_prevented_quantities(body, match)
    return body


def _add_prevented_quantities(body: Json, match: PreventedMatch) -> None:
    if match.taker_quantity:
        body["takerPreventedQuantity"] = format_amount(match.taker_quantity)
    if match.maker_quantity:
        body["makerPreventedQuantity"] = format_amount(match.maker_quantity)

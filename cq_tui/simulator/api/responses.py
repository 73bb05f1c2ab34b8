"""JSON of orders, lists, trades and amendments, field by field as the exchange answers it."""

from collections.abc import Iterable
from typing import Any

from cq_tui.simulator.engine.orders import STOP_TYPES, Amendment, EngineOrder, EngineOrderList, PreventedMatch, Trade
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.symbols import format_amount

Json = dict[str, Any]
#: There are no groups of accounts between which trades are prevented.
_NO_TRADE_GROUP = -1


def new_order(
    order: EngineOrder, response: str, trades: Iterable[Trade] = (), prevented: Iterable[PreventedMatch] = ()
) -> Json:
    """Return the response to a placement: ACK, RESULT or FULL."""
    if response == "ACK":
        return {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": order.list_id,
            "clientOrderId": order.client_order_id,
            "transactTime": order.update_time,
        }
    shape: Json = {
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
    _add_request_fields(shape, order)
    shape["workingTime"] = order.working_time
    shape["selfTradePreventionMode"] = order.stp_mode
    if response == "FULL":
        shape["fills"] = [_fill(trade) for trade in trades]
    _add_outcome_fields(shape, order)
    if found := [_prevented_at_placement(match) for match in prevented]:
        shape["preventedMatches"] = found
    return shape


def _fill(trade: Trade) -> Json:
    return {
        "price": format_amount(trade.price),
        "qty": format_amount(trade.quantity),
        "commission": format_amount(trade.commission),
        "commissionAsset": trade.commission_asset,
        "tradeId": trade.trade_id,
    }


def _add_request_fields(shape: Json, order: EngineOrder) -> None:
    """Add what was asked for of some orders only; it follows the side."""
    if order.type in STOP_TYPES:
        shape["stopPrice"] = format_amount(order.stop_price)
        _add_trailing(shape, order)
    if order.iceberg_quantity:
        shape["icebergQty"] = format_amount(order.iceberg_quantity)
    _add_strategy(shape, order)


def _add_trailing(shape: Json, order: EngineOrder) -> None:
    if order.trailing_delta >= 0:
        shape["trailingDelta"] = order.trailing_delta
        shape["trailingTime"] = order.trailing_time


def _add_strategy(shape: Json, order: EngineOrder) -> None:
    if order.strategy_id >= 0:
        shape["strategyId"] = order.strategy_id
    if order.strategy_type >= 0:
        shape["strategyType"] = order.strategy_type


def _add_outcome_fields(shape: Json, order: EngineOrder) -> None:
    """Add what became of some orders only; it comes last."""
    if order.prevented_match_id >= 0:
        shape["preventedMatchId"] = order.prevented_match_id
        shape["preventedQuantity"] = format_amount(order.prevented_quantity)
    if order.expiry_reason:
        shape["expiryReason"] = order.expiry_reason
    if order.list_id >= 0 and not order.quantity:
        shape.pop("origQty", None)  # known once the working order has bought it, if it ever does


def queried_order(order: EngineOrder) -> Json:
    """Return an order as queries show it."""
    shape: Json = {
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
    _add_trailing(shape, order)
    shape["icebergQty"] = format_amount(order.iceberg_quantity)
    shape["time"] = order.time
    shape["updateTime"] = order.update_time
    shape["isWorking"] = order.is_working
    shape["workingTime"] = order.working_time
    shape["origQuoteOrderQty"] = format_amount(order.quote_quantity)
    _add_strategy(shape, order)
    shape["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(shape, order)
    return shape


def canceled_order(order: EngineOrder, cancel_id: str) -> Json:
    """Return the response to a cancel; ``clientOrderId`` is that of the cancel."""
    shape: Json = {
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
    _add_request_fields(shape, order)
    shape["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(shape, order)
    return shape


def amended_order(
    order: EngineOrder, amendment: Amendment, entry: EngineOrderList | None, state: ExchangeState
) -> Json:
    """Return the response to an amend; its fields are named unlike those of other responses."""
    shape: Json = {
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
    _add_request_fields(shape, order)
    if order.is_working:
        shape["workingTime"] = order.working_time
    shape["selfTradePreventionMode"] = order.stp_mode
    _add_outcome_fields(shape, order)
    answer: Json = {
        "transactTime": amendment.time,
        "executionId": amendment.execution_id,
        "amendedOrder": shape,
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
    """Return one reduction of an order's quantity, as order/amendments shows it."""
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
    """Return an order list, with its orders' reports where the endpoint gives them."""
    shape: Json = {
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
        shape["orderReports"] = reports
    return shape


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
    """Return a prevented trade as myPreventedMatches shows it; quantities only of the orders that lost some."""
    shape: Json = {
        "symbol": match.symbol,
        "preventedMatchId": match.match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": _NO_TRADE_GROUP,
        "selfTradePreventionMode": match.stp_mode,
        "price": format_amount(match.price),
    }
    _add_prevented_quantities(shape, match)
    shape["transactTime"] = match.time
    return shape


def _prevented_at_placement(match: PreventedMatch) -> Json:
    shape: Json = {
        "preventedMatchId": match.match_id,
        "makerOrderId": match.maker_order_id,
        "price": format_amount(match.price),
    }
    _add_prevented_quantities(shape, match)
    return shape


def _add_prevented_quantities(shape: Json, match: PreventedMatch) -> None:
    if match.taker_quantity:
        shape["takerPreventedQuantity"] = format_amount(match.taker_quantity)
    if match.maker_quantity:
        shape["makerPreventedQuantity"] = format_amount(match.maker_quantity)

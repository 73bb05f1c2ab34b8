"""Single orders: place, test, query and cancel."""

from collections.abc import Sequence
from typing import Any

from cq_tui.simulator.api import responses
from cq_tui.simulator.api.account import order_commission
from cq_tui.simulator.api.order_request import read_client_id, read_order, response_type
from cq_tui.simulator.api.parameters import Parameters, either_required
from cq_tui.simulator.api.symbol_permissions import check_stp_mode
from cq_tui.simulator.engine.orders import EngineOrder, EngineOrderList, NewOrder, Trade
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.errors import RequestRejected, cancel_rejected
from cq_tui.simulator.exchange import Exchange

_ARCHIVED_AFTER_MS = 90 * 86_400_000
_ARCHIVED = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
_NO_SOR = "SOR orders are not supported for this symbol."


def place(exchange: Exchange, parameters: Parameters) -> Any:
    """Place one order."""
    new = read_order(parameters, exchange.market.rules, exchange.new_client_order_id)
    response = response_type(parameters, new.type)
    check_stp_mode(new, exchange.engine.rules(new.symbol))
    return place_order(exchange, new, response, exchange.clock())


def place_order(exchange: Exchange, new: NewOrder, response: str, now: int) -> responses.Json:
    """Submit a validated order to the engine and return the response. Raises RequestRejected."""
    outcome = exchange.commit(exchange.engine.place(new, now), now)
    return new_order_response(outcome, outcome.orders[0], response)


def new_order_response(outcome: Outcome, order: EngineOrder, response: str) -> responses.Json:
    """Return the new-order response for one order of an outcome."""
    if response == "ACK":
        return responses.new_order(order, response)
    trades: Sequence[Trade] = ()
    if response == "FULL" and order.executed:
        number = order.order_id
        trades = [r.trade for r in outcome.reports if r.trade is not None and r.trade.order_id == number]
    prevented = [match for match in outcome.prevented if match.taker_order_id == order.order_id]
    return responses.new_order(order, response, trades, prevented)


def place_test(exchange: Exchange, parameters: Parameters) -> Any:
    """Validate an order's parameters and filters without placing it."""
    compute = parameters.flag("computeCommissionRates", False)
    new = read_order(parameters, exchange.market.rules, exchange.new_client_order_id)
    response_type(parameters, new.type)
    check_stp_mode(new, exchange.engine.rules(new.symbol))
    exchange.engine.check_filters(new)
    return order_commission(exchange, new.symbol, new.side) if compute else {}


def place_sor(exchange: Exchange, parameters: Parameters) -> Any:
    """Reject smart order routing: no symbol here supports it."""
    read_order(parameters, exchange.market.rules, exchange.new_client_order_id)
    raise RequestRejected(-1013, _NO_SOR)


def find_order(
    exchange: Exchange,
    parameters: Parameters,
    missing: RequestRejected,
    mismatch: RequestRejected,
    names: tuple[str, str] = ("orderId", "origClientOrderId"),
) -> EngineOrder:
    """Return the order with the given id and/or client order id; ``names`` are the names of those two parameters.

    Raises ``missing`` if there is no such order, ``mismatch`` if the two ids identify different orders.
    """
    symbol = parameters.symbol(exchange.market.rules)
    order_id, client_id = parameters.integer(names[0]), parameters.optional(names[1])
    if order_id is None and client_id is None:
        raise either_required(names[1], names[0])
    order = exchange.state.find(symbol, order_id, client_id)
    if order is None:
        raise missing
    if client_id is not None and order.client_order_id != client_id:
        raise mismatch
    return order


def query(exchange: Exchange, parameters: Parameters) -> Any:
    """Return one order."""
    missing = RequestRejected(-2013, "Order does not exist.")
    mismatch = RequestRejected(-2039, "Client order ID is not correct for this order ID.")
    order = find_order(exchange, parameters, missing, mismatch)
    if not order.is_open and not order.executed and exchange.clock() - order.update_time > _ARCHIVED_AFTER_MS:
        raise RequestRejected(-2026, _ARCHIVED)
    return responses.queried_order(order)


def open_orders(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the open orders of one or all symbols."""
    if "symbol" in parameters:
        return [
            responses.queried_order(order)
            for order in exchange.state.open_orders_of(parameters.symbol(exchange.market.rules))
        ]
    return [responses.queried_order(order) for order in exchange.state.open_orders.values()]


def cancel(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel one order, and the order list that it belongs to."""
    restriction = cancel_restriction(parameters)
    cancel_id = read_client_id(parameters, "newClientOrderId")
    order = find_order(exchange, parameters, cancel_rejected(), cancel_rejected())
    return cancel_order(exchange, order, restriction, cancel_id, exchange.clock())


def cancel_restriction(parameters: Parameters) -> str | None:
    """Return the only status in which the order may be canceled, None for any."""
    restriction = parameters.optional("cancelRestrictions")
    if restriction is None:
        return None
    if restriction not in ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"):
        raise RequestRejected(-1145, "Invalid cancelRestrictions")
    return restriction.removeprefix("ONLY_")


def cancel_order(
    exchange: Exchange, order: EngineOrder, restriction: str | None, cancel_id: str | None, now: int
) -> responses.Json:
    """Cancel an order if ``restriction`` allows its status. Raises RequestRejected."""
    if restriction is not None and order.is_open and order.status != restriction:
        raise cancel_rejected("Order was not canceled due to cancel restrictions.")
    cancel_id = cancel_id or exchange.new_client_order_id()
    outcome = exchange.commit(exchange.engine.cancel(order, cancel_id, now), now)
    if outcome.order_list is not None:
        return canceled_list(exchange, outcome, outcome.order_list, cancel_id)
    return responses.canceled_order(outcome.orders[0], cancel_id)


def canceled_list(exchange: Exchange, outcome: Outcome, entry: EngineOrderList, cancel_id: str) -> responses.Json:
    """Return the response to canceling an order list, with reports of only the orders just canceled."""
    cancels = [report for report in outcome.reports if report.cancel_id]
    reports = [responses.canceled_order(report.order, cancel_id) for report in cancels]
    return responses.order_list(entry, exchange.state, cancels[-1].time, reports)


def cancel_all(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel all of a symbol's open orders and lists under one cancel id; a list is reported as a list."""
    symbol = parameters.symbol(exchange.market.rules)
    found = exchange.state.open_orders_of(symbol)
    if not found:
        raise cancel_rejected()
    cancel_id, now = exchange.new_client_order_id(), exchange.clock()
    # An order that is no longer open was canceled with its list.
    return [cancel_order(exchange, order, None, cancel_id, now) for order in found if order.is_open]

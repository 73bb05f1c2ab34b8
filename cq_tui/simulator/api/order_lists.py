"""Order lists: place, query and cancel."""

from collections.abc import Callable
from typing import Any

from cq_tui.simulator.api import responses
from cq_tui.simulator.api.history import is_within, page, read_time_range
from cq_tui.simulator.api.order_list_request import (
    read_deprecated_oco,
    read_oco,
    read_opo,
    read_opoco,
    read_oto,
    read_otoco,
)
from cq_tui.simulator.api.order_request import read_client_id, response_type
from cq_tui.simulator.api.orders import canceled_list, new_order_response
from cq_tui.simulator.api.parameters import Parameters, either_required, invalid_combination
from cq_tui.simulator.api.symbol_permissions import check_stp_mode
from cq_tui.simulator.engine.orders import EngineOrderList, NewOrderList
from cq_tui.simulator.errors import RequestRejected, cancel_rejected
from cq_tui.simulator.exchange import Exchange


def place_oco(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OCO: two orders, one cancels the other."""
    return _place(exchange, parameters, read_oco)


def place_deprecated_oco(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OCO in the deprecated form."""
    return _place(exchange, parameters, read_deprecated_oco)


def place_oto(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OTO: a working order, and a pending order that is placed once it is filled."""
    return _place(exchange, parameters, read_oto)


def place_otoco(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OTOCO: a working order, and a pending OCO that is placed once it is filled."""
    return _place(exchange, parameters, read_otoco)


def place_opo(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OPO: a buy order, and a pending order that sells what it bought."""
    return _place(exchange, parameters, read_opo)


def place_opoco(exchange: Exchange, parameters: Parameters) -> Any:
    """Place an OPOCO: a buy order, and a pending OCO that sells what it bought."""
    return _place(exchange, parameters, read_opoco)


def _place(exchange: Exchange, parameters: Parameters, read: Callable[..., NewOrderList]) -> responses.Json:
    new = read(parameters, exchange.market.rules, exchange.new_client_order_id)
    response = response_type(parameters)
    check_stp_mode(new, exchange.engine.rules(new.symbol))
    now = exchange.clock()
    outcome = exchange.commit(exchange.engine.place_list(new, now), now)
    reports = [new_order_response(outcome, order, response) for order in outcome.orders]
    # The status at acceptance: EXEC_STARTED even if the working order was filled immediately.
    body = responses.order_list(_require_list(outcome.order_list), exchange.state, now, reports)
    return body | {"listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING"}


def _require_list(entry: EngineOrderList | None) -> EngineOrderList:
    if entry is None:
        raise RequestRejected(-1000, "An unknown error occurred while processing the request.", 500)
    return entry


def _find_list(
    exchange: Exchange, parameters: Parameters, client_name: str, missing: RequestRejected
) -> EngineOrderList:
    list_id, client_id = parameters.integer("orderListId"), parameters.optional(client_name)
    if list_id is None and client_id is None:
        raise either_required("orderListId", client_name)
    if list_id is not None:
        entry = exchange.state.lists.get(list_id)
        if entry is None or client_id not in (None, entry.client_id):
            raise missing
        return entry
    found = [entry for entry in exchange.state.lists.values() if entry.client_id == client_id]
    if not found:
        raise missing
    return max(found, key=lambda entry: (not entry.done, entry.list_id))


def query_list(exchange: Exchange, parameters: Parameters) -> Any:
    """Return one order list."""
    missing = RequestRejected(-2013, "Order does not exist.")
    return _list_response(exchange, _find_list(exchange, parameters, "origClientOrderId", missing))


def all_lists(exchange: Exchange, parameters: Parameters) -> Any:
    """Return order lists by ascending id."""
    first = parameters.integer("fromId")
    start, end = read_time_range(parameters)
    if first is not None and (start is not None or end is not None):
        raise invalid_combination()
    limit = parameters.limit(500, 1_000)
    found = [
        entry
        for entry in exchange.state.lists.values()
        if entry.list_id >= (first or 0) and is_within(entry.time, start, end)
    ]
    return [_list_response(exchange, entry) for entry in page(found, limit, first is not None or start is not None)]


def open_lists(exchange: Exchange, parameters: Parameters) -> Any:
    """Return all open order lists."""
    return [_list_response(exchange, entry) for entry in exchange.state.open_lists.values()]


def _list_response(exchange: Exchange, entry: EngineOrderList) -> responses.Json:
    return responses.order_list(entry, exchange.state, entry.time)


def cancel_list(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel all orders of a list."""
    symbol = parameters.symbol(exchange.market.rules)
    cancel_id = read_client_id(parameters, "newClientOrderId") or exchange.new_client_order_id()
    entry = _find_list(exchange, parameters, "listClientOrderId", cancel_rejected())
    if entry.symbol != symbol:
        raise cancel_rejected()
    now = exchange.clock()
    outcome = exchange.commit(exchange.engine.cancel_list(entry, cancel_id, now), now)
    return canceled_list(exchange, outcome, entry, cancel_id)

"""Changes to open orders: cancelReplace, and amendments that keep queue priority."""

from collections.abc import Callable
from typing import Any

from cq_tui.simulator.api import responses
from cq_tui.simulator.api.order_request import (
    decimal_text,
    read_client_id,
    read_order,
    required,
    response_type,
    to_decimal_checked,
)
from cq_tui.simulator.api.orders import cancel_order, cancel_restriction, find_order, place_order
from cq_tui.simulator.api.parameters import Parameters, either_required, invalid_value
from cq_tui.simulator.api.symbol_permissions import check_cancel_replace, check_stp_mode
from cq_tui.simulator.engine.orders import ZERO
from cq_tui.simulator.errors import NEW_ORDER_REJECTED, RequestRejected, amend_rejected, cancel_rejected
from cq_tui.simulator.exchange import Exchange

_MODES = frozenset({"STOP_ON_FAILURE", "ALLOW_FAILURE"})
_EXCEEDED_MODES = frozenset({"DO_NOTHING", "CANCEL_ONLY"})
_CANCEL_IDS = ("cancelOrderId", "cancelOrigClientOrderId")


def cancel_replace(exchange: Exchange, parameters: Parameters) -> Any:
    """Cancel an order and place another; filters and order count are checked before the cancel."""
    stops = _choice(parameters, "cancelReplaceMode", _MODES) == "STOP_ON_FAILURE"
    if "orderRateLimitExceededMode" in parameters:
        _choice(parameters, "orderRateLimitExceededMode", _EXCEEDED_MODES)
    if parameters.integer(_CANCEL_IDS[0]) is None and parameters.optional(_CANCEL_IDS[1]) is None:
        raise either_required(*reversed(_CANCEL_IDS))
    restriction, cancel_id = cancel_restriction(parameters), read_client_id(parameters, "cancelNewClientOrderId")
    new = read_order(parameters, exchange.market.rules, exchange.new_client_order_id)
    response = response_type(parameters, new.type)
    rules = exchange.engine.rules(new.symbol)
    check_cancel_replace(rules)
    check_stp_mode(new, rules)
    exchange.engine.check_filters(new)
    now = exchange.clock()
    # This order is already counted. If it exceeds the limit, the request is a CANCEL_ONLY.
    limit_error = exchange.limits.order_limit_error(0, now)

    def cancel() -> responses.Json:
        order = find_order(exchange, parameters, cancel_rejected(), cancel_rejected(), _CANCEL_IDS)
        return cancel_order(exchange, order, restriction, cancel_id, now)

    def place() -> responses.Json:
        if limit_error is not None:
            raise limit_error
        return place_order(exchange, new, response, now)

    def report_rejection(rejection: responses.Json) -> None:
        if rejection["code"] == NEW_ORDER_REJECTED:
            exchange.notify(exchange.engine.report_rejection(new, rejection["msg"], now), now)

    return _cancel_and_place(cancel, place, report_rejection, stops, limit_error)


def _cancel_and_place(
    cancel: Callable[[], responses.Json],
    place: Callable[[], responses.Json],
    report_rejection: Callable[[responses.Json], None],
    stops: bool,
    limit_error: RequestRejected | None,
) -> responses.Json:
    """Run both halves and return their results. Raises RequestRejected -2021 or -2022 with the results as data."""
    cancel_result, cancel_response = _attempt(cancel)
    new_result, new_response = "NOT_ATTEMPTED", None
    if cancel_result == "SUCCESS" or not stops:
        new_result, new_response = _attempt(place)
        if new_result == "FAILURE" and cancel_result == "SUCCESS":
            report_rejection(new_response)
    data = {
        "cancelResult": cancel_result,
        "newOrderResult": new_result,
        "cancelResponse": cancel_response,
        "newOrderResponse": new_response,
    }
    if cancel_result == new_result == "SUCCESS":
        return data
    exceeded = limit_error is not None and stops
    if "SUCCESS" in (cancel_result, new_result):
        status = 429 if exceeded else 409
        raise RequestRejected(-2021, "Order cancel-replace partially failed.", status, data=data)
    raise RequestRejected(-2022, "Order cancel-replace failed.", 429 if exceeded else 400, data=data)


def _attempt(half: Callable[[], responses.Json]) -> tuple[str, responses.Json]:
    try:
        return "SUCCESS", half()
    except RequestRejected as error:
        if error.status >= 500:
            raise
        return "FAILURE", error.to_json()


def _choice(parameters: Parameters, name: str, allowed: frozenset[str]) -> str:
    value = required(parameters, name)
    if value not in allowed:
        raise invalid_value(name)
    return value


def amend(exchange: Exchange, parameters: Parameters) -> Any:
    """Reduce an order's quantity; it keeps its queue position."""
    required(parameters, "symbol")
    required(parameters, "newQty")
    quantity = to_decimal_checked("newQty", decimal_text(parameters.values, "newQty")) or ZERO
    new_id = read_client_id(parameters, "newClientOrderId")
    order = find_order(exchange, parameters, amend_rejected(), amend_rejected())
    now = exchange.clock()
    outcome = exchange.engine.amend(order, quantity, new_id or exchange.new_client_order_id(), now)
    exchange.commit(outcome, now)
    if outcome.amendment is None:
        raise amend_rejected("The requested action would change no state; rejecting.")
    return responses.amended_order(outcome.orders[0], outcome.amendment, outcome.order_list, exchange.state)


def amendments(exchange: Exchange, parameters: Parameters) -> Any:
    """Return an order's amendments by ascending execution id."""
    symbol = parameters.symbol(exchange.market.rules)
    required(parameters, "orderId")
    order_id, first = parameters.integer("orderId"), parameters.integer("fromExecutionId")
    limit = parameters.limit(500, 1_000)
    found = [
        entry
        for entry in exchange.state.amendments
        if entry.symbol == symbol and entry.order_id == order_id and entry.execution_id >= (first or 0)
    ]
    return [responses.amendment(entry) for entry in (found[:limit] if first is not None else found[-limit:])]

"""Runs one request from either API: checks the order count, calls the handler and refunds the weight of orders."""

from typing import Any

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import Route
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

#: cancelReplace failures that still count the new order.
_COUNTED_ERRORS = frozenset({-2021, -2022})


def dispatch(exchange: Exchange, route: Route, parameters: Parameters, weight: int, now: int) -> Any:
    """Return the handler's answer to an authenticated request. Raises RequestRejected."""
    if route.order_count is None:
        return route.handler(exchange, parameters)
    limits, is_exceeded = exchange.limits, False
    if route.order_count:
        is_exceeded = _exceeds_order_limit(exchange, route, parameters, now)
        # Counted first, because the handler's first fill takes the order off the count again.
        limits.count_orders(route.order_count, now)
    try:
        answer = route.handler(exchange, parameters)
    except RequestRejected as rejection:
        if is_exceeded or rejection.code not in _COUNTED_ERRORS:
            limits.count_orders(-route.order_count, now)
        raise
    limits.refund_weight(weight, now)
    return answer


def _exceeds_order_limit(exchange: Exchange, route: Route, parameters: Parameters, now: int) -> bool:
    """Return True when the handler has to cancel without placing. Raises RequestRejected 429 where it cannot."""
    error = exchange.limits.order_limit_error(route.order_count or 0, now)
    cancels_only = parameters.raw("orderRateLimitExceededMode") == "CANCEL_ONLY"
    if error is not None and not (route.replaces and cancels_only):
        raise error
    return error is not None

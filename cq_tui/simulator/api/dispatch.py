"""One request carried out, whichever face it came through: order count, handler, and weight given back."""

from typing import Any

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import Route
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

#: A replacement that was not attempted, or failed, has counted as an order all the same.
_COUNTED_ERRORS = frozenset({-2021, -2022})


def dispatch(exchange: Exchange, endpoint: Route, parameters: Parameters, weight: int, now: int) -> Any:
    """Return the endpoint's answer to a request that was let in. Raises ApiError."""
    if endpoint.order_count is None:
        return endpoint.handler(exchange, parameters)
    limits, is_too_many = exchange.limits, False
    if endpoint.order_count:
        is_too_many = _exceeds_order_limit(exchange, endpoint, parameters, now)
        # Counted first: the handler reports an order's first fill, which takes it off again.
        limits.count_orders(endpoint.order_count, now)
    try:
        answer = endpoint.handler(exchange, parameters)
    except RequestRejected as error:
        if is_too_many or error.code not in _COUNTED_ERRORS:
            limits.count_orders(-endpoint.order_count, now)
        raise
    limits.refund_weight(weight, now)
    return answer


def _exceeds_order_limit(exchange: Exchange, endpoint: Route, parameters: Parameters, now: int) -> bool:
    """Return whether the order is one too many for a handler that knows what to do then. Raises ApiError 429."""
    shortage = exchange.limits.order_limit_error(endpoint.order_count or 0, now)
    cancels_only = parameters.raw("orderRateLimitExceededMode") == "CANCEL_ONLY"
    if shortage is not None and not (endpoint.replaces and cancels_only):
        raise shortage
    return shortage is not None

"""One request carried out, whichever face it came through: order count, handler, and weight given back."""

from typing import Any

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import Endpoint
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange

#: A replacement that was not attempted, or failed, has counted as an order all the same.
_COUNTED_ERRORS = frozenset({-2021, -2022})


def carry_out(exchange: Exchange, endpoint: Endpoint, parameters: Parameters, weight: int, now: int) -> Any:
    """Return the endpoint's answer to a request that was let in. Raises ApiError."""
    if endpoint.orders is None:
        return endpoint.handler(exchange, parameters)
    limits, is_too_many = exchange.limits, False
    if endpoint.orders:
        is_too_many = _is_too_many(exchange, endpoint, parameters, now)
        # Counted first: the handler reports an order's first fill, which takes it off again.
        limits.count_orders(endpoint.orders, now)
    try:
        answer = endpoint.handler(exchange, parameters)
    except ApiError as error:
        if is_too_many or error.code not in _COUNTED_ERRORS:
            limits.count_orders(-endpoint.orders, now)
        raise
    limits.give_back(weight, now)
    return answer


def _is_too_many(exchange: Exchange, endpoint: Endpoint, parameters: Parameters, now: int) -> bool:
    """Return whether the order is one too many for a handler that knows what to do then. Raises ApiError 429."""
    shortage = exchange.limits.order_shortage(endpoint.orders or 0, now)
    cancels_only = parameters.raw("orderRateLimitExceededMode") == "CANCEL_ONLY"
    if shortage is not None and not (endpoint.replaces and cancels_only):
        raise shortage
    return shortage is not None

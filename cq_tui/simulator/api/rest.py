"""The REST face: requests in, the exchange's JSON and headers out."""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cq_tui.simulator.api.parameters import Parameters, read_form
from cq_tui.simulator.api.rate_limits import RateLimits
from cq_tui.simulator.api.routes import ENDPOINTS, Endpoint
from cq_tui.simulator.api.security import check_key, check_signature, check_timing, signed_bytes
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange

_JSON = "application/json;charset=UTF-8"
_LONGEST_BODY = 64 * 1024


def rest_routes(exchange: Exchange, limits: RateLimits) -> list[Route]:
    """Return a route for every endpoint."""
    return [
        Route(endpoint.path, _answering(exchange, limits, endpoint), methods=[endpoint.method])
        for endpoint in ENDPOINTS
    ]


def _answering(exchange: Exchange, limits: RateLimits, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        query = request.scope["query_string"]
        body = b"" if request.method == "GET" else await request.body()
        status, headers = 200, {}
        try:
            content = _handle(exchange, limits, endpoint, request.headers.get("x-mbx-apikey"), query, body)
        except ApiError as error:
            status, content = error.status, error.to_json()
            if error.retry_after is not None:
                headers["Retry-After"] = str(error.retry_after)
        headers |= _counts(exchange, limits, ordered=bool(endpoint.orders) and status == 200)
        return Response(orjson.dumps(content), status, headers, _JSON)

    return answer


def _handle(
    exchange: Exchange, limits: RateLimits, endpoint: Endpoint, api_key: str | None, query: bytes, body: bytes
) -> object:
    if len(body) > _LONGEST_BODY:
        raise ApiError(-1101, "Too many parameters sent for this endpoint.", 413)
    now = exchange.clock()
    parameters = _read(limits, query, body, now)
    weight = endpoint.weight(parameters)
    limits.spend(weight, now)
    if endpoint.signed:
        check_key(exchange.account, api_key)
        check_timing(parameters, now)
        check_signature(exchange.account, parameters, signed_bytes(query, body))
    limits.check_orders(endpoint.orders or 0, now)
    content = endpoint.handler(exchange, parameters)
    if endpoint.orders is not None:
        limits.weight.add(-weight, now)  # since 2026-04-02 a successful order call weighs nothing
        limits.count_orders(endpoint.orders, now)
    return content


def _read(limits: RateLimits, query: bytes, body: bytes, now: int) -> Parameters:
    try:
        return read_form(query, body)
    except ApiError:
        limits.spend(1, now)
        raise


def _counts(exchange: Exchange, limits: RateLimits, ordered: bool) -> dict[str, str]:
    now = exchange.clock()
    weight = str(limits.weight.count(now))
    headers = {"X-MBX-USED-WEIGHT": weight, "X-MBX-USED-WEIGHT-1M": weight}
    if ordered:
        headers["X-MBX-ORDER-COUNT-10S"] = str(limits.orders_10s.count(now))
        headers["X-MBX-ORDER-COUNT-1D"] = str(limits.orders_day.count(now))
    return headers

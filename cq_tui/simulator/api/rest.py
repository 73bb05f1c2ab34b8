"""The REST API: a request in, the exchange's status, headers and JSON out."""

import logging
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple

import orjson

from cq_tui.simulator.api.dispatch import dispatch
from cq_tui.simulator.api.parameters import Parameters, read_form
from cq_tui.simulator.api.routes import ROUTES, Route
from cq_tui.simulator.api.security import check_signature, check_timing, signed_bytes
from cq_tui.simulator.api.time_unit import response_in_microseconds, wants_microseconds
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

log = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json;charset=UTF-8")
_HTML = (b"content-type", b"text/html;charset=UTF-8")
_UNKNOWN_ERROR = "An unknown error occurred while processing the request."
#: Seed of the x-mbx-uuid headers, so that they are reproducible.
_UUID_SEED = 7
_NOT_FOUND_PAGE = b"<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"
#: The page that the exchange's web server sends, instead of JSON, for a removed endpoint.
_GONE_PAGE = (
    b"<html>\r\n<head><title>410 Gone</title></head>\r\n<body>\r\n"
    b"<center><h1>410 Gone</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


class HttpRequest(NamedTuple):
    """One HTTP request, text as received; headers that were not sent are empty."""

    method: str
    path: str
    query: bytes
    body: bytes = b""
    api_key: str = ""
    time_unit: str = ""
    accept: str = ""


class HttpResponse(NamedTuple):
    """One HTTP response, without content-length, which is added on sending."""

    status: int
    headers: Headers
    body: bytes


class RestApi:
    """Answers REST requests. Nothing is awaited, so each request completes before the next one begins."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._routes = {(route.method, route.path): route for route in ROUTES}
        self._methods: dict[str, list[str]] = {}
        for route in ROUTES:
            self._methods.setdefault(route.path, []).append(route.method)
        self._uuids = Random(_UUID_SEED)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Execute a request and return its response, which may be an error."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return self._handle_unknown_path(request)
        now = self._exchange.clock()
        microseconds = False
        try:
            microseconds = wants_microseconds(request.time_unit)
            content = self._execute(route, request, now)
        except RequestRejected as error:
            return self.error_response(error, now, microseconds=microseconds)
        except Exception:
            log.exception("%s %s failed unexpectedly", request.method, request.path)
            return self.error_response(RequestRejected(-1000, _UNKNOWN_ERROR, 500), now)
        if microseconds:
            content = response_in_microseconds(orjson.loads(orjson.dumps(content)))
        return HttpResponse(200, self._headers(now, ordered=bool(route.order_count)), orjson.dumps(content))

    def _execute(self, route: Route, request: HttpRequest, now: int) -> Any:
        query, body = request.query, request.body
        limits = self._exchange.limits
        try:
            parameters = read_form(query, body)
        except RequestRejected:
            limits.count_request(1, now)
            raise
        weight = route.weight(parameters)
        limits.count_request(weight, now)
        if route.signed:
            self._authenticate(request, parameters, now)
        return dispatch(self._exchange, route, parameters, weight, now)

    def _authenticate(self, request: HttpRequest, parameters: Parameters, now: int) -> None:
        key = self._exchange.api_keys.find(request.api_key)
        parameters.text("signature")
        check_timing(parameters, now)
        check_signature(key, parameters, signed_bytes(request.query, request.body))

    def _handle_unknown_path(self, request: HttpRequest) -> HttpResponse:
        now = self._exchange.clock()
        try:
            self._exchange.limits.count_request(1, now)
        except RequestRejected as error:
            return self.error_response(error, now)
        if methods := self._methods.get(request.path):
            text = f"Method {request.method} is not supported for {request.path}; use {' or '.join(methods)}."
            answer = self.error_response(RequestRejected(-1020, text, 405), now)
            answer.headers.append((b"allow", ", ".join(methods).encode()))
            return answer
        if "text/html" in request.accept:
            return HttpResponse(404, self._headers(now, kind=_HTML), _NOT_FOUND_PAGE)
        return self.error_response(
            RequestRejected(-1020, "This operation is not supported: there is no such path.", 404), now
        )

    def error_response(self, error: RequestRejected, now: int, *, microseconds: bool = False) -> HttpResponse:
        """Return the response for an error."""
        if error.status == 410:
            return HttpResponse(410, self._headers(now, kind=_HTML), _GONE_PAGE)
        headers = self._headers(now)
        if error.retry_after is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after))
        body = error.to_json()
        return HttpResponse(
            error.status, headers, orjson.dumps(response_in_microseconds(body) if microseconds else body)
        )

    def _headers(self, now: int, *, ordered: bool = False, kind: tuple[bytes, bytes] = _JSON) -> Headers:
        limits = self._exchange.limits
        weight = b"%d" % limits.weight.count(now)
        uuid = f"{self._uuids.getrandbits(128):032x}"
        headers = [
            kind,
            (b"x-mbx-uuid", f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}".encode()),
            (b"x-mbx-used-weight", weight),
            (b"x-mbx-used-weight-1m", weight),
        ]
        if ordered:
            headers.append((b"x-mbx-order-count-10s", b"%d" % limits.orders_10s.count(now)))
            headers.append((b"x-mbx-order-count-1d", b"%d" % limits.orders_day.count(now)))
        return headers


def request_from_scope(scope: Any, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> HttpRequest:
    """Read an ASGI scope. The body of a GET and a JSON body are ignored: only forms carry parameters."""
    api_key = time_unit = accept = content_type = b""
    for name, value in headers:
        if name == b"x-mbx-apikey":
            api_key = value
        elif name == b"content-type":
            content_type = value
        elif name == b"x-mbx-time-unit":
            time_unit = value
        elif name == b"accept":
            accept = value
    method = scope["method"]
    if body and (method == "GET" or content_type.startswith(b"application/json")):
        body = b""
    return HttpRequest(
        method,
        scope["path"],
        scope["query_string"],
        body,
        api_key.decode("latin-1"),
        time_unit.decode("latin-1"),
        accept.decode("latin-1"),
    )

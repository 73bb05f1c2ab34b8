"""The ASGI application: one port for REST, market streams and the WebSocket API."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from starlette.routing import Router
from starlette.types import Receive, Send

from cq_tui.simulator.api.parameters import read_form
from cq_tui.simulator.api.rest import HttpRequest, HttpResponse, RestApi, request_from_scope
from cq_tui.simulator.api.ws_connection import WsApi
from cq_tui.simulator.api.ws_request import WsRequest
from cq_tui.simulator.connections.cross_site import check_site, is_from_browser
from cq_tui.simulator.connections.handshake import reject_handshake
from cq_tui.simulator.connections.http_connection import TRANSPORT, Headers, encode_response
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.faults.admin import Admin, AdminError
from cq_tui.simulator.faults.plan import RequestTarget
from cq_tui.simulator.faults.request_faults import responses_with_faults
from cq_tui.simulator.streams.stream_endpoint import stream_routes
from cq_tui.simulator.streams.stream_hub import StreamHub

T = TypeVar("T")

WS_API_PATH = "/ws-api/v3"
_ADMIN_PATH = "/admin/"
_JSON = (b"content-type", b"application/json")
_MAX_BODY_BYTES = 64 * 1024


class Application:
    """Routes each connection and request to the API that serves it."""

    def __init__(self, exchange: Exchange, hub: StreamHub, ws_api: WsApi, admin: Admin | None = None) -> None:
        self._exchange = exchange
        self._admin = admin
        self.rest = RestApi(exchange)
        self._ws_api = ws_api
        if admin is not None:
            ws_api.request_interceptor = self._ws_with_faults
        self._streams = Router(stream_routes(hub))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve (ASGI)."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
            return
        try:
            check_site(scope["headers"])
        except RequestRejected as error:
            await receive()
            await reject_handshake(send, error)
            return
        if scope["path"] == WS_API_PATH:
            await self._ws_api(scope, receive, send)
        else:
            await self._streams(scope, receive, send)

    def try_respond(self, scope: Any, body: bytes, headers: Headers) -> bytes | None:
        """Return the response to a whole request, or None if it must be awaited, as with injected faults."""
        if self._admin is not None or scope["method"] == "HEAD" or len(body) > _MAX_BODY_BYTES:
            return None
        try:
            check_site(scope["headers"])
        except RequestRejected:
            return None
        response = self.rest.handle(request_from_scope(scope, scope["headers"], body))
        return encode_response(response.status, headers + response.headers, response.body)

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            check_site(scope["headers"])
            body = await read_body(scope, receive)
        except RequestRejected as error:
            await send_response(send, self.rest.error_response(error, self._exchange.clock()))
            return
        request = request_from_scope(scope, scope["headers"], body)
        if self._admin is None:
            await send_response(send, self.rest.handle(request))
        elif request.path.startswith(_ADMIN_PATH):
            await send_response(send, await self._answer_admin(self._admin, scope, body))
        else:
            await self._answer_with_faults(self._admin, request, scope, receive, send)

    # Injected faults

    async def _answer_admin(self, admin: Admin, scope: Any, body: bytes) -> HttpResponse:
        """Answer a request to /admin; only programs on this machine are allowed, not pages in a browser."""
        client = scope["client"]
        if client is None or not client[0].startswith("127.") or is_from_browser(scope["headers"]):
            return HttpResponse(403, [_JSON], orjson.dumps({"error": "/admin is for programs on this machine"}))
        try:
            content = await admin.handle(scope["method"], scope["path"], body)
        except AdminError as error:
            return HttpResponse(400, [_JSON], orjson.dumps({"error": str(error)}))
        return HttpResponse(200, [_JSON], orjson.dumps(content))

    async def _answer_with_faults(
        self, admin: Admin, request: HttpRequest, scope: Any, receive: Receive, send: Send
    ) -> None:
        target = RequestTarget(request.method, request.path, "", _symbol(request))
        responses = await self._with_faults(
            admin, target, lambda: self.rest.handle(request),
            lambda error: self.rest.error_response(error, self._exchange.clock()),
        )  # fmt: skip
        transport = scope["extensions"][TRANSPORT]["transport"]
        if not responses:
            transport.abort()
            await receive()
            return
        await send_response(send, responses[0])
        for duplicate in responses[1:]:
            transport.write(encode_response(duplicate.status, duplicate.headers, duplicate.body))

    async def _ws_with_faults(
        self, request: WsRequest, handle: Callable[[], str], encode_error: Callable[[RequestRejected], str]
    ) -> list[str]:
        if self._admin is None:
            return [handle()]
        target = RequestTarget("", "", request.method, request.values.get("symbol", ""))
        return await self._with_faults(self._admin, target, handle, encode_error)

    async def _with_faults(
        self, admin: Admin, target: RequestTarget, handle: Callable[[], T], encode_error: Callable[[RequestRejected], T]
    ) -> list[T]:
        exchange = self._exchange
        return await responses_with_faults(
            admin.match_request(target), handle, encode_error, exchange.limits, exchange.clock
        )


def _symbol(request: HttpRequest) -> str:
    try:
        return read_form(request.query, request.body).raw("symbol")
    except RequestRejected:
        return ""


async def read_body(scope: Any, receive: Receive) -> bytes:
    """Return the request's body. Raises RequestRejected (413) as soon as it is too large."""
    if scope["method"] == "GET" and not any(name in _BODY_HEADERS for name, _ in scope["headers"]):
        return b""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MAX_BODY_BYTES:
            raise RequestRejected(-1101, "Too many parameters sent for this endpoint: the body is too large.", 413)
        if not message.get("more_body", False):
            return bytes(body)


_BODY_HEADERS = (b"content-length", b"transfer-encoding")


async def send_response(send: Send, response: HttpResponse) -> None:
    """Send an HTTP response."""
    headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})

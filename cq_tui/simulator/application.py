"""The ASGI application: one port for REST, market streams and the WebSocket API."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.routing import Router

from cq_tui.simulator.api.rest import Answer, RestFace, request_of
from cq_tui.simulator.api.ws_connection import WsApi
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.streams.stream_face import stream_routes
from cq_tui.simulator.streams.stream_hub import StreamHub

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

WS_API_PATH = "/ws-api/v3"
_LARGEST_BODY = 64 * 1024


class Application:
    """Hands each connection and request to its face."""

    def __init__(self, exchange: Exchange, hub: StreamHub) -> None:
        self._exchange = exchange
        self.rest = RestFace(exchange)
        self.ws_api = WsApi(exchange)
        self._streams = Router(stream_routes(hub))

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve (ASGI)."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["path"] == WS_API_PATH:
            await self.ws_api(scope, receive, send)
        else:
            await self._streams(scope, receive, send)

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive)
        except ApiError as error:
            await write(send, self.rest.refusal(error, self._exchange.clock()))
            return
        await write(send, self.rest.answer(request_of(scope, scope["headers"], body)))


async def read_body(scope: Any, receive: Receive) -> bytes:
    """Return the request's body. Raises ApiError 413 as soon as it is too large."""
    if scope["method"] == "GET" and not any(name in _BODY_HEADERS for name, _ in scope["headers"]):
        return b""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST_BODY:
            raise ApiError(-1101, "Too many parameters sent for this endpoint: the body is too large.", 413)
        if not message.get("more_body", False):
            return bytes(body)


_BODY_HEADERS = (b"content-length", b"transfer-encoding")


async def write(send: Send, answer: Answer) -> None:
    """Send an HTTP response."""
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})

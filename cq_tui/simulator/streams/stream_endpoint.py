"""The market-stream face: /ws and /stream connections, from handshake to close."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from cq_tui.simulator.api.time_unit import wants_microseconds
from cq_tui.simulator.connections.frames import text_frame
from cq_tui.simulator.connections.handshake import reject_handshake
from cq_tui.simulator.connections.websocket_connection import CONNECTION, WebSocketConnection
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.streams.control_messages import MAX_STREAMS, handle_control_message
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.simulator.streams.subscriber import Subscriber


def stream_routes(hub: StreamHub) -> list[WebSocketRoute]:
    """Return the routes of the market streams; they need ``WebSocketConnection`` below them."""
    raw, combined = StreamEndpoint(hub, combined=False), StreamEndpoint(hub, combined=True)
    return [
        WebSocketRoute("/ws", raw),
        WebSocketRoute("/ws/{names:path}", raw),
        WebSocketRoute("/stream", combined),
    ]


class StreamEndpoint:
    """Serves connections (ASGI) whose messages begin raw or combined."""

    def __init__(self, hub: StreamHub, *, combined: bool) -> None:
        self._hub = hub
        self._combined = combined

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side ends it."""
        await receive()
        # The plus of a kline's time zone stands for itself: no client writes a blank here.
        query = parse_qs(scope["query_string"].decode("latin-1").replace("+", "%2B"))
        try:
            opened = self._hub.admit()
            microseconds = wants_microseconds(query.get("timeUnit", [""])[0])
        except RequestRejected as error:
            await reject_handshake(send, error)
            return
        await send({"type": "websocket.accept"})
        connection: WebSocketConnection = scope["extensions"][CONNECTION]["connection"]
        listener = Subscriber(
            connection,
            combined=self._combined,
            scale=1_000 if microseconds else 1,
            opened=opened,
        )
        await self._serve(listener, connection, self._requested_streams(scope, query), receive)

    def _requested_streams(self, scope: Scope, query: dict[str, list[str]]) -> list[str]:
        if self._combined:
            return [name for value in query.get("streams", []) for name in value.split("/") if name]
        path: str = scope.get("path_params", {}).get("names", "")
        return [name for name in path.split("/") if name]

    async def _serve(
        self, listener: Subscriber, connection: WebSocketConnection, names: list[str], receive: Receive
    ) -> None:
        loop = asyncio.get_running_loop()
        connection.on_frame = lambda: listener.count_frame(loop.time())
        connection.on_writable = listener.flush
        self._hub.add_subscriber(listener)
        for name in names[:MAX_STREAMS]:
            self._hub.subscribe(listener, name)
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                listener.enqueue(text_frame(handle_control_message(self._hub, listener, _content(message))), None)
                listener.flush()
        finally:
            connection.on_frame = connection.on_writable = None
            self._hub.remove_subscriber(listener)


def _content(message: Any) -> str | bytes:
    text: str | None = message.get("text")
    return text if text is not None else message.get("bytes") or b""

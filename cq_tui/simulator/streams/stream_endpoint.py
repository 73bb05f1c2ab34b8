"""Market stream connections on /ws and /stream, from handshake to close."""

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
    """Return the market stream routes; the server must run ``WebSocketConnection``."""
    raw, combined = StreamEndpoint(hub, combined=False), StreamEndpoint(hub, combined=True)
    return [
        WebSocketRoute("/ws", raw),
        WebSocketRoute("/ws/{names:path}", raw),
        WebSocketRoute("/stream", combined),
    ]


class StreamEndpoint:
    """Serves connections (ASGI) whose payloads are initially raw or combined."""

    def __init__(self, hub: StreamHub, *, combined: bool) -> None:
        self._hub = hub
        self._combined = combined

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side closes it."""
        await receive()
        # The plus sign of a kline's time zone is literal, not an encoded space.
        query = parse_qs(scope["query_string"].decode("latin-1").replace("+", "%2B"))
        try:
            opened = self._hub.admit()
            microseconds = wants_microseconds(query.get("timeUnit", [""])[0])
        except RequestRejected as error:
            await reject_handshake(send, error)
            return
        await send({"type": "websocket.accept"})
        connection: WebSocketConnection = scope["extensions"][CONNECTION]["connection"]
        subscriber = Subscriber(
            connection,
            combined=self._combined,
            scale=1_000 if microseconds else 1,
            opened=opened,
        )
        await self._serve(subscriber, connection, self._requested_streams(scope, query), receive)

    def _requested_streams(self, scope: Scope, query: dict[str, list[str]]) -> list[str]:
        if self._combined:
            return [name for value in query.get("streams", []) for name in value.split("/") if name]
        path: str = scope.get("path_params", {}).get("names", "")
        return [name for name in path.split("/") if name]

    async def _serve(
        self, subscriber: Subscriber, connection: WebSocketConnection, names: list[str], receive: Receive
    ) -> None:
        loop = asyncio.get_running_loop()
        connection.on_frame = lambda: subscriber.count_frame(loop.time())
        connection.on_writable = subscriber.flush
        self._hub.add_subscriber(subscriber)
        for name in names[:MAX_STREAMS]:
            self._hub.subscribe(subscriber, name)
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                subscriber.enqueue(text_frame(handle_control_message(self._hub, subscriber, _content(message))), None)
                subscriber.flush()
        finally:
            connection.on_frame = connection.on_writable = None
            self._hub.remove_subscriber(subscriber)


def _content(message: Any) -> str | bytes:
    text: str | None = message.get("text")
    return text if text is not None else message.get("bytes") or b""

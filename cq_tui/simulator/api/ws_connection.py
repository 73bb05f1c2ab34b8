"""WebSocket API connections from handshake to close: responses in request order, events in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Send

from cq_tui.simulator.api.time_unit import wants_microseconds
from cq_tui.simulator.api.user_data_publisher import UserDataPublisher
from cq_tui.simulator.api.ws_api import CONNECT_WEIGHT, WsApiSession
from cq_tui.simulator.api.ws_request import MalformedRequest, WsRequest, read_request
from cq_tui.simulator.connections.frames import FrameSocket, text_frame
from cq_tui.simulator.connections.handshake import reject_handshake
from cq_tui.simulator.connections.open_connections import POLICY_VIOLATION, Connections
from cq_tui.simulator.connections.websocket_connection import CONNECTION
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

#: Applies faults to a request; called with it, its normal handler and its error response. Returns what to send.
RequestInterceptor = Callable[[WsRequest, Callable[[], str], Callable[[RequestRejected], str]], Awaitable[list[str]]]
#: Receives a frame instead of the client, with the request that it answers (None for an event).
FrameInterceptor = Callable[["WsApiConnection", WsRequest | None, str], None]


class WsApiConnection:
    """One connection, ``opened`` at that market time (Unix ms)."""

    def __init__(self, api: "WsApi", session: WsApiSession, socket: FrameSocket, send: Send, opened: int) -> None:
        self.session = session
        self.opened = opened
        self._api = api
        self._socket = socket
        self._send = send
        self._has_ended = False

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client; unsent frames are lost."""
        self._has_ended = True
        self._socket.close_with_reason(code, reason)

    def announce_shutdown(self, now: int) -> None:
        """Send serverShutdown at ``now`` (Unix ms)."""
        self.write_frame(self.session.shutdown_notice(now))

    def write_frame(self, text: str) -> None:
        """Write one frame to the socket immediately."""
        self._socket.write_frames(text_frame(text.encode()))

    async def serve(self, receive: Receive) -> None:
        """Serve until either side closes the connection."""
        tasks = [asyncio.create_task(work) for work in (self._receive(receive), self._send_events())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):  # the client has gone
            for task in done:
                task.result()

    async def _receive(self, receive: Receive) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            content = message.get("text")
            await self.handle_frame(content if content is not None else message.get("bytes") or b"")

    async def handle_frame(self, content: str | bytes) -> None:
        """Execute the request in one frame and send the response."""
        try:
            request = read_request(content)
        except MalformedRequest as error:
            await self.send_frame(self.session.malformed_response(error))
            return
        intercept = self._api.request_interceptor
        if intercept is None:
            await self.send_frame(self.session.handle(request), request)
            return
        answers = await intercept(
            request, partial(self.session.handle, request), partial(self.session.error_response, request)
        )
        for answer in answers:
            await self.send_frame(answer, request)

    async def send_frame(self, text: str, request: WsRequest | None = None) -> None:
        """Send one frame unless disconnected; ``request`` is the request that it answers."""
        if self._has_ended:
            return
        if self._api.frame_interceptor is None:
            await self._send({"type": "websocket.send", "text": text})
        else:
            self._api.frame_interceptor(self, request, text)

    async def _send_events(self) -> None:
        outbox = self.session.outbox
        while not outbox.dropped:
            for message in await outbox.drain():
                await self.send_frame(message)
        self.disconnect("Too slow to read user data events")


class WsApi:
    """All WebSocket API connections (ASGI); the two interceptors inject faults."""

    def __init__(self, exchange: Exchange, connections: Connections) -> None:
        self.user_data = UserDataPublisher(exchange)
        self.request_interceptor: RequestInterceptor | None = None
        self.frame_interceptor: FrameInterceptor | None = None
        self._exchange = exchange
        self._connections = connections
        self._open: dict[WsApiConnection, None] = {}
        exchange.limits.on_ban.append(self.disconnect_all)

    def disconnect_all(self) -> None:
        """Disconnect every client after an IP ban."""
        for connection in list(self._open):
            connection.disconnect("IP banned")

    def disconnect_subscribed(self) -> None:
        """Disconnect the clients that are subscribed to user data."""
        for connection in list(self._open):
            if connection.session.is_subscribed:
                connection.disconnect("Disconnected")

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        await receive()
        try:
            session = self._open_session(scope["query_string"])
        except RequestRejected as error:
            await reject_handshake(send, error)
            return
        await send({"type": "websocket.accept"})
        socket: FrameSocket = scope["extensions"][CONNECTION]["connection"]
        connection = WsApiConnection(self, session, socket, send, self._exchange.market.time)
        self._open[connection] = None
        self._connections.add(connection)
        try:
            await connection.serve(receive)
        finally:
            del self._open[connection]
            self._connections.remove(connection)
            session.close()

    def _open_session(self, query_string: bytes) -> WsApiSession:
        query = parse_qs(query_string.decode("latin-1"))
        microseconds = wants_microseconds(query.get("timeUnit", [""])[0])
        self._exchange.limits.count_ws_api_connection(CONNECT_WEIGHT, self._exchange.clock())
        show = query.get("returnRateLimits", ["true"])[0] != "false"
        return WsApiSession(self._exchange, self.user_data, show_limits=show, microseconds=microseconds)

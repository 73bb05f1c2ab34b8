"""Connections to the WebSocket API: from handshake to close, answers in turn and events in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs

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

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: Answers a request as faults on demand have it, by way of the usual answer and refusal.
RequestInterceptor = Callable[[WsRequest, Callable[[], str], Callable[[RequestRejected], str]], Awaitable[list[str]]]
#: Takes a frame in place of the client; with the request that it answers, None for an event.
FrameInterceptor = Callable[["WsApiConnection", WsRequest | None, str], None]


class WsApiConnection:
    """One connection; ``opened`` is the market's time then (Unix ms)."""

    def __init__(self, face: "WsApi", session: WsApiSession, socket: FrameSocket, send: Send, opened: int) -> None:
        self.session = session
        self.opened = opened
        self._api = face
        self._socket = socket
        self._send = send
        self._has_ended = False

    def disconnect(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client; what was not sent yet is lost."""
        self._has_ended = True
        self._socket.close_with_reason(code, reason)

    def announce_shutdown(self, now: int) -> None:
        """Tell the client that the exchange is about to end the connection, at ``now`` (Unix ms)."""
        self.write_frame(self.session.shutdown_notice(now))

    def write_frame(self, text: str) -> None:
        """Send one frame at once."""
        self._socket.write_frames(text_frame(text.encode()))

    async def serve(self, receive: Receive) -> None:
        """Answer until either side ends the connection."""
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
        """Answer one frame."""
        try:
            request = read_request(content)
        except MalformedRequest as error:
            await self.send_frame(self.session.malformed_response(error))
            return
        with_faults = self._api.request_interceptor
        if with_faults is None:
            await self.send_frame(self.session.handle(request), request)
            return
        answers = await with_faults(
            request, partial(self.session.handle, request), partial(self.session.error_response, request)
        )
        for answer in answers:
            await self.send_frame(answer, request)

    async def send_frame(self, text: str, request: WsRequest | None = None) -> None:
        """Send one frame, unless the connection has ended; ``request`` is what it answers."""
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
        self.disconnect("Too slow to read the account's events")


class WsApi:
    """All connections to the WebSocket API; ``with_faults`` and ``tamper`` are for faults on demand."""

    def __init__(self, exchange: Exchange, connections: Connections) -> None:
        self.user_data = UserDataPublisher(exchange)
        self.request_interceptor: RequestInterceptor | None = None
        self.frame_interceptor: FrameInterceptor | None = None
        self._exchange = exchange
        self._connections = connections
        self._open: dict[WsApiConnection, None] = {}
        exchange.limits.on_ban.append(self.disconnect_all)

    def disconnect_all(self) -> None:
        """End all connections, of an address that is banned."""
        for connection in list(self._open):
            connection.disconnect("IP banned")

    def disconnect_subscribed(self) -> None:
        """End the connections to which the account's events go."""
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

"""Connections to the WebSocket API: from handshake to close, answers in turn and events in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from cq_tui.simulator.api.account_feed import AccountFeed
from cq_tui.simulator.api.time_unit import wants_microseconds
from cq_tui.simulator.api.ws_api import CONNECT_WEIGHT, Session
from cq_tui.simulator.api.ws_request import NoRequest, WsRequest, read_request
from cq_tui.simulator.connections.frames import FrameSocket, text_frame
from cq_tui.simulator.connections.handshake import refuse
from cq_tui.simulator.connections.open_connections import POLICY_VIOLATION, Connections
from cq_tui.simulator.connections.websocket_connection import CONNECTION
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: Answers a request as faults on demand have it, by way of the usual answer and refusal.
WithFaults = Callable[[WsRequest, Callable[[], str], Callable[[ApiError], str]], Awaitable[list[str]]]
#: Takes a frame in place of the client; with the request that it answers, None for an event.
Tamper = Callable[["Connection", WsRequest | None, str], None]


class Connection:
    """One connection; ``opened`` is the market's time then (Unix ms)."""

    def __init__(self, face: "WsApi", session: Session, socket: FrameSocket, send: Send, opened: int) -> None:
        self.session = session
        self.opened = opened
        self._face = face
        self._socket = socket
        self._send = send
        self._has_ended = False

    def end(self, reason: str, code: int = POLICY_VIOLATION) -> None:
        """Disconnect the client; what was not sent yet is lost."""
        self._has_ended = True
        self._socket.break_off(code, reason)

    def announce_shutdown(self, now: int) -> None:
        """Tell the client that the exchange is about to end the connection, at ``now`` (Unix ms)."""
        self.deliver(self.session.shutdown_notice(now))

    def deliver(self, text: str) -> None:
        """Send one frame at once."""
        self._socket.write_frames(text_frame(text.encode()))

    async def serve(self, receive: Receive) -> None:
        """Answer until either side ends the connection."""
        tasks = [asyncio.create_task(work) for work in (self._receive(receive), self._tell_events())]
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
            await self.take(content if content is not None else message.get("bytes") or b"")

    async def take(self, content: str | bytes) -> None:
        """Answer one frame."""
        try:
            request = read_request(content)
        except NoRequest as error:
            await self.say(self.session.refusal_of_frame(error))
            return
        with_faults = self._face.with_faults
        if with_faults is None:
            await self.say(self.session.answer(request), request)
            return
        answers = await with_faults(
            request, partial(self.session.answer, request), partial(self.session.refusal, request)
        )
        for answer in answers:
            await self.say(answer, request)

    async def say(self, text: str, request: WsRequest | None = None) -> None:
        """Send one frame, unless the connection has ended; ``request`` is what it answers."""
        if self._has_ended:
            return
        if self._face.tamper is None:
            await self._send({"type": "websocket.send", "text": text})
        else:
            self._face.tamper(self, request, text)

    async def _tell_events(self) -> None:
        outbox = self.session.outbox
        while not outbox.dropped:
            for message in await outbox.take():
                await self.say(message)
        self.end("Too slow to read the account's events")


class WsApi:
    """All connections to the WebSocket API; ``with_faults`` and ``tamper`` are for faults on demand."""

    def __init__(self, exchange: Exchange, connections: Connections) -> None:
        self.feed = AccountFeed(exchange)
        self.with_faults: WithFaults | None = None
        self.tamper: Tamper | None = None
        self._exchange = exchange
        self._all = connections
        self._open: dict[Connection, None] = {}
        exchange.limits.on_ban.append(self.cut)

    def cut(self) -> None:
        """End all connections, of an address that is banned."""
        for connection in list(self._open):
            connection.end("IP banned")

    def disconnect_subscribed(self) -> None:
        """End the connections to which the account's events go."""
        for connection in list(self._open):
            if connection.session.is_subscribed:
                connection.end("Disconnected")

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        await receive()
        try:
            session = self._begin(scope["query_string"])
        except ApiError as error:
            await refuse(send, error)
            return
        await send({"type": "websocket.accept"})
        socket: FrameSocket = scope["extensions"][CONNECTION]["connection"]
        connection = Connection(self, session, socket, send, self._exchange.market.time)
        self._open[connection] = None
        self._all.join(connection)
        try:
            await connection.serve(receive)
        finally:
            del self._open[connection]
            self._all.forget(connection)
            session.close()

    def _begin(self, query_string: bytes) -> Session:
        query = parse_qs(query_string.decode("latin-1"))
        microseconds = wants_microseconds(query.get("timeUnit", [""])[0])
        self._exchange.limits.connect(CONNECT_WEIGHT, self._exchange.clock())
        show = query.get("returnRateLimits", ["true"])[0] != "false"
        return Session(self._exchange, self.feed, show_limits=show, microseconds=microseconds)

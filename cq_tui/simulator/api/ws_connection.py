"""Connections to the WebSocket API: from handshake to close, answers in turn and events in between."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson

from cq_tui.simulator.api.time_unit import wants_microseconds
from cq_tui.simulator.api.ws_api import CONNECT_WEIGHT, Session
from cq_tui.simulator.api.ws_request import NoRequest, WsRequest, read_request
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: Answers a request as faults on demand have it, by way of the usual answer and refusal.
WithFaults = Callable[[WsRequest, Callable[[], str], Callable[[ApiError], str]], Awaitable[list[str]]]

#: A connection's life (seconds).
_LIFE = 86_400.0
_GOING_AWAY = 1001
_POLICY_VIOLATION = 1008


class Connection:
    """One connection and the way to end it from this side."""

    def __init__(self, session: Session, send: Send, with_faults: WithFaults | None = None) -> None:
        self.session = session
        self._send = send
        self._with_faults = with_faults
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Have the connection closed."""
        self._ended.set()

    async def serve(self, receive: Receive) -> None:
        """Answer until either side ends the connection."""
        tasks = [
            asyncio.create_task(work)
            for work in (self._receive(receive), self._tell_events(), self._ended.wait())
        ]  # fmt: skip
        try:
            done, _ = await asyncio.wait(tasks, timeout=_LIFE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(OSError):  # the client has gone
            for task in done:
                task.result()
            if tasks[0] not in done:
                code = _POLICY_VIOLATION if tasks[2] in done else _GOING_AWAY
                await self._send({"type": "websocket.close", "code": code})

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
        if self._with_faults is None:
            await self.say(self.session.answer(request))
            return
        answers = await self._with_faults(
            request, partial(self.session.answer, request), partial(self.session.refusal, request)
        )
        for answer in answers:
            await self.say(answer)

    async def say(self, text: str) -> None:
        """Send one frame."""
        await self._send({"type": "websocket.send", "text": text})

    async def _tell_events(self) -> None:
        outbox = self.session.outbox
        while not outbox.dropped:
            for message in await outbox.take():
                await self.say(message)
        self.end()  # so slow that events were lost: the client has to begin anew


class WsApi:
    """All connections to the WebSocket API."""

    def __init__(self, exchange: Exchange, with_faults: WithFaults | None = None) -> None:
        self._exchange = exchange
        self._with_faults = with_faults
        self.connections: set[Connection] = set()
        exchange.limits.on_ban.append(self.cut)

    def cut(self) -> None:
        """End all connections."""
        for connection in self.connections:
            connection.end()

    def announce_shutdown(self) -> None:
        """Tell all clients that the exchange is about to go."""
        for connection in self.connections:
            connection.session.announce_shutdown()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        await receive()
        try:
            session = self._open(scope["query_string"])
        except ApiError as error:
            await _refuse(send, error)
            return
        await send({"type": "websocket.accept"})
        connection = Connection(session, send, self._with_faults)
        self.connections.add(connection)
        try:
            await connection.serve(receive)
        finally:
            self.connections.discard(connection)
            session.close()

    def _open(self, query_string: bytes) -> Session:
        query = parse_qs(query_string.decode("latin-1"))
        microseconds = wants_microseconds(query.get("timeUnit", [""])[0])
        self._exchange.limits.connect(CONNECT_WEIGHT, self._exchange.clock())
        show = query.get("returnRateLimits", ["true"])[0] != "false"
        return Session(self._exchange, show_limits=show, microseconds=microseconds)


async def _refuse(send: Send, error: ApiError) -> None:
    """Answer a handshake with an HTTP response."""
    headers = [(b"content-type", b"application/json;charset=UTF-8")]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(error.to_json())})

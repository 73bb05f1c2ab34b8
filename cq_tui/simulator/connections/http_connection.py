"""uvicorn's HTTP connection with limits on client input and direct responses."""

import asyncio
import re
import resource
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: Request line and headers together (bytes).
MAX_HEAD_BYTES = 64 * 1024
_MAX_UNFINISHED_HEAD_BYTES = 512 * 1024
_MAX_HEADERS = 100
#: Pipelined requests that may wait for earlier responses on a connection.
_MAX_PIPELINED = 64
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
#: Longest header line that the WebSocket handshake accepts.
_MAX_HANDSHAKE_LINE = 8_000
_INTERIM = b"HTTP/1.1 100"
#: Seconds between idle checks: a connection with the same incomplete request at two checks is closed.
_IDLE_CHECK_SECONDS = 30.0
#: File descriptors reserved for other files and for connections just accepted.
_RESERVED_FILES = 150
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
#: Removes an HTTP/2 offer (RFC 7540, section 3.2): the parser would read what follows as HTTP/2.
_strip_h2c_offer = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE).sub
#: Key of the connection's transport in the ASGI scope's extensions.
TRANSPORT = "cq_tui.transport"

Headers = list[tuple[bytes, bytes]]


@cache
def max_connections() -> int:
    """Return the connection limit; with more, the process would run out of file descriptors."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED_FILES, 10)


class SyncResponder(Protocol):
    """An application that answers most requests synchronously."""

    def try_respond(self, scope: Any, body: bytes, headers: Headers) -> bytes | None:
        """Return the encoded response to a complete request, ``headers`` first; None if it must be awaited."""


class _HeadTooLarge(ValueError):
    """Raised inside the parser, which then stops."""


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Encode a response, with its content-length."""
    lines = b"".join([b"%s: %s\r\n" % header for header in headers])
    return b"HTTP/1.1 %d %s\r\n%scontent-length: %d\r\n\r\n%s" % (status, _PHRASES[status], lines, len(body), body)


class _HandshakeWithBody(ValueError):
    """Raised inside the parser for a WebSocket handshake with a body."""


class _TooManyPipelined(ValueError):
    """Raised inside the parser when too many requests are pipelined."""


class SingleWriteTransport:
    """Writes a response's head and body in one write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Hold the head until the body; an interim response (100 Continue) is written immediately."""
        if self._head or data.startswith(_INTERIM):
            self._transport.write(self._head + data)
            self._head = b""
        else:
            self._head = data

    def is_closing(self) -> bool:
        """Whether the connection is closing or closed."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write a held head, then close."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()


class HttpConnection(HttpToolsProtocol):
    """One connection; the ASGI scope's extensions hold its transport for fault injection."""

    _head_bytes = 0
    _unfinished_bytes = 0
    _in_head = True
    _is_parsing = False
    #: A request whose head has arrived, until it is known whether its body arrived with it.
    _pending_request: tuple[RequestResponseCycle, Any] | None = None
    _idle_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection unless there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > max_connections():
            self.transport.abort()
        else:
            self._idle_check = self.loop.call_later(_IDLE_CHECK_SECONDS, self._check_idle, self.headers)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the idle check."""
        self._cancel_idle_check()
        super().connection_lost(exc)

    def _check_idle(self, seen: list[tuple[bytes, bytes]] | None) -> None:
        """Close the connection if its incomplete request is the one ``seen`` at the previous check."""
        cycle: RequestResponseCycle | None = self.cycle
        waits = self._in_head or cycle is None or (cycle.more_body and not cycle.response_complete)
        if waits and self.headers is seen:
            self.transport.close()
        else:
            self._idle_check = self.loop.call_later(_IDLE_CHECK_SECONDS, self._check_idle, self.headers)

    def _cancel_idle_check(self) -> None:
        if self._idle_check is not None:
            self._idle_check.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; reject a head that does not end."""
        self._is_parsing = True
        super().data_received(_strip_h2c_offer(b"", data) if b"h2c" in data else data)
        self._is_parsing = False
        if self._pending_request is not None:
            (cycle, app), self._pending_request = self._pending_request, None
            if not self._try_respond(cycle):
                super()._start_asgi_task(cycle, app)
        if self._in_head and not self.transport.is_closing():
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > _MAX_UNFINISHED_HEAD_BYTES:
                self._head_bytes = self._unfinished_bytes
                self.send_400_response("The request's headers are too large.")

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._head_bytes = self._unfinished_bytes = 0
        self._in_head = True
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}

    def on_url(self, url: bytes) -> None:
        """Receive part of the request target."""
        self._count_head_bytes(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Receive a header."""
        self._count_head_bytes(len(name) + len(value))
        super().on_header(name, value)

    def _count_head_bytes(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) > _MAX_HEADERS:
            self._head_bytes = MAX_HEAD_BYTES + 1
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        """Start handling the request."""
        self._in_head = False
        self._unfinished_bytes = 0
        if len(self.pipeline) >= _MAX_PIPELINED:
            self.transport.abort()  # an error would be read as the response to an earlier request
            raise _TooManyPipelined
        super().on_headers_complete()
        # A WebSocket handshake has no cycle, and no path in its scope yet. HEAD gets no body.
        scope = cast("dict[str, object]", self.scope)
        if "path" not in scope and any(name in _BODY_HEADERS for name, _ in self.headers):
            raise _HandshakeWithBody
        if "path" in scope and scope["method"] != "HEAD":
            # One write for head and body: half the system calls, and one packet.
            self.cycle.transport = cast("asyncio.Transport", SingleWriteTransport(self.transport))

    def handle_websocket_upgrade(self) -> None:
        """Hand a handshake over to the WebSocket protocol if that can read it."""
        lines = (self.url, *(value for _, value in self.scope["headers"]))
        if all(len(line) <= _MAX_HANDSHAKE_LINE for line in lines) and self.url.isascii():
            self._cancel_idle_check()
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("The WebSocket handshake cannot be read.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start handling a request once the received data is parsed."""
        if self._is_parsing:
            self._pending_request = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _try_respond(self, cycle: RequestResponseCycle) -> bool:
        """Answer a complete request without a task, if possible: a task would cost more than the rest."""
        if cycle.more_body or self.flow.write_paused or self.transport.is_closing() or not cycle.keep_alive:
            return False
        content = cast("SyncResponder", self.app).try_respond(cycle.scope, bytes(cycle.body), cycle.default_headers)
        if content is None:
            return False
        self.transport.write(content)
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()
        return True

    def send_400_response(self, msg: str) -> None:
        """Reject a malformed or too large request and close the connection."""
        status = HTTPStatus.BAD_REQUEST
        if self._head_bytes > MAX_HEAD_BYTES:
            status, msg = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large."
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(msg)}\r\n\r\n{msg}".encode())
        self.transport.close()

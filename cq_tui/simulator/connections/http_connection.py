"""uvicorn's HTTP connection with bounds on what a client can send, and a way to break it off."""

import asyncio
import re
import resource
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: Request line and headers together (bytes); also what may wait of them while they are not complete.
MAX_HEAD_BYTES = 64 * 1024
_MAX_UNFINISHED_HEAD_BYTES = 512 * 1024
_MAX_HEADERS = 100
#: Requests that may wait on a connection for the answers to those before them.
_MAX_PIPELINED = 64
_BODY_HEADERS = (b"content-length", b"transfer-encoding")
#: The longest header line that the WebSocket handshake reads.
_MAX_HANDSHAKE_LINE = 8_000
_INTERIM = b"HTTP/1.1 100"
#: Seconds between two looks at a connection: one whose request is the same unfinished one both times is closed.
_IDLE_CHECK_SECONDS = 30.0
#: File descriptors for what is no connection, or one that has only just come.
_RESERVED_FILES = 150
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
#: An offer of HTTP/2 (RFC 7540, section 3.2), as some clients make it; the parser would take what follows for HTTP/2.
_strip_h2c_offer = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE).sub
#: Where the ASGI scope holds the connection's transport.
TRANSPORT = "cq_tui.transport"

Headers = list[tuple[bytes, bytes]]


@cache
def max_connections() -> int:
    """Return how many connections there may be; with more of them the process could open no file any more."""
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED_FILES, 10)


class SyncResponder(Protocol):
    """An application that need not wait to answer most requests."""

    def try_respond(self, scope: Any, body: bytes, headers: Headers) -> bytes | None:
        """Return the response to a whole request, with ``headers`` first; None when it has to be awaited."""


class _HeadTooLarge(ValueError):
    """Raised inside the parser, which then gives up."""


def encode_response(status: int, headers: Headers, body: bytes) -> bytes:
    """Return a response as it goes over the wire; its length is added."""
    lines = b"".join([b"%s: %s\r\n" % header for header in headers])
    return b"HTTP/1.1 %d %s\r\n%scontent-length: %d\r\n\r\n%s" % (status, _PHRASES[status], lines, len(body), body)


class _HandshakeWithBody(ValueError):
    """Raised inside the parser by a request that becomes a WebSocket, and yet has a body."""


class _TooManyPipelined(ValueError):
    """Raised inside the parser by a client that sends requests without waiting for answers."""


class SingleWriteTransport:
    """A response's way to the transport: its head waits for its body."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Take head or body; an interim response (100 Continue) is sent at once."""
        if self._head or data.startswith(_INTERIM):
            self._transport.write(self._head + data)
            self._head = b""
        else:
            self._head = data

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what waits, then close."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()


class HttpConnection(HttpToolsProtocol):
    """One connection. The ASGI scope's extensions hold its transport, for faults on demand."""

    _head_bytes = 0
    _unfinished_bytes = 0
    _in_head = True
    _is_parsing = False
    #: A request whose head has come, until it is known whether its body came along.
    _pending_request: tuple[RequestResponseCycle, Any] | None = None
    _idle_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many connections."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > max_connections():
            self.transport.abort()
        else:
            self._idle_check = self.loop.call_later(_IDLE_CHECK_SECONDS, self._check_idle, self.headers)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._cancel_idle_check()
        super().connection_lost(exc)

    def _check_idle(self, seen: list[tuple[bytes, bytes]] | None) -> None:
        """Close the connection if it still waits for the rest of the request whose headers were ``seen`` before."""
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
        """Feed the parser, and refuse a head that does not end."""
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
        """Begin a request."""
        super().on_message_begin()
        self._head_bytes = self._unfinished_bytes = 0
        self._in_head = True
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        self._count_head_bytes(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count_head_bytes(len(name) + len(value))
        super().on_header(name, value)

    def _count_head_bytes(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) > _MAX_HEADERS:
            self._head_bytes = MAX_HEAD_BYTES + 1
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        """Start to answer."""
        self._in_head = False
        self._unfinished_bytes = 0
        if len(self.pipeline) >= _MAX_PIPELINED:
            self.transport.abort()  # a refusal would be taken for the answer to an earlier request
            raise _TooManyPipelined
        super().on_headers_complete()
        # A request to become a WebSocket has no cycle, and its scope no path yet; HEAD is answered without a body.
        scope = cast("dict[str, object]", self.scope)
        if "path" not in scope and any(name in _BODY_HEADERS for name, _ in self.headers):
            raise _HandshakeWithBody
        if "path" in scope and scope["method"] != "HEAD":
            # Head and body in one write: half the system calls, and one packet for the client.
            self.cycle.transport = cast("asyncio.Transport", SingleWriteTransport(self.transport))

    def handle_websocket_upgrade(self) -> None:
        """Hand over to the WebSocket protocol what that can read."""
        lines = (self.url, *(value for _, value in self.scope["headers"]))
        if all(len(line) <= _MAX_HANDSHAKE_LINE for line in lines) and self.url.isascii():
            self._cancel_idle_check()
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("The WebSocket handshake cannot be read.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Start to answer a request, at the end of what has come."""
        if self._is_parsing:
            self._pending_request = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _try_respond(self, cycle: RequestResponseCycle) -> bool:
        """Answer a request that came whole, if that needs no waiting: a task for it would cost more than the rest."""
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
        """Refuse what is no request, or too large a one, and end the connection."""
        status = HTTPStatus.BAD_REQUEST
        if self._head_bytes > MAX_HEAD_BYTES:
            status, msg = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's headers are too large."
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(msg)}\r\n\r\n{msg}".encode())
        self.transport.close()

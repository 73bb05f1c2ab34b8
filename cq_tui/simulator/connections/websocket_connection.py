"""uvicorn's WebSocket connection, plus writing encoded frames and a callback for each received frame.

permessage-deflate is negotiated but not used for sending, as RFC 7692 (section 6) allows: on loopback, compression
only costs time.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.extensions.base import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

#: Key of the connection in the ASGI scope's extensions.
CONNECTION = "cq_tui.websocket"
_MAX_MESSAGE_BYTES = 1 << 20
#: Fragments that one message may have.
_MAX_FRAGMENTS = 4_096
_INVALID_UTF_8, _TOO_LARGE = 1007, 1009


class _PlainOut(PerMessageDeflate):
    """permessage-deflate that reads compressed messages and sends uncompressed ones."""

    def encode(self, frame: Frame) -> Frame:
        """Leave an outgoing frame uncompressed."""
        return frame


class _PlainOutFactory(ServerPerMessageDeflateFactory):
    """Negotiates permessage-deflate in its cheapest form."""

    def process_request_params(
        self, params: Sequence[tuple[str, str | None]], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[tuple[str, str | None]], PerMessageDeflate]:
        """Accept an offer."""
        answer, agreed = super().process_request_params(params, accepted_extensions)
        plain = _PlainOut(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            agreed.compress_settings,
        )
        return answer, plain


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One connection. ``on_frame`` is called for each received frame, ``on_writable`` when a slow client caught up."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        deflate = _PlainOutFactory(server_no_context_takeover=True, compress_settings={"memLevel": 1})
        self.conn = ServerProtocol(
            extensions=[deflate],
            max_size=min(config.ws_max_size, _MAX_MESSAGE_BYTES),
            logger=logging.getLogger("uvicorn.error"),
        )
        self.on_frame: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None

    @property
    def is_writable(self) -> bool:
        """Whether the client reads as fast as the exchange writes; True once it is gone."""
        return self.writable.is_set()

    def write_frames(self, frames: bytes) -> None:
        """Write complete frames; ignored if the connection is closed."""
        if not self.disconnected and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    def close_with_reason(self, code: int, reason: str) -> None:
        """Close with a code and reason; abort if the client does not reply in time."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Resume after a slow client caught up."""
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def handle_connect(self, event: Request) -> None:
        """Put this connection into the ASGI scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][CONNECTION] = {"connection": self}

    def handle_text(self, event: Frame) -> None:
        """Receive a text message."""
        self._report_frame()
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Receive a binary message."""
        self._report_frame()
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Receive a continuation frame; limited, because empty fragments could go on forever."""
        if len(self.frames) >= _MAX_FRAGMENTS:
            self.frames = []
            self.close_with_reason(_TOO_LARGE, "Too many fragments")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Deliver a message; text that is not UTF-8 closes the connection (RFC 6455, section 8.1)."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.close_with_reason(_INVALID_UTF_8, "Text is not UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer a ping."""
        self._report_frame()
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Receive a pong."""
        self._report_frame()
        super().handle_pong(event)

    def _report_frame(self) -> None:
        if self.on_frame is not None:
            self.on_frame()

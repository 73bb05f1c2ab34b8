"""uvicorn's WebSocket connection, with ready-made frames in one write and a word about every frame that comes.

permessage-deflate is accepted and then not used for what is sent, as its RFC 7692 (section 6) allows: on loopback
compression only costs time.
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

#: Where the ASGI scope's extensions hold the connection.
CONNECTION = "cq_tui.websocket"
_LARGEST_MESSAGE = 1 << 20
#: Parts in which one message may come.
_MAX_FRAGMENTS = 4_096
_NO_UTF_8, _TOO_LARGE = 1007, 1009


class _PlainOut(PerMessageDeflate):
    """permessage-deflate that reads compressed messages and sends plain ones."""

    def encode(self, frame: Frame) -> Frame:
        """Leave an outgoing frame as it is."""
        return frame


class _PlainOutFactory(ServerPerMessageDeflateFactory):
    """Agrees on permessage-deflate in its cheapest form."""

    def process_request_params(
        self, params: Sequence[tuple[str, str | None]], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[tuple[str, str | None]], PerMessageDeflate]:
        """Answer an offer."""
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
    """One connection. ``on_frame`` is called for each frame that comes, ``on_writable`` when the client caught up."""

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
            max_size=min(config.ws_max_size, _LARGEST_MESSAGE),
            logger=logging.getLogger("uvicorn.error"),
        )
        self.on_frame: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None

    @property
    def is_writable(self) -> bool:
        """Whether the client reads as quickly as we write; also when it is gone."""
        return self.writable.is_set()

    def write_frames(self, frames: bytes) -> None:
        """Send whole frames, without a word to a connection that is closed."""
        if not self.disconnected and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    def close_with_reason(self, code: int, reason: str) -> None:
        """Close with a reason; a client that does not take the goodbye is dropped."""
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
        """Go on after the client caught up."""
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def handle_connect(self, event: Request) -> None:
        """Begin, with this connection in the ASGI scope."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][CONNECTION] = {"connection": self}

    def handle_text(self, event: Frame) -> None:
        """Take a text message."""
        self._report_frame()
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a binary message."""
        self._report_frame()
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a further part of a message; parts without content would go on for ever."""
        if len(self.frames) >= _MAX_FRAGMENTS:
            self.frames = []
            self.close_with_reason(_TOO_LARGE, "Too many parts")
            return
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message over; text that is no UTF-8 ends the connection (RFC 6455, section 8.1)."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.close_with_reason(_NO_UTF_8, "Text is not UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer a ping."""
        self._report_frame()
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        self._report_frame()
        super().handle_pong(event)

    def _report_frame(self) -> None:
        if self.on_frame is not None:
            self.on_frame()

"""A WebSocket connection that delivers each message as soon as it is read, without a task in between.

The library runs the protocol: handshake, pings and pongs, closing, limits. Only whole unmasked text frames, which
are all that a market stream sends, are split here; every other frame goes to the library untouched. Read by the
library, through ``recv`` or its parser's events, a message costs the client about twice the processor time.
"""

import asyncio
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import CONNECTING, OPEN, Event

MessageHandler = Callable[[bytes], None]

_HEADER_END = b"\r\n\r\n"
#: FIN and the text opcode, no reserved bit.
_FIN_TEXT = 0x81
#: The library's limit: a longer message ends the connection.
_MAX_SIZE = 2**20


def _no_handler(message: bytes) -> None:
    raise RuntimeError("a message came before set_handler()")


class MessageConnection(ClientConnection):
    """A client connection whose messages go to a handler instead of ``recv``; see ``set_handler``."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start paused at the end of the handshake."""
        super().connection_made(transport)
        self._buffer = b""
        self._fragments: list[bytes] = []
        self._handler: MessageHandler = _no_handler
        #: Whether frames are split here: not before the handshake is done, nor after an irregular frame.
        self._splits_frames = False
        self._paused = False
        self._handler_error: Exception | None = None

    def set_handler(self, handler: MessageHandler) -> None:
        """Deliver every message to the handler from now on; none is read before.

        Whatever the handler raises is a defect: it is raised here, by ``resume``, or by ``wait_ended``.
        """
        self._handler = handler
        self.resume()

    async def wait_ended(self) -> ConnectionClosed:
        """Wait for the end of the connection and return why it ended; raises what the handler raised."""
        await self.wait_closed()
        if self._handler_error is not None:
            raise self._handler_error
        return self.close_exc

    def pause(self) -> None:
        """Deliver nothing until ``resume``, and stop reading: TCP flow control holds the rest back."""
        self._paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        """Deliver and read again."""
        if self._paused:
            self._paused = False
            try:
                self.data_received(b"")
            except BaseException:
                self.transport.abort()  # as the event loop does when data_received raises
                raise
            if not self._paused:
                self.transport.resume_reading()

    # Called by the library

    def data_received(self, data: bytes) -> None:
        """Receive bytes from the network."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        if self._splits_frames and self.protocol.state is OPEN:
            self._split_frames(data)
        elif self.protocol.state is CONNECTING:
            self._feed_handshake(data)
        elif data:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Record why the connection ended."""
        self._handler_error = None if isinstance(exc, OSError) else exc
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Receive the end of the incoming data."""
        rest, self._buffer = self._buffer, b""
        if rest:
            super().data_received(rest)
        super().eof_received()

    def process_event(self, event: Event) -> None:
        """Receive a frame that the library has parsed."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._fragments.append(bytes(event.data))
            if event.fin:
                message = b"".join(self._fragments)
                self._fragments.clear()
                self._handler(message)
        else:
            super().process_event(event)

    # Splitting

    def _feed_handshake(self, data: bytes) -> None:
        """Pass the library the whole handshake response, and none of the frames after it."""
        end = data.find(_HEADER_END)
        if end < 0 and len(data) <= _MAX_SIZE:
            self._buffer = data
            return
        frames_start = end + len(_HEADER_END) if end >= 0 else len(data)
        super().data_received(data[:frames_start])
        if self.protocol.state is OPEN:
            self._splits_frames = True
            self.pause()
        if len(data) > frames_start:
            self.data_received(data[frames_start:])

    def _split_frames(self, data: bytes) -> None:
        """Split the bytes into frames and keep an incomplete one. Hot path."""
        start, size, handle, fragments = 0, len(data), self._handler, self._fragments
        while size - start >= 2 and not self._paused:
            first, length = data[start], data[start + 1]
            payload = start + 2
            if length > 125:
                payload += 2 if length == 126 else 8
                if size < payload:
                    break
                if length == 126:
                    length = data[start + 2] << 8 | data[start + 3]
                else:
                    # The highest bit of the second byte marks a masked frame, which no server may send.
                    length = int.from_bytes(data[start + 2 : payload], "big") if length == 127 else _MAX_SIZE + 1
            end = payload + length
            if length > _MAX_SIZE:
                # Too long, or masked: left to the library.
                self._splits_frames = False
                super().data_received(data[start:])
                return
            if size < end:
                break
            if first == _FIN_TEXT and not fragments:
                handle(data[payload:end])
            else:
                super().data_received(data[start:end])
                if self.protocol.state is not OPEN:
                    self._splits_frames = False  # closing: the rest is for the library
                    super().data_received(data[end:])
                    return
            start = end
        self._buffer = data[start:]

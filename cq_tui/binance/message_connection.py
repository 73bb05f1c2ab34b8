"""A WebSocket connection that hands each message over the moment it is read, without a task in between.

The library keeps the protocol: handshake, pings and pongs, closing, limits. Only whole unmasked text frames, which
are all that a market stream sends, are cut out here; every other frame goes to the library untouched.
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
#: As the library has it: a longer message ends the connection.
_MAX_MESSAGE_SIZE = 2**20


def _no_handler(message: bytes) -> None:
    raise RuntimeError("a message came before listen()")


class MessageConnection(ClientConnection):
    """A client connection whose messages go to a function instead of ``recv``; see ``listen``."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: nothing is read yet."""
        super().connection_made(transport)
        self._buffer = b""
        self._fragments: list[bytes] = []
        self._handler: MessageHandler = _no_handler
        #: Whether frames are cut out here: not before the handshake is done, nor after something odd.
        self._splits_frames = False
        self._paused = False
        self._handler_error: Exception | None = None

    def set_handler(self, deliver: MessageHandler) -> None:
        """Hand over every message from now on; none is read before.

        What ``deliver`` raises is a defect: it comes out here, out of ``resume``, or out of ``ended``.
        """
        self._handler = deliver
        self.resume()

    async def wait_ended(self) -> ConnectionClosed:
        """Wait for the end of the connection and return why it ended; raises what ``deliver`` raised."""
        await self.wait_closed()
        if self._handler_error is not None:
            raise self._handler_error
        return self.close_exc

    def pause(self) -> None:
        """Hand nothing over until ``resume``, and read no more; the network holds the rest back."""
        self._paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        """Go on."""
        if self._paused:
            self._paused = False
            try:
                self.data_received(b"")
            except BaseException:
                self.transport.abort()  # as the loop does with what comes out of data_received
                raise
            if not self._paused:
                self.transport.resume_reading()

    # What the library calls

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        if self._splits_frames and self.protocol.state is OPEN:
            self._split_frames(data)
        elif self.protocol.state is CONNECTING:
            self._feed_handshake(data)
        elif data:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection, and what it was that ended it."""
        self._handler_error = None if isinstance(exc, OSError) else exc
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Take the end of what the network brings."""
        rest, self._buffer = self._buffer, b""
        if rest:
            super().data_received(rest)
        super().eof_received()

    def process_event(self, event: Event) -> None:
        """Take a frame that the library has read."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._fragments.append(bytes(event.data))
            if event.fin:
                message = b"".join(self._fragments)
                self._fragments.clear()
                self._handler(message)
        else:
            super().process_event(event)

    # What is done with it

    def _feed_handshake(self, data: bytes) -> None:
        """Give the library the whole head of the answer to the handshake, and nothing of the frames behind it."""
        end = data.find(_HEADER_END)
        if end < 0 and len(data) <= _MAX_MESSAGE_SIZE:
            self._buffer = data
            return
        behind = end + len(_HEADER_END) if end >= 0 else len(data)
        super().data_received(data[:behind])
        if self.protocol.state is OPEN:
            self._splits_frames = True
            self.pause()
        if len(data) > behind:
            self.data_received(data[behind:])

    def _split_frames(self, data: bytes) -> None:
        """Cut the frames out of the bytes and keep what is not whole yet. Hot path."""
        start, size, deliver, parts = 0, len(data), self._handler, self._fragments
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
                    # The highest bit of the second byte says that the frame is masked, which no server's is.
                    length = (
                        int.from_bytes(data[start + 2 : payload], "big") if length == 127 else _MAX_MESSAGE_SIZE + 1
                    )
            end = payload + length
            if length > _MAX_MESSAGE_SIZE:
                # Too long, or masked: the library knows what to do.
                self._splits_frames = False
                super().data_received(data[start:])
                return
            if size < end:
                break
            if first == _FIN_TEXT and not parts:
                deliver(data[payload:end])
            else:
                super().data_received(data[start:end])
                if self.protocol.state is not OPEN:
                    self._splits_frames = False  # it is closing, and what comes behind that is not for us
                    super().data_received(data[end:])
                    return
            start = end
        self._buffer = data[start:]

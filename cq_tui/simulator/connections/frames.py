"""Encodes WebSocket frames, and the socket interface that sends them."""

from typing import Protocol

_TEXT = 0x81  # a whole text message in one frame
_SHORT, _MEDIUM = 126, 1 << 16


class FrameSocket(Protocol):
    """A WebSocket to one client."""

    @property
    def is_writable(self) -> bool:
        """Whether the client reads as fast as the exchange writes."""

    def write_frames(self, frames: bytes) -> None:
        """Write complete frames."""

    def close_with_reason(self, code: int, reason: str) -> None:
        """Close the connection with a code and reason."""


def text_frame(payload: bytes) -> bytes:
    """Return an unmasked frame with a complete text message (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_TEXT, size)) + payload
    if size < _MEDIUM:
        return bytes((_TEXT, 126, size >> 8, size & 0xFF)) + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload

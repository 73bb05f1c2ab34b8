"""Messages between ARES and the host of plug-ins: JSON objects, each after its length in four bytes."""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

_LENGTH = struct.Struct("<I")
#: Longer ones are not ours: the largest that is sent names all symbols.
_MAX_LENGTH = 16 * 1024 * 1024


class WireError(ValueError):
    """Bytes that are no message."""


def pack(message: Mapping[str, Any]) -> bytes:
    """Return a message as bytes."""
    content = orjson.dumps(message)
    return _LENGTH.pack(len(content)) + content


class Unpacker:
    """Makes messages of bytes in pieces of any size."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """Yield the messages that this piece completes. Raises WireError."""
        self._bytes += piece
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > _MAX_LENGTH:
                raise WireError(f"a message of {length:,} bytes")
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            content = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield _parsed(content)


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise WireError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError(f"a message is an object, not {type(message).__name__}")
    return message

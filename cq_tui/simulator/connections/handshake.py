"""What a WebSocket handshake gets that is refused: an HTTP response in place of a connection."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from cq_tui.simulator.errors import RequestRejected


async def reject_handshake(send: Callable[[MutableMapping[str, Any]], Awaitable[None]], error: RequestRejected) -> None:
    """Answer a handshake with an error (ASGI)."""
    headers = [(b"content-type", b"application/json;charset=UTF-8")]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(error.to_json())})

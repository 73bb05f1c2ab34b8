"""Rejects a WebSocket handshake with an HTTP response."""

import orjson
from starlette.types import Send

from cq_tui.simulator.errors import RequestRejected


async def reject_handshake(send: Send, error: RequestRejected) -> None:
    """Answer a handshake with an error (ASGI)."""
    headers = [(b"content-type", b"application/json;charset=UTF-8")]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": orjson.dumps(error.to_json())})

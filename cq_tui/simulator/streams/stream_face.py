"""The market-stream face: /ws and /stream connections, their control messages and their sending."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cq_tui.simulator.streams.outbox import Outbox
from cq_tui.simulator.streams.stream_hub import Listener, StreamHub

_MOST_STREAMS = 1_024


def stream_routes(hub: StreamHub) -> list[WebSocketRoute]:
    """Return the routes of the market streams."""

    async def raw(websocket: WebSocket) -> None:
        names = websocket.path_params.get("names", "")
        await _serve(websocket, hub, [name for name in names.split("/") if name], combined=False)

    async def combined(websocket: WebSocket) -> None:
        query = parse_qs(websocket.scope["query_string"].decode("utf-8", "replace"))
        names = [name for value in query.get("streams", []) for name in value.split("/") if name]
        await _serve(websocket, hub, names, combined=True)

    return [
        WebSocketRoute("/ws", raw),
        WebSocketRoute("/ws/{names:path}", raw),
        WebSocketRoute("/stream", combined),
    ]


async def _serve(websocket: WebSocket, hub: StreamHub, names: list[str], combined: bool) -> None:
    await websocket.accept()
    listener = Listener(combined)
    for name in names[:_MOST_STREAMS]:
        hub.subscribe(listener, name)
    try:
        await talk(websocket, listener.outbox, lambda text: control(hub, listener, text))
    finally:
        hub.forget(listener)


async def talk(websocket: WebSocket, outbox: Outbox, answer: Any) -> None:
    """Send what the outbox holds and answer what comes in, until either side ends the connection."""
    sender = asyncio.create_task(_send(websocket, outbox))
    receiver = asyncio.create_task(_receive(websocket, outbox, answer))
    done, pending = await asyncio.wait((sender, receiver), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    results = await asyncio.gather(*done, *pending, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            raise result


async def _send(websocket: WebSocket, outbox: Outbox) -> None:
    while True:
        for message in await outbox.take():
            await websocket.send_text(message)


async def _receive(websocket: WebSocket, outbox: Outbox, answer: Any) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        content = message.get("text")
        outbox.put(answer(content if content is not None else message.get("bytes") or b""))


def control(hub: StreamHub, listener: Listener, content: str | bytes) -> str:
    """Carry out a control message and return the reply."""
    try:
        request = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        return _dump({"code": 3, "msg": f"Invalid JSON: expected value at line {line} column {column}"})
    if not isinstance(request, dict) or "method" not in request:
        return _dump({"code": 2, "msg": "Invalid request: missing field `method`"})
    number, method, params = request.get("id"), request["method"], request.get("params", [])
    if number is not None and not isinstance(number, int | str):
        return _dump({"code": 2, "msg": "Invalid request: request ID must be an unsigned integer, a string or null"})
    result = _carry_out(hub, listener, method, params)
    return _dump({**result, "id": number})


def _carry_out(hub: StreamHub, listener: Listener, method: object, params: object) -> dict[str, Any]:
    if method == "LIST_SUBSCRIPTIONS":
        return {"result": list(listener.streams)}
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(listener, method == "SET_PROPERTY", params)
    if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
        return {
            "code": 2,
            "msg": f"Invalid request: unknown variant `{method}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
            "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
        }
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        return {"code": 2, "msg": "Invalid request: params must be a list of stream names"}
    if method == "SUBSCRIBE" and len(listener.streams) + len(params) > _MOST_STREAMS:
        return {"code": 2, "msg": f"Invalid request: too many streams, at most {_MOST_STREAMS}"}
    change = hub.subscribe if method == "SUBSCRIBE" else hub.unsubscribe
    for name in params:
        change(listener, name)
    return {"result": None}


def _property(listener: Listener, change: bool, params: object) -> dict[str, Any]:
    if not isinstance(params, list) or not params or params[0] != "combined":
        return {"code": 0, "msg": "Unknown property"}
    if not change:
        return {"result": listener.combined}
    if len(params) != 2 or not isinstance(params[1], bool):
        return {"code": 1, "msg": "Invalid value type: expected Boolean"}
    listener.combined = params[1]
    return {"result": None}


def _dump(reply: dict[str, Any]) -> str:
    return orjson.dumps(reply).decode()

"""Parses WebSocket API requests; numbers keep their original text, which is what was signed."""

import json
from typing import Any, NamedTuple

import orjson

from cq_tui.simulator.errors import RequestRejected

#: Decodes JSON with numbers as their original text.
_with_literal_numbers = json.JSONDecoder(parse_float=str, parse_int=str).decode
_MAX_ID_LENGTH = 64


class WsRequest(NamedTuple):
    """One request; ``request_id`` is echoed, never interpreted."""

    request_id: Any
    method: str
    values: dict[str, str]


class MalformedRequest(RequestRejected):
    """A frame that is not a valid request; ``request_id`` is its id, if it has one."""

    def __init__(self, request_id: Any = None) -> None:
        super().__init__(-1135, "Invalid JSON Request")
        self.request_id = request_id


def read_request(content: str | bytes) -> WsRequest:
    """Parse one frame. Raises MalformedRequest."""
    try:
        message = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise MalformedRequest from None
    if not isinstance(message, dict):
        raise MalformedRequest
    request_id = message.get("id")
    if (
        not isinstance(request_id, int | str | None)
        or isinstance(request_id, bool)
        or len(str(request_id)) > _MAX_ID_LENGTH
    ):
        raise MalformedRequest
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str) or not isinstance(params, dict | None):
        raise MalformedRequest(request_id)
    if params and any(isinstance(value, int | float) for value in params.values()):
        params = _literal_params(content)
    try:
        values = {name: _as_text(value) for name, value in params.items()} if params else {}
    except orjson.JSONEncodeError:  # nested too deep
        raise MalformedRequest(request_id) from None
    return WsRequest(request_id, method.removeprefix("v3/"), values)


def _literal_params(content: str | bytes) -> dict[str, Any]:
    """Return the parameters with numbers as their original text."""
    try:
        text = content if isinstance(content, str) else content.decode()
        params: dict[str, Any] = _with_literal_numbers(text)["params"]
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    return params


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else orjson.dumps(value).decode()

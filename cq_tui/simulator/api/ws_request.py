"""A request of the WebSocket API read from its frame: numbers keep the text in which they were written."""

import json
from typing import Any, NamedTuple

import orjson

from cq_tui.simulator.errors import RequestRejected

#: Reads numbers as the text in which they were written, which is what was signed.
_literal_numbers = json.JSONDecoder(parse_float=str, parse_int=str).decode
_LONGEST_ID = 64


class WsRequest(NamedTuple):
    """One request; ``number`` is its id, echoed and never interpreted."""

    request_id: Any
    method: str
    values: dict[str, str]


class MalformedRequest(RequestRejected):
    """A frame that is no request; ``number`` is its id, if it has one."""

    def __init__(self, number: Any = None) -> None:
        super().__init__(-1135, "Invalid JSON Request")
        self.request_id = number


def read_request(content: str | bytes) -> WsRequest:
    """Read one frame. Raises NoRequest."""
    try:
        message = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise MalformedRequest from None
    if not isinstance(message, dict):
        raise MalformedRequest
    number = message.get("id")
    if not isinstance(number, int | str | None) or isinstance(number, bool) or len(str(number)) > _LONGEST_ID:
        raise MalformedRequest
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str) or not isinstance(params, dict | None):
        raise MalformedRequest(number)
    if params and any(isinstance(value, int | float) for value in params.values()):
        params = _as_written(content)
    try:
        values = {name: _as_text(value) for name, value in params.items()} if params else {}
    except orjson.JSONEncodeError:  # nested too deep
        raise MalformedRequest(number) from None
    return WsRequest(number, method.removeprefix("v3/"), values)


def _as_written(content: str | bytes) -> dict[str, Any]:
    """Return the parameters with numbers as text."""
    try:
        text = content if isinstance(content, str) else content.decode()
        params: dict[str, Any] = _literal_numbers(text)["params"]
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    return params


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else orjson.dumps(value).decode()

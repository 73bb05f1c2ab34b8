"""Control messages of the market streams: subscriptions, properties, and errors in the exchange's wording."""

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from cq_tui.simulator.streams.subscriber import Subscriber

MAX_STREAMS = 1_024
#: Longer than any stream name; bounds the memory that a connection's names take.
_MAX_NAME_LENGTH = 100
_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_MAX_ID_LENGTH = 36
_MIN_ID, _MAX_ID = -(2**63), 2**63 - 1
Json = dict[str, Any]


class Subscriptions(Protocol):
    """Adds and removes subscriptions."""

    def subscribe(self, subscriber: Subscriber, name: str) -> None:
        """Subscribe to a stream."""

    def unsubscribe(self, subscriber: Subscriber, name: str) -> None:
        """Unsubscribe from a stream."""


class _ControlError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def handle_control_message(subscriptions: Subscriptions, subscriber: Subscriber, content: str | bytes) -> bytes:
    """Execute a control message and return the reply, with the message's id if it is readable."""
    number: Json = {}
    try:
        request = _read(content)
        number = {"id": _id(request)}
        if "method" not in request:
            raise _invalid(f"missing field `method` at line 1 column {len(content)}")
        reply: Json = {"result": _execute(subscriptions, subscriber, request)}
    except _ControlError as refused:
        reply = {"error": {"code": refused.code, "msg": str(refused)}}
    return orjson.dumps(reply | number)


def _invalid(text: str) -> _ControlError:
    return _ControlError(2, f"Invalid request: {text}")


def _read(content: str | bytes) -> Json:
    try:
        request = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _ControlError(3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}") from None
    if not isinstance(request, dict):
        raise _invalid("expected a JSON object")
    return request


def _id(request: Json) -> int | str | None:
    number = request.get("id")
    if number is None or (type(number) is int and _MIN_ID <= number <= _MAX_ID):
        return number
    if isinstance(number, str) and len(number) <= _MAX_ID_LENGTH:
        return number
    raise _invalid("request ID must be a signed integer, a string of at most 36 characters or null")


def _execute(subscriptions: Subscriptions, subscriber: Subscriber, request: Json) -> object:
    method, params = request["method"], request.get("params", [])
    if not isinstance(method, str):
        raise _invalid("method must be a string")
    if method not in _METHODS:
        names = ", ".join(f"`{name}`" for name in _METHODS)
        raise _invalid(f"unknown variant `{method}`, expected one of {names}")
    if not isinstance(params, list):
        raise _invalid("params must be a list")
    if method == "LIST_SUBSCRIPTIONS":
        return list(subscriber.streams)
    if method == "GET_PROPERTY":
        _check_property(params, 1)
        return subscriber.combined
    if method == "SET_PROPERTY":
        _set_property(subscriber, params)
    else:
        change = subscriptions.subscribe if method == "SUBSCRIBE" else subscriptions.unsubscribe
        _change(change, subscriber, params, subscribes=method == "SUBSCRIBE")
    return None


def _change(
    change: Callable[[Subscriber, str], None], subscriber: Subscriber, names: list[object], *, subscribes: bool
) -> None:
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) != len(names):
        raise _invalid("stream name must be a string")
    if any(len(name) > _MAX_NAME_LENGTH for name in texts):
        raise _invalid(f"stream name is longer than {_MAX_NAME_LENGTH} characters")
    if subscribes and len(subscriber.streams.keys() | set(texts)) > MAX_STREAMS:
        raise _invalid(f"too many streams, at most {MAX_STREAMS} on a connection")
    for name in texts:
        change(subscriber, name)


def _check_property(params: list[object], count: int) -> None:
    if not params:
        raise _invalid("property name must be a string")
    if len(params) > count:
        raise _invalid("too many parameters")
    if not isinstance(params[0], str):
        raise _invalid("property name must be a string")
    if params[0] != "combined":
        raise _ControlError(0, "Unknown property")


def _set_property(subscriber: Subscriber, params: list[object]) -> None:
    _check_property(params, 2)
    if len(params) < 2 or not isinstance(params[1], bool):
        raise _ControlError(1, "Invalid value type: expected Boolean")
    subscriber.combined = params[1]

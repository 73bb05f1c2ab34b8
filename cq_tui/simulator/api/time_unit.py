"""Times in microseconds on request: header X-MBX-TIME-UNIT or URL parameter timeUnit."""

from typing import Any

from cq_tui.simulator.errors import RequestRejected

_UNITS = {"": False, "MILLISECOND": False, "millisecond": False, "MICROSECOND": True, "microsecond": True}
_REST_NAMES = frozenset(
    {
        "serverTime", "time", "transactTime", "transactionTime", "updateTime", "workingTime", "trailingTime",
        "openTime", "closeTime", "authorizedSince", "connectedSince", "T", "retryAfter",
    }
)  # fmt: skip
_EVENT_NAMES = frozenset({"E", "T", "O", "W", "D", "u"})
_KLINE_LENGTH, _KLINE_END = 12, 6


def wants_microseconds(unit: str) -> bool:
    """Return whether a time unit, empty if not sent, is microseconds. Raises RequestRejected -1194."""
    try:
        return _UNITS[unit]
    except KeyError:
        raise RequestRejected(
            -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        ) from None


def response_in_microseconds(content: Any) -> Any:
    """Return an API response with its times in microseconds."""
    if isinstance(content, dict):
        return {
            name: _scaled(value) if name in _REST_NAMES else response_in_microseconds(value)
            for name, value in content.items()
        }
    if isinstance(content, list):
        if len(content) == _KLINE_LENGTH and isinstance(content[0], int):
            end = content[_KLINE_END] * 1_000 + 999  # the last microsecond of its last millisecond
            return [_scaled(content[0]), *content[1:_KLINE_END], end, *content[_KLINE_END + 1 :]]
        return [response_in_microseconds(entry) for entry in content]
    return content


def event_in_microseconds(event: dict[str, Any]) -> dict[str, Any]:
    """Return a user data event with its times in microseconds."""
    # "u" is a trade group in executionReport, and a time in outboundAccountPosition.
    names = _EVENT_NAMES if event.get("e") == "outboundAccountPosition" else _EVENT_NAMES - {"u"}
    # "O" is a list of orders in listStatus.
    return {name: _scaled(value) if name in names else value for name, value in event.items()}


def _scaled(value: Any) -> Any:
    """Return a time in microseconds; -1, which means none, and non-integers stay."""
    return value * 1_000 if isinstance(value, int) and value > 0 else value

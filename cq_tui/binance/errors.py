"""What can go wrong with the exchange, by what the caller may conclude from it.

The question that matters for an order is: was it executed? ``NotSent`` and ``ApiError`` answer no,
``OutcomeUnknown`` answers *ask by client order id*, never *send again*.
"""

from collections.abc import Mapping

import orjson

#: Codes whose meaning is that the exchange itself does not know the outcome.
#: -1006 and -1007 say so; -1000 and -1001 are failures during the processing.
UNKNOWN_OUTCOME_CODES = frozenset({-1000, -1001, -1006, -1007})

#: Too many orders in a window, of which the shortest has so many seconds.
TOO_MANY_ORDERS = -1015
_ORDER_WINDOW = 10.0
_DEFAULT_RETRY_AFTER = {429: 60.0, 418: 120.0}


class BinanceError(Exception):
    """Anything that went wrong in talking to the exchange."""


class MalformedMessage(BinanceError, ValueError):
    """A message that lacks a field or holds a wrong one; names subject, field and value."""

    def __init__(self, subject: str, field: str, problem: str) -> None:
        super().__init__(f"{subject}: field {field!r} {problem}")
        self.subject = subject
        self.field = field


class NotSent(BinanceError):
    """The request certainly did not reach the exchange: it may be sent again."""


class RealMoneyRefused(NotSent):
    """A request to change something where money may be real by a connection that was not made for it."""


class BudgetExhausted(NotSent):
    """Held back here, so as not to exceed the request limits. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionLost(BinanceError):
    """A request that only reads failed on the way: nothing was changed, it may be sent again."""


class OutcomeUnknown(BinanceError):
    """A state-changing request may or may not have been executed.

    Resolve it by querying ``client_order_id`` (of an order, or of an order list), never by sending again (after a
    fill the exchange would accept the same client order id a second time). Status and code are None without an answer.
    """

    def __init__(self, message: str, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.client_order_id = ""


class ApiError(BinanceError):
    """The exchange answered and refused: HTTP status, and its code (None when the body had none)."""

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(f"HTTP {status}, code {code if code is not None else '(none)'}: {message}")
        self.status = status
        self.code = code
        self.message = message


class ServerError(ApiError):
    """A 5XX answer to a request that only reads, or another that is neither success nor refusal."""


class RateLimited(ApiError):
    """HTTP 429: too much request weight or too many orders. Wait ``retry_after`` seconds."""

    def __init__(self, status: int, code: int | None, message: str, retry_after: float) -> None:
        super().__init__(status, code, message)
        self.retry_after = retry_after


class Banned(RateLimited):
    """HTTP 418: this address is banned for ``retry_after`` seconds; each further request lengthens it."""


class BlockedByWaf(RateLimited):
    """HTTP 403 without a code: the firewall before the exchange let nothing through, for our rate or our words."""


class TimestampRejected(ApiError):
    """-1021: our clock is outside recvWindow. Measure the server time again."""


class AuthenticationFailed(ApiError):
    """-1002, -1022, -2008, -2014, -2015 or HTTP 401: key, signature, address or permission is wrong."""


class InvalidSymbol(ApiError):
    """-1121: the exchange does not list the symbol (or one of the symbols)."""


class FilterRejected(ApiError):
    """-1013: a filter of the symbol, such as ``LOT_SIZE`` or ``NOTIONAL``."""


class NewOrderRejected(ApiError):
    """-2010: the matching engine refused the order, for example for lack of balance."""


class CancelRejected(ApiError):
    """-2011: the order to cancel is unknown or no longer open."""


class OrderNotFound(ApiError):
    """-2013, -2026 or -2039: no such order. Right after placing one, the query may be too early (replica lag)."""


_BY_CODE: dict[int, type[ApiError]] = {
    -1002: AuthenticationFailed,
    -1013: FilterRejected,
    -1021: TimestampRejected,
    -1022: AuthenticationFailed,
    -1121: InvalidSymbol,
    -2008: AuthenticationFailed,
    -2010: NewOrderRejected,
    -2011: CancelRejected,
    -2013: OrderNotFound,
    -2014: AuthenticationFailed,
    -2015: AuthenticationFailed,
    -2026: OrderNotFound,
    -2039: OrderNotFound,
}


def retry_after_seconds(headers: Mapping[str, str], status: int) -> float:
    """Return the seconds of ``Retry-After``; a cautious default when it is absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    return _DEFAULT_RETRY_AFTER.get(status, 60.0)


def parse_error_body(body: bytes) -> tuple[int | None, str]:
    """Return code and message of an error body, which may also be empty or HTML."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("code"), int):
        return document["code"], str(document.get("msg", ""))
    shown = " ".join(body[:200].decode("utf-8", "replace").split())
    return None, shown or "(empty body)"


def error_from_status(
    status: int, code: int | None, message: str, *, retry_after: float = 60.0, changes_state: bool = False
) -> BinanceError:
    """Return the error that an answer other than success stands for (REST and WebSocket API alike)."""
    if status == 418:
        return Banned(status, code, message, retry_after)
    if status == 429:
        return RateLimited(status, code, message, retry_after)
    # What is no refusal by the rules (a redirect, say) does not tell either what became of a change.
    unknown = not 400 <= status < 500 or status == 408 or code in UNKNOWN_OUTCOME_CODES
    if unknown and changes_state:
        return OutcomeUnknown(f"HTTP {status}, code {code}: {message}; query it by client order id", status, code)
    if unknown:
        return ServerError(status, code, message)
    if status == 403 and code is None:
        return BlockedByWaf(status, code, message, retry_after)
    if code in _BY_CODE:
        return _BY_CODE[code](status, code, message)
    if status == 401:
        return AuthenticationFailed(status, code, message)
    return ApiError(status, code, message)


def error_from_response(status: int, headers: Mapping[str, str], body: bytes, *, changes_state: bool) -> BinanceError:
    """Map an HTTP answer that is no success. The status is never hidden by an unreadable body."""
    code, message = parse_error_body(body)
    retry_after = retry_after_seconds(headers, status)
    if code == TOO_MANY_ORDERS and "retry-after" not in headers:
        retry_after = _ORDER_WINDOW
    return error_from_status(status, code, message, retry_after=retry_after, changes_state=changes_state)

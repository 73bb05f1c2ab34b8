"""Exchange errors, by what the caller may conclude from them.

For an order the question is whether it was executed. ``NotSent`` and ``ApiError`` mean no;
``OutcomeUnknown`` means query it by client order id, never send it again.
"""

from collections.abc import Mapping

import orjson

#: Codes with which the exchange itself does not know the outcome:
#: -1006 and -1007 say so; -1000 and -1001 are failures during processing.
UNKNOWN_OUTCOME_CODES = frozenset({-1000, -1001, -1006, -1007})

#: Too many new orders in a window; the shortest window, in seconds.
TOO_MANY_ORDERS = -1015
_ORDER_WINDOW = 10.0
#: Codes about the exchange, the address, the key or the clock, whatever the symbol. Of errors.md's 10XX, -1010, -1013,
#: -1014 and -1020 concern the order. HTTP 451 has code 0; a response without a code is not from the exchange's API.
_NOT_ABOUT_SYMBOL = UNKNOWN_OUTCOME_CODES | {
    *(None, 0, -1002, -1003, -1008, TOO_MANY_ORDERS, -1016, -1021, -1022, -1034, -2008, -2014, -2015)
}
_DEFAULT_RETRY_AFTER = {429: 60.0, 418: 120.0}


class BinanceError(Exception):
    """Base of all errors in communicating with the exchange."""

    @property
    def is_about_symbol(self) -> bool:
        """Whether the exchange refused the symbol or an order for it, so that requests for others may succeed."""
        return False


class MalformedMessage(BinanceError, ValueError):
    """A message with a missing or invalid field; names subject, field and value."""

    def __init__(self, subject: str, field: str, problem: str) -> None:
        super().__init__(f"{subject}: field {field!r} {problem}")
        self.subject = subject
        self.field = field


class NotSent(BinanceError):
    """The request never reached the exchange and may be sent again."""


class RealMoneyRefused(NotSent):
    """A state-changing request to a host that may hold real money, on a connection not opened for real money."""


class BudgetExhausted(NotSent):
    """Held back locally to stay within the request limits. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionLost(BinanceError):
    """A read-only request failed in transit: nothing changed, it may be sent again."""


class OutcomeUnknown(BinanceError):
    """A state-changing request may or may not have been executed.

    Resolve it by querying ``client_order_id`` (of an order or an order list). Never send it again: after a fill the
    exchange accepts the same client order id a second time. Status and code are None without a response.
    """

    def __init__(self, message: str, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.client_order_id = ""


class ApiError(BinanceError):
    """The exchange refused the request: HTTP status, and Binance's code (None when the body has none).

    ``data`` is what the body adds to them: the two results of a failed cancelReplace.
    """

    def __init__(self, status: int, code: int | None, message: str) -> None:
        super().__init__(f"HTTP {status}, code {code if code is not None else '(none)'}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.data: object = None

    @property
    def is_about_symbol(self) -> bool:
        """Whether status and code blame the symbol or an order for it."""
        is_refusal = 400 <= self.status < 500 and self.status not in (401, 408, 418, 429)
        return is_refusal and self.code not in _NOT_ABOUT_SYMBOL


class ServerError(ApiError):
    """A 5XX response to a read-only request, or any other that is neither success nor refusal."""


class RateLimited(ApiError):
    """HTTP 429: too much request weight or too many orders. Wait ``retry_after`` seconds."""

    def __init__(self, status: int, code: int | None, message: str, retry_after: float) -> None:
        super().__init__(status, code, message)
        self.retry_after = retry_after


class Banned(RateLimited):
    """HTTP 418: this IP address is banned for ``retry_after`` seconds; every further request extends the ban."""


class BlockedByWaf(RateLimited):
    """HTTP 403 without a code: the web application firewall blocked the request, for its rate or its content."""


class TimestampRejected(ApiError):
    """-1021: the timestamp is outside recvWindow. Measure the server time again."""


class AuthenticationFailed(ApiError):
    """-1002, -1022, -2008, -2014, -2015 or HTTP 401: wrong key, signature, IP address or permission."""


class InvalidSymbol(ApiError):
    """-1121: the exchange does not list the symbol (or one of the symbols)."""

    CODE = -1121


class FilterRejected(ApiError):
    """-1013: a filter of the symbol, such as ``LOT_SIZE`` or ``NOTIONAL``."""


class NewOrderRejected(ApiError):
    """-2010: the matching engine rejected the order, for example for insufficient balance."""


class CancelRejected(ApiError):
    """-2011: the order to cancel is unknown or no longer open."""


class OrderNotFound(ApiError):
    """-2013, -2026 or -2039: no such order. A query right after placement may come too early (replica lag)."""


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
    """Return ``Retry-After`` in seconds, or a cautious default when it is missing or invalid."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    return _DEFAULT_RETRY_AFTER.get(status, 60.0)


def parse_error_body(body: bytes) -> tuple[int | None, str, object]:
    """Return code, message and ``data`` of an error body, which may also be empty or HTML."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("code"), int):
        return document["code"], str(document.get("msg", "")), document.get("data")
    shown = " ".join(body[:200].decode("utf-8", "replace").split())
    return None, shown or "(empty body)", None


def error_from_status(
    status: int, code: int | None, message: str, *, retry_after: float = 60.0, changes_state: bool = False
) -> BinanceError:
    """Return the error for a status other than success (REST and WebSocket API)."""
    if status == 418:
        return Banned(status, code, message, retry_after)
    if status == 429:
        return RateLimited(status, code, message, retry_after)
    # A status outside 4XX (a redirect, say) does not tell whether the change was made.
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
    """Return the error for an HTTP response other than success. An unreadable body never hides the status."""
    code, message, data = parse_error_body(body)
    retry_after = retry_after_seconds(headers, status)
    if code == TOO_MANY_ORDERS and "retry-after" not in headers:
        retry_after = _ORDER_WINDOW
    failure = error_from_status(status, code, message, retry_after=retry_after, changes_state=changes_state)
    if isinstance(failure, ApiError):
        failure.data = data
    return failure

"""The exchange's error responses: HTTP status, code and Binance's text."""


class RequestRejected(Exception):
    """A rejected request. ``retry_after`` (seconds) goes with status 429 and 418.

    ``data`` holds details if half of a request succeeded (cancelReplace).
    """

    def __init__(
        self, code: int, message: str, status: int = 400, retry_after: int | None = None, data: object = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.data = data

    def to_json(self) -> dict[str, object]:
        """Return the body of the response."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def filter_failure(name: str) -> RequestRejected:
    """Return the error for an order that a filter rejects."""
    return RequestRejected(-1013, f"Filter failure: {name}")


#: Binance's code for an order that the matching engine rejects.
NEW_ORDER_REJECTED = -2010


def order_rejected(text: str) -> RequestRejected:
    """Return the error for an order that the engine rejects."""
    return RequestRejected(NEW_ORDER_REJECTED, text)


def cancel_rejected(text: str = "Unknown order sent.") -> RequestRejected:
    """Return the error for a cancel that the engine rejects."""
    return RequestRejected(-2011, text)


def amend_rejected(text: str = "Unknown order sent.") -> RequestRejected:
    """Return the error for an amendment that the engine rejects."""
    return RequestRejected(-2038, text)


def missing_parameter(name: str) -> RequestRejected:
    """Return the error for a missing or malformed mandatory parameter."""
    return RequestRejected(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def parameter_not_required(name: str) -> RequestRejected:
    """Return the error for a parameter that is not allowed here."""
    return RequestRejected(-1106, f"Parameter '{name}' sent when not required.")


INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
DUPLICATE = "Duplicate order sent."
WOULD_TRIGGER = "Order would trigger immediately."
WOULD_TAKE = "Order would immediately match and take."
BAD_PRICES = "The relationship of the prices for the orders is not correct."
NOT_PERMITTED = "This symbol is not permitted for this account."
MARKET_CLOSED = "Market is closed."
WRONG_PHASE = "This order type is not possible in this trading phase."

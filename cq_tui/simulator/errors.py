"""Errors as the exchange answers them: HTTP status, code and text."""


class RequestRejected(Exception):
    """A request that the exchange refuses. ``retry_after`` (seconds) goes with 429 and 418.

    ``data`` tells more where half of a request was done (cancelReplace).
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
    """An order that a symbol filter refuses."""
    return RequestRejected(-1013, f"Filter failure: {name}")


#: Code of an order that the engine refuses.
NEW_ORDER_REJECTED = -2010


def order_rejected(text: str) -> RequestRejected:
    """An order that the engine refuses."""
    return RequestRejected(NEW_ORDER_REJECTED, text)


def cancel_rejected(text: str = "Unknown order sent.") -> RequestRejected:
    """A cancel that the engine refuses."""
    return RequestRejected(-2011, text)


def amend_rejected(text: str = "Unknown order sent.") -> RequestRejected:
    """An amend that the engine refuses."""
    return RequestRejected(-2038, text)


def missing_parameter(name: str) -> RequestRejected:
    """A parameter that has to be there."""
    return RequestRejected(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def parameter_not_required(name: str) -> RequestRejected:
    """A parameter that must not be there."""
    return RequestRejected(-1106, f"Parameter '{name}' sent when not required.")


INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
DUPLICATE = "Duplicate order sent."
WOULD_TRIGGER = "Order would trigger immediately."
WOULD_TAKE = "Order would immediately match and take."
BAD_PRICES = "The relationship of the prices for the orders is not correct."
MARKET_CLOSED = "Market is closed."
WRONG_PHASE = "This order type is not possible in this trading phase."

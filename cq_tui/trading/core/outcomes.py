"""What an exchange error means for a request: refused, outcome unknown, or not sent."""

from cq_tui.binance.errors import ApiError, BinanceError, BudgetExhausted, ServerError
from cq_tui.binance.errors import NotSent as NotSentError
from cq_tui.trading.core.inputs import NotSent, OutcomeUnknown, Refused


def input_of_error(number: int, error: BinanceError) -> Refused | OutcomeUnknown | NotSent:
    """Return the input that tells the core of a failed request.

    Of a read, an unknown outcome means that there is no usable answer.
    """
    if isinstance(error, BudgetExhausted):
        return NotSent(number, str(error), error.retry_after)
    if isinstance(error, NotSentError):
        return NotSent(number, str(error))
    if isinstance(error, ApiError) and not isinstance(error, ServerError):
        return Refused(number, error.code, error.message, about_symbol=error.is_about_symbol)
    return OutcomeUnknown(number, str(error))

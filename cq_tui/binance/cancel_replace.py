"""The result of a cancelReplace in mode STOP_ON_FAILURE: what was canceled, and what was placed."""

from dataclasses import dataclass
from typing import Literal

from cq_tui.binance.errors import UNKNOWN_OUTCOME_CODES, MalformedMessage
from cq_tui.binance.fields import Fields
from cq_tui.binance.types import Order, OrderList, parse_cancel, parse_order

HalfResult = Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]

#: Partially failed, and failed: the body's ``data`` has the results of both halves.
PARTIALLY_FAILED = -2021
FAILED = -2022


@dataclass(frozen=True, slots=True)
class CancelReplaceResult:
    """Both halves of a cancelReplace.

    ``canceled`` is the canceled order, or the whole list that it belonged to; ``placed`` the new order. ``code`` and
    ``message`` are those of the half that failed.
    """

    cancel: HalfResult
    new: HalfResult
    canceled: Order | OrderList | None = None
    placed: Order | None = None
    code: int | None = None
    message: str = ""

    @property
    def is_done(self) -> bool:
        """Whether both halves succeeded."""
        return self.placed is not None

    @property
    def nothing_changed(self) -> bool:
        """Whether the cancel failed, so that the new order was not attempted."""
        return self.cancel == "FAILURE"

    @property
    def only_canceled(self) -> bool:
        """Whether the old order is canceled and the new one was refused: what the old one protected is naked."""
        return self.cancel == "SUCCESS" and self.new == "FAILURE"


def parse_cancel_replace(raw: object) -> CancelReplaceResult:
    """Parse a response, or the ``data`` of an error -2021 or -2022.

    Raises MalformedMessage for every combination that STOP_ON_FAILURE does not allow, and when the exchange does not
    know itself whether the failed half was executed: the outcome is unknown then.
    """
    fields = Fields(raw, "cancelReplace")
    cancel, new = fields.text("cancelResult"), fields.text("newOrderResult")
    if (cancel, new) == ("SUCCESS", "SUCCESS"):
        placed = parse_order(fields.nested("newOrderResponse").raw)
        return CancelReplaceResult("SUCCESS", "SUCCESS", _parse_canceled(fields), placed)
    if (cancel, new) == ("SUCCESS", "FAILURE"):
        code, message = _parse_refusal(fields, "newOrderResponse")
        return CancelReplaceResult("SUCCESS", "FAILURE", _parse_canceled(fields), None, code, message)
    if (cancel, new) == ("FAILURE", "NOT_ATTEMPTED"):
        code, message = _parse_refusal(fields, "cancelResponse")
        return CancelReplaceResult("FAILURE", "NOT_ATTEMPTED", None, None, code, message)
    raise MalformedMessage("cancelReplace", "cancelResult, newOrderResult", f"are {cancel!r}, {new!r}")


def _parse_canceled(fields: Fields) -> Order | OrderList:
    return parse_cancel(fields.nested("cancelResponse").raw)


def _parse_refusal(fields: Fields, name: str) -> tuple[int, str]:
    refusal = fields.nested(name)
    code = refusal.integer("code")
    if code in UNKNOWN_OUTCOME_CODES:
        raise refusal.field_error("code", "a refusal")
    return code, refusal.text_or("msg", "")

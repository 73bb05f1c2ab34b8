"""The exact text of a fill for its ``order_executed`` event, beside the contract's numbers.

``realized_pnl`` has one meaning everywhere: the profit that one fill realized, in the quote asset, commissions of
buying and selling included, remainders not counted as lost. Profits of fills add up to that of the order and of the
account.
"""

from decimal import Decimal
from typing import NamedTuple

from cq_tui.trading.money.exact import plain_text


class ExecutedText(NamedTuple):
    """Optional fields of OrderExecuted; ``_asdict()`` gives them by name."""

    trade_id: str
    size_text: str
    price_text: str
    commission_text: str
    realized_text: str | None


def executed_text(
    trade_id: int, quantity: Decimal, price: Decimal, commission: Decimal, realized: Decimal | None
) -> ExecutedText:
    """Return the exact text of a fill. ``realized``: None for a fill that buys."""
    amounts = plain_text(quantity), plain_text(price), plain_text(commission)
    return ExecutedText(str(trade_id), *amounts, None if realized is None else plain_text(realized))

"""What of an asset the orders of others lock: neither a stop nor a sale of ours can have it."""

from collections.abc import Iterable
from decimal import Decimal

from cq_tui.binance.types import Balance
from cq_tui.trading.core.order import OrderRecord

ZERO = Decimal(0)


def locked_by_others(sells: Iterable[OrderRecord], balance: Balance, known_ms: int) -> Decimal | None:
    """Return what is locked beyond what our own ``sells`` of the asset lock; None where that is not certain.

    The balance is as of ``known_ms``; it is certain while nothing newer was heard of our orders, and none is undecided.
    """
    ours: dict[str, Decimal] = {}
    for order in sells:
        if order.status.is_unseen or (order.order_id is not None and order.updated_ms > known_ms):
            return None
        if order.status.is_working:
            # The legs of a list lock the same coins.
            name = order.list_client_order_id or order.client_order_id
            ours[name] = max(ours.get(name, ZERO), order.remaining)
    return max(balance.locked - sum(ours.values(), ZERO), ZERO)

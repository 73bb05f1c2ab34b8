"""Orders that may reach the exchange although they were given up: how long they are watched for."""

from collections.abc import Iterable

from cq_tui.trading.lifecycle import OrderRecord

#: Seconds after sending for which an order that was never found is asked for again, whenever the account is compared.
WATCHED_SECONDS = 600.0


def may_still_arrive(orders: Iterable[OrderRecord], now: float) -> list[OrderRecord]:
    """Return the orders that were ended here for want of any trace at the exchange, not long ago."""
    return [order for order in orders if order.never_seen and now - order.sent_at < WATCHED_SECONDS]

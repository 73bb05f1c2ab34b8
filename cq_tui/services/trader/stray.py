"""Orders that were given up but may still reach the exchange."""

from collections.abc import Iterable

from cq_tui.trading.lifecycle import OrderRecord

#: For so many seconds after sending, each reconciliation queries an order that was never found.
WATCHED_SECONDS = 600.0


def may_still_arrive(orders: Iterable[OrderRecord], now: float) -> list[OrderRecord]:
    """Return the orders given up recently because the exchange had no trace of them."""
    return [order for order in orders if order.never_seen and now - order.sent_at < WATCHED_SECONDS]

"""Limits on how often is traded. The counts are the book's, so a restart knows them."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext


def check_minute(context: EntryContext, now: float) -> Denial | None:
    """Entries within any 60 seconds are limited."""
    count, limit = context.entries_minute, context.limits.orders_minute
    return Denial(DenialReason.ORDER_RATE, f"{count} of {limit} within 60 s") if count >= limit else None


def check_day(context: EntryContext, now: float) -> Denial | None:
    """Entries on one day (UTC) are limited."""
    count, limit = context.entries_day, context.limits.orders_day
    return Denial(DenialReason.ORDERS_A_DAY, f"{count} of {limit} today, UTC") if count >= limit else None

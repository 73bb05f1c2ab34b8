"""Limits on how much may be open at a time: positions, and their share of the equity."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal


def check_positions(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Open positions and entries on their way are counted together."""
    count, limit = len({*context.held, *context.pending}), context.limits.max_positions
    return Denial(DenialReason.MAX_POSITIONS, f"{count} of {limit}") if count >= limit else None


def check_exposure(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """With this entry at its full amount, positions stay within their share of the equity."""
    equity, exposure = (context.equity, context.exposure) if context.worth is None else context.worth()
    after = exposure + context.budget.order_quote
    limit = equity * context.limits.max_exposure
    return Denial(DenialReason.EXPOSURE, f"{after:.2f} with this entry, limit {limit:.2f}") if after > limit else None

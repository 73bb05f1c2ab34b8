"""Limits on how soon the next entry may follow: after the last one, and after a stop."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal

#: By so many seconds the exchange's time of an order may be ahead of our estimate of its clock.
_CLOCK_TOLERANCE = 1.0


def check_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """After an entry, its symbol pauses."""
    last = context.last_entry.get(signal.symbol, 0.0)
    # An entry of the future: the exchange's clock was set back, and how long ago it was is not known.
    left = last + context.limits.cooldown - now if last <= now + _CLOCK_TOLERANCE else 0.0
    return Denial(DenialReason.COOLDOWN, f"{left:.1f} s left") if left > 0 else None


def check_strategy_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """After a stop, its strategy pauses in the symbol."""
    left = context.paused_until.get((signal.strategy, signal.symbol), 0.0) - now
    return Denial(DenialReason.STRATEGY_COOLDOWN, f"{left:.0f} s left") if left > 0 else None

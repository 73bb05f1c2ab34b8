"""Limits on what failed again and again."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal


def check_symbol_quarantine(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """A quarantined symbol takes no entry until its probe is due."""
    return None if context.quarantine is None else Denial(DenialReason.QUARANTINED, context.quarantine)


def check_strategy_quarantine(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """A quarantined strategy opens nothing until its probe is due."""
    why = context.quarantined_strategies.get(signal.strategy)
    return None if why is None else Denial(DenialReason.STRATEGY_QUARANTINED, f"{signal.strategy}: {why}")

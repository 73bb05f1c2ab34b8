"""Limits on what may be lost, as an entry meets them."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.limits.losses import LossLimit


def check_daily_loss(context: EntryContext, now: float) -> Denial | None:
    """After a day's loss, nothing is opened until the next day."""
    problem = context.loss_problem(LossLimit.DAILY_LOSS)
    return None if problem is None else Denial(DenialReason.DAILY_LOSS, problem)


def check_drawdown(context: EntryContext, now: float) -> Denial | None:
    """Far below the peak, nothing is opened; further below, everything is closed."""
    problem = context.loss_problem(LossLimit.DRAWDOWN)
    return None if problem is None else Denial(DenialReason.DRAWDOWN, problem)

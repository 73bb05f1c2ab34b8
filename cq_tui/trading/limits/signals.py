"""Limits on the signals that are worth an entry."""

from decimal import ROUND_HALF_EVEN, Decimal

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal

ZERO = Decimal(0)


def check_confidence(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """A signal that its strategy trusts too little is not followed."""
    limit = context.limits.min_confidence
    if signal.confidence >= limit:
        return None
    return Denial(DenialReason.LOW_CONFIDENCE, f"{signal.confidence:g}, at least {limit:g}")


def check_target(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """A target that brings less than the costs of buying and selling, so many times, is not worth an entry."""
    target, factor = signal.take_profit, context.limits.target_costs
    if context.rules is not None:
        target = context.rules.quantize_price(target, ROUND_HALF_EVEN)
    gain, cost = target - context.price, round_trip_cost(context, target)
    if gain <= 0 or gain >= factor * cost:
        # A target that the price has passed is judged with the levels.
        return None
    return Denial(DenialReason.TARGET_TOO_NEAR, f"it brings {gain:f}, a round trip costs {cost:f}, times {factor:f}")


def round_trip_cost(context: EntryContext, target: Decimal) -> Decimal:
    """Return what buying one unit at the ask and selling it at ``target`` costs, in quote units.

    The taker's commission of both sides and half the spread: the other half is in the ask already.
    """
    spread = ZERO if context.bid is None else max(context.price - context.bid, ZERO)
    return context.budget.commission * (context.price + target) + spread / 2

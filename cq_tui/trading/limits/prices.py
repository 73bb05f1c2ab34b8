"""Limits on the prices that an entry is based on."""

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal


def check_price_gap(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """One price that is wrong by itself buys nothing: signal, ask and last trade must be near each other."""
    if context.last_price is None:
        return None
    prices = signal.judged_price, context.price, context.last_price
    if max(prices) <= min(prices) * (1 + context.limits.max_price_gap):
        return None
    detail = (
        f"entry price {prices[0]}, ask {prices[1]}, last trade {prices[2]}, limit {context.limits.max_price_gap:.1%}"
    )
    return Denial(DenialReason.PRICE_GAP, detail)

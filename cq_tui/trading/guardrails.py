"""The guardrails: whether a signal may become an order, of what size, and if not, why not.

``decide_entry`` asks in this order: the gates (trading state, mode and doubts about the account, the signal and its
figures, the health of the services it depends on, the symbol), the limits, and the levels and size as they will be
sent. A SELL only closes a position and reduces risk: ``check_exit`` asks only whether there is one that the signal can
mean. No trading state, doubt, age, health, quarantine, cooldown or limit holds it back. One that takes a part off has
to be fresh, and waits for doubts to end: its share would be of an uncertain quantity.

Outside live mode, DISABLE_ORDER_GUARDRAILS lifts the limits on appetite. It never lifts a gate, nor a limit on
correctness or loss.
"""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import chain

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.entry_levels import EntryDecision, decide_levels
from cq_tui.trading.gates import gate_denials, part_denials, shut_gates, stopped_denial, unsupported_denial
from cq_tui.trading.limits import lost, quarantined
from cq_tui.trading.limits.table import limit_denials, standing_denials
from cq_tui.trading.signals import TradeSignal


def decide_entry(context: EntryContext, signal: TradeSignal, now: float) -> EntryDecision | Denial:
    """Return how a BUY signal may be followed, or why not. ``now``: Unix seconds by the exchange's clock."""
    denials = chain(gate_denials(context, signal, now), limit_denials(context, signal, now))
    return next(denials, None) or decide_levels(context, signal)


def is_above_limit(context: EntryContext, signal: TradeSignal) -> bool:
    """Whether an entry has to wait for its limit price: the market's is known, and higher."""
    return signal.limit_price is not None and context.price > _limit_on_tick(context, signal)


def decide_wait(context: EntryContext, signal: TradeSignal, now: float) -> EntryDecision | Denial:
    """Return how a BUY signal could be followed if its limit were the price now, or why it is not worth waiting."""
    price = _limit_on_tick(context, signal)
    return decide_entry(replace(context, price=price, bid=None, last_price=None), signal, now)


def check_wait(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Return what ends an entry's wait for its limit price at once, or None.

    That is what somebody has decided: a halt, a mode, a lock, a quarantine, a limit on losses. What passes by itself,
    such as an old price, is judged when the limit is reached, like everything else.
    """
    if (stopped := stopped_denial(context)) is not None:
        return stopped
    if context.symbol_lock is not None:
        return Denial(DenialReason.SYMBOL_LOCKED, f"{signal.symbol}: {context.symbol_lock}")
    checks = quarantined.check_symbol_quarantine, quarantined.check_strategy_quarantine
    found = (*(check(context, signal, now) for check in checks), lost.check_daily_loss(context, now),
             lost.check_drawdown(context, now))  # fmt: skip
    return next((denial for denial in found if denial is not None), None)


def _limit_on_tick(context: EntryContext, signal: TradeSignal) -> Decimal:
    assert signal.limit_price is not None
    return signal.limit_price if context.rules is None else context.rules.quantize_price(signal.limit_price, ROUND_DOWN)


def check_exit(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Return why a SELL signal cannot close a position, or None."""
    if signal.key in context.acted_keys:
        return Denial(DenialReason.DUPLICATE_SIGNAL, signal.key)
    if (denial := unsupported_denial(signal)) is not None:
        return denial
    if signal.symbol not in context.held:
        return Denial(DenialReason.NOTHING_HELD, signal.symbol)
    if (owner := _other_owner(context, signal)) is not None:
        return Denial(DenialReason.OTHER_STRATEGY, owner)
    if signal.bar_close_time < context.opened_ms - signal.frame_ms:
        return Denial(DenialReason.SIGNAL_STALE, "its bar closed before the position was opened")
    return None if signal.part is None else next(part_denials(context, signal, now), None)


def _other_owner(context: EntryContext, signal: TradeSignal) -> str | None:
    """Return whose the position is, if it is not for a signal's strategy to close it.

    One whose owner nobody recorded, as of the first version, is closed by any strategy: else none would.
    """
    is_nobodys = not context.held_by and not context.is_adopted
    is_own = context.held_by == signal.strategy != ""
    if context.exit_any_strategy or is_nobodys or is_own:
        return None
    return f"{signal.symbol} is held by {context.held_by or 'the person who adopted it'}"


def global_denials(context: EntryContext, now: float) -> list[Denial]:
    """Return the denials that any entry would meet at ``now``, whatever its symbol."""
    return [*shut_gates(context, now), *standing_denials(context, now)]

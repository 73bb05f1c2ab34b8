"""Every limit on entries, in the order in which they are checked."""

from collections.abc import Iterator
from typing import Final

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.limits import amounts, lost, pauses, prices, quarantined, rates, signals
from cq_tui.trading.limits.limit import Limit, LimitKind
from cq_tui.trading.signals import TradeSignal

_R, _APPETITE, _CORRECTNESS, _LOSS = DenialReason, LimitKind.APPETITE, LimitKind.CORRECTNESS, LimitKind.LOSS

LIMITS: Final[tuple[Limit, ...]] = (
    Limit(
        _R.DAILY_LOSS, _LOSS, ("TRADER_MAX_DAILY_LOSS",),
        "When this share of the day's first equity is lost, nothing is opened until the next day (UTC).",
        check_all=lost.check_daily_loss,
    ),
    Limit(
        _R.DRAWDOWN, _LOSS, ("TRADER_DRAWDOWN_WARN", "TRADER_DRAWDOWN_REDUCE", "TRADER_DRAWDOWN_HALT"),
        "So far below its peak, the equity is a warning; then nothing is opened; then everything is closed.",
        check_all=lost.check_drawdown,
    ),
    Limit(
        _R.QUARANTINED, _CORRECTNESS,
        (
            "TRADER_QUARANTINE_FAILURES", "TRADER_MAX_SYMBOL_STOPS", "TRADER_MAX_REPAIRS", "TRADER_REPAIR_WINDOW",
            "TRADER_QUARANTINE_SECONDS",
        ),
        "After so many failures or stops in a row, or repairs of its protection, a symbol pauses; then comes a probe.",
        quarantined.check_symbol_quarantine,
    ),
    Limit(
        _R.STRATEGY_QUARANTINED, _LOSS, ("TRADER_MAX_STRATEGY_STOPS", "TRADER_QUARANTINE_SECONDS"),
        "After so many stops with a loss in a row, a strategy pauses; then one entry is let through as a probe.",
        quarantined.check_strategy_quarantine,
    ),
    Limit(
        _R.PRICE_GAP, _CORRECTNESS, ("TRADER_MAX_PRICE_GAP",),
        "The signal's entry price, the ask and the last trade differ by no more than this share.",
        prices.check_price_gap,
    ),
    Limit(
        _R.LOW_CONFIDENCE, _APPETITE, ("TRADER_MIN_CONFIDENCE",),
        "A signal's confidence is at least this.",
        signals.check_confidence,
    ),
    Limit(
        _R.TARGET_TOO_NEAR, _APPETITE, ("TRADER_MIN_TARGET_COSTS",),
        "The target brings at least so many times what buying and selling costs: both commissions and half the spread.",
        signals.check_target,
    ),
    Limit(
        _R.COOLDOWN, _APPETITE, ("TRADER_ORDER_COOLDOWN",),
        "So many seconds lie between two entries in one symbol.",
        pauses.check_cooldown,
    ),
    Limit(
        _R.STRATEGY_COOLDOWN, _APPETITE, (),
        "After a stop, the strategy pauses in the symbol for as long as it says.",
        pauses.check_strategy_cooldown,
    ),
    Limit(
        _R.ORDER_RATE, _APPETITE, ("TRADER_MAX_ORDERS_MINUTE",),
        "No more entries are made within any 60 seconds.",
        check_all=rates.check_minute,
    ),
    Limit(
        _R.ORDERS_A_DAY, _APPETITE, ("TRADER_MAX_ORDERS_DAY",),
        "No more entries are made on one day, UTC.",
        check_all=rates.check_day,
    ),
    Limit(
        _R.MAX_POSITIONS, _APPETITE, ("TRADER_MAX_POSITIONS",),
        "No more positions are open, entries on their way included.",
        amounts.check_positions,
    ),
    Limit(
        _R.EXPOSURE, _APPETITE, ("TRADER_MAX_EXPOSURE",),
        "No larger share of the equity is in positions, entries on their way included; an entry fills what is left.",
        amounts.check_exposure,
    ),
    Limit(
        _R.ORDER_NOTIONAL, _APPETITE, ("TRADER_MAX_ORDER_NOTIONAL",),
        "No entry costs more; a larger one is made smaller.",
        amounts.check_order_notional,
    ),
    Limit(
        _R.SYMBOL_NOTIONAL, _APPETITE, ("TRADER_MAX_SYMBOL_NOTIONAL",),
        "What is held and bought in one symbol is worth no more; an entry fills what is left.",
        amounts.check_symbol_notional,
    ),
    Limit(
        _R.TOTAL_NOTIONAL, _APPETITE, ("TRADER_MAX_TOTAL_NOTIONAL",),
        "What is held and bought in all symbols is worth no more; an entry fills what is left.",
        amounts.check_total_notional,
    ),
)  # fmt: skip

#: Denials that DISABLE_ORDER_GUARDRAILS lifts.
LIFTED: Final = frozenset(limit.reason for limit in LIMITS if limit.kind is _APPETITE)


def limit_denials(context: EntryContext, signal: TradeSignal, now: float) -> Iterator[Denial]:
    """Yield the denials of all limits that refuse the entry, in their order."""
    found = (limit.denial(context, signal, now) for limit in _in_force(context))
    return (denial for denial in found if denial is not None)


def standing_denials(context: EntryContext, now: float) -> Iterator[Denial]:
    """Yield the denials of all limits that refuse every entry alike."""
    found = (limit.check_all(context, now) for limit in _in_force(context) if limit.check_all is not None)
    return (denial for denial in found if denial is not None)


def _in_force(context: EntryContext) -> Iterator[Limit]:
    lifted = context.is_without_appetite
    return (limit for limit in LIMITS if not (lifted and limit.kind is _APPETITE))

"""Every limit on entries, in the order in which they are checked."""

from collections.abc import Iterator
from typing import Final

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.limits import amounts, lost, pauses, prices, quarantined
from cq_tui.trading.limits.limit import Limit, LimitKind
from cq_tui.trading.signals import TradeSignal

_R, _APPETITE, _CORRECTNESS, _LOSS = DenialReason, LimitKind.APPETITE, LimitKind.CORRECTNESS, LimitKind.LOSS

LIMITS: Final[tuple[Limit, ...]] = (
    Limit(
        _R.DAILY_LOSS, _LOSS, ("TRADER_MAX_DAILY_LOSS",),
        "When this share of the day's first equity is lost, nothing is opened until the next day (UTC).",
        lost.check_daily_loss,
    ),
    Limit(
        _R.DRAWDOWN, _LOSS, ("TRADER_DRAWDOWN_WARN", "TRADER_DRAWDOWN_REDUCE", "TRADER_DRAWDOWN_HALT"),
        "So far below its peak, the equity is a warning; then nothing is opened; then everything is closed.",
        lost.check_drawdown,
    ),
    Limit(
        _R.QUARANTINED, _CORRECTNESS, ("TRADER_QUARANTINE_FAILURES", "TRADER_QUARANTINE_SECONDS"),
        "After so many failures in a row, a symbol pauses; then one entry is let through as a probe.",
        quarantined.check_symbol_quarantine,
    ),
    Limit(
        _R.PRICE_GAP, _CORRECTNESS, ("TRADER_MAX_PRICE_GAP",),
        "The signal's entry price, the ask and the last trade differ by no more than this share.",
        prices.check_price_gap,
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
        _R.MAX_POSITIONS, _APPETITE, ("TRADER_MAX_POSITIONS",),
        "No more positions are open, entries on their way included.",
        amounts.check_positions,
    ),
    Limit(
        _R.EXPOSURE, _APPETITE, ("TRADER_MAX_EXPOSURE",),
        "No larger share of the equity is in positions, entries on their way included.",
        amounts.check_exposure,
    ),
)  # fmt: skip

#: Denials that DISABLE_ORDER_GUARDRAILS lifts.
LIFTED: Final = frozenset(limit.reason for limit in LIMITS if limit.kind is _APPETITE)


def limit_denials(
    context: EntryContext, signal: TradeSignal, now: float, *, without_appetite: bool = False
) -> Iterator[Denial]:
    """Yield the denials of all limits that refuse the entry, in their order."""
    for limit in LIMITS:
        is_lifted = without_appetite and limit.kind is _APPETITE
        if not is_lifted and (denial := limit.check(context, signal, now)) is not None:
            yield denial

"""What a limit is: one pure check, with the reason of its denial, its settings, its kind and its meaning."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal

#: Returns why an entry is refused, or None. The time is Unix seconds by the exchange's clock.
Check = Callable[[EntryContext, TradeSignal, float], Denial | None]
#: The same of one that refuses every entry alike, whatever the signal and its symbol.
CheckAll = Callable[[EntryContext, float], Denial | None]


class LimitKind(StrEnum):
    """What a limit is about, and so whether DISABLE_ORDER_GUARDRAILS lifts it."""

    #: How much and how often is traded: a wish. Lifted, outside live mode.
    APPETITE = "appetite"
    #: What must be so for an entry to make sense. Never lifted.
    CORRECTNESS = "correctness"
    #: What may be lost. Never lifted.
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on entries. Its defaults are those of its settings."""

    reason: DenialReason
    kind: LimitKind
    settings: tuple[str, ...]
    #: What it says, in one line.
    meaning: str
    #: One of the two. What refuses every entry for longer than a moment is named in health.
    check: Check | None = None
    check_all: CheckAll | None = None

    @property
    def name(self) -> str:
        """The code of its denial."""
        return self.reason.value

    def denial(self, context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
        """Return why the limit refuses an entry, or None."""
        if self.check_all is not None:
            return self.check_all(context, now)
        return None if self.check is None else self.check(context, signal, now)

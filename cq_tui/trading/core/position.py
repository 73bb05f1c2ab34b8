"""The position in one symbol, as the book has it."""

from decimal import Decimal
from typing import NamedTuple

from cq_tui.trading.core.naked import NakedSpan
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.position_life import NakedKind, PositionState

ZERO = Decimal(0)


class PartExit(NamedTuple):
    """A part of a position is to be sold: what is held beyond ``keep``, in base units."""

    signal_key: str
    keep: Decimal
    reason: str
    #: When it was asked for.
    ms: int


class Position(NamedTuple):
    """The position in one symbol. What it holds is in the holding of its symbol. Times in Unix milliseconds."""

    symbol: str
    state: PositionState
    plan: Plan
    opened_ms: int = 0
    #: Total quantity bought, and what it cost without commissions; less what a part exit has sold of it.
    bought: Decimal = ZERO
    spent: Decimal = ZERO
    #: Why it is to be closed; empty if it is not.
    exit_reason: str = ""
    exit_signal: str = ""
    #: Since when it is without a working stop, and why; None if it has one or nothing is held.
    naked: NakedSpan | None = None
    #: The naked time that ended last and is not told yet: why, and how long (ms).
    was_naked: tuple[NakedKind, int] | None = None
    #: The part that is to be sold; None if none is.
    part: PartExit | None = None

    @property
    def average_price(self) -> Decimal:
        """Quote units per base unit over all that was bought; 0 before the first fill."""
        return self.spent / self.bought if self.bought else ZERO

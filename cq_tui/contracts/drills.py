"""``drills/<time>-<name>/report.json``: how a drill went."""

from typing import Annotated

from cq_tui.contracts.base import ContractModel, Count, Seconds, Timestamp
from cq_tui.contracts.units import QUOTE


class DrillFigures(ContractModel):
    """What was measured on the private exchange and in the private history."""

    orders: Count
    """Orders that the exchange has, legs included."""
    fills: Count
    """Fills at the exchange; each was told once."""
    naked_seconds: Seconds
    """The longest time that a position was without a working stop, by the exchange's times."""
    most_naked_seconds: Seconds
    """How long it may be in this drill."""
    equity: Annotated[str, QUOTE]
    """Of the account document at the end."""
    equity_difference: Annotated[str, QUOTE]
    """Equity minus what the exchange holds for us: balance of the quote asset and coins at the best bid."""
    profit_difference: Annotated[str, QUOTE]
    """Change of the equity minus realized and unrealized profit."""
    events: Count
    """Events of the private history, all verified."""
    faults: Count
    """Faults that the verification found."""
    expected_faults: Count = 0
    """Faults that the drill itself made."""


class DrillStep(ContractModel):
    """What happened, and when."""

    at: Seconds
    """Since the drill began."""
    text: str


class DrillReport(ContractModel):
    """``drills/<time>-<drill>/report.json``: how a drill went."""

    drill: str
    """Name of the drill."""
    description: str
    """What it rehearses."""
    version: str
    started_ts: Timestamp
    seconds: Seconds
    """How long it took."""
    passed: bool
    """Whether it passed."""
    problem: str | None = None
    """Why it failed."""
    sabotaged: bool = False
    """The product's answer was broken on purpose, to see the drill fail."""
    steps: list[DrillStep] = []
    """What happened, in order."""
    figures: DrillFigures | None = None
    """Null if it failed before they could be taken."""

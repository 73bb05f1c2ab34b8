"""What a look back is asked for, and why it cannot be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cq_tui.lookback.costs import Costs
from cq_tui.trading.core.settings import TraderSettings


class BacktestError(ValueError):
    """It cannot be run; the message names what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """One run. Times in Unix ms; None for all that was recorded, after the warm-up."""

    #: By name: the parameters that differ from the defaults.
    strategies: Mapping[str, Mapping[str, Any]]
    from_ms: int | None = None
    to_ms: int | None = None
    #: What the account holds of the quote asset at the start.
    cash: Decimal = Decimal(10_000)
    costs: Costs = field(default_factory=Costs)
    #: Limits and amounts as of a trader; its symbols are those of the columns.
    settings: TraderSettings = field(default_factory=TraderSettings)
    #: Whether to leave out the candles in which nothing can happen: the outcome is the same.
    skip_idle: bool = True
    #: Whether whole recordings are scanned for signals where all strategies of a symbol can: they are the same.
    scan: bool = False

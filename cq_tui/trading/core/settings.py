"""The settings that the core decides by, as exact numbers."""

from dataclasses import dataclass
from decimal import Decimal

from cq_tui.contracts.mode import Mode
from cq_tui.contracts.settings import TradingState
from cq_tui.trading.entry_context import EntryLimits
from cq_tui.trading.limits.losses import LOSS_DEFAULTS, LossLimits


@dataclass(frozen=True, slots=True)
class TraderSettings(EntryLimits):
    """Limits and wishes in force; those on entries are inherited.

    Amounts in the quote asset, shares as fractions, times in seconds.
    """

    mode: Mode = "simulation"
    trading_state: TradingState = "active"
    #: Who stopped trading, since when and why; None if only settings say it, or it is active.
    stop_reason: str | None = None
    #: Why no order is possible in this mode; None if orders are possible.
    mode_blocked: str | None = None
    #: Why the settings only let positions be closed (``ServiceRuntime.loaded.problem``); None if they are in force.
    settings_problem: str | None = None
    guardrails_disabled: bool = False
    quote: str = "USDT"
    symbols: tuple[str, ...] = ()
    order_quote: Decimal = Decimal(100)
    quarantine_failures: int = 3
    quarantine_seconds: float = 900.0
    #: Stops with a loss in a row after which a symbol, or a strategy, is quarantined.
    max_symbol_stops: int = 10
    max_strategy_stops: int = 20
    #: How often a position's protection is placed again within so many seconds, before it is sold instead.
    max_repairs: int = 5
    repair_window: float = 60.0
    #: What may be lost, as shares.
    losses: LossLimits = LOSS_DEFAULTS
    #: Whether a SELL signal closes the position of another strategy.
    exit_any_strategy: bool = False
    slippage_cap: Decimal = Decimal("0.002")
    target_costs: Decimal = Decimal(1)
    #: Strategies that the settings turn off.
    strategies_off: tuple[str, ...] = ()

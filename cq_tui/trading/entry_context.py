"""What an entry is judged by: health, account, symbol and limits, gathered by the trader for one signal."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.contracts.base import Status
from cq_tui.contracts.mode import Mode, soft_guardrails_active
from cq_tui.contracts.settings import TradingState
from cq_tui.trading.limits.losses import LossLimit
from cq_tui.trading.sizing import EntryBudget


def _nothing_lost(_: LossLimit) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The content of a health file. ``last_update`` in Unix seconds; 0.0 if there is none."""

    status: Status = "error"
    last_update: float = 0.0
    #: Memory's ``integrity_ok``; True for the others.
    intact: bool = True
    #: Why the status is not ok.
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EntryLimits:
    """Limits from the settings."""

    freshness: float = 10.0
    cooldown: float = 1.0
    max_positions: int = 5
    #: Maximum share of the equity in positions.
    max_exposure: Decimal = Decimal("0.5")
    #: Share above the ask that an entry may cost, and share by which signal, ask and last trade may differ.
    slippage_cap: Decimal = Decimal(0)
    max_price_gap: Decimal = Decimal("0.02")
    min_confidence: float = 0.0
    #: Most entries in any 60 seconds, and on one day (UTC).
    orders_minute: int = 30
    orders_day: int = 5_000
    #: Most quote units of one entry, in one symbol and in all; None for no limit.
    order_notional: Decimal | None = None
    symbol_notional: Decimal | None = None
    total_notional: Decimal | None = None
    #: A target brings at least so many times what buying and selling costs.
    target_costs: Decimal = Decimal(0)
    #: Share of the equity that may be lost between entry and stop; 0 leaves the size to the order quote.
    risk_fraction: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class EntryContext:
    """Everything the guardrails check, gathered by the trader for one signal."""

    mode: Mode
    trading_state: TradingState
    ares: HealthReport
    feeder: HealthReport
    memory: HealthReport
    budget: EntryBudget
    #: Value of the account, and of all open and pending positions, in quote units.
    equity: Decimal
    exposure: Decimal
    #: Best ask of the symbol, and the time of its last message (Unix seconds); 0 if there is none.
    price: Decimal
    price_time: float
    #: Rules of the symbol; None if the exchange does not list it.
    rules: SymbolRules | None
    limits: EntryLimits = field(default_factory=EntryLimits)
    guardrails_disabled: bool = False
    #: Who stopped trading, since when and why; None if only settings say it.
    stop_reason: str | None = None
    #: Why no order is possible in this mode; None if orders are possible.
    mode_blocked: str | None = None
    #: Why the settings only let positions be closed, whatever they say; None if they are in force.
    settings_problem: str | None = None
    #: Why the disk takes nothing that opens risk; None if it does.
    disk_problem: str | None = None
    reconciled: bool = True
    #: Why the exchange does not answer, or refuses the account; None if it answers.
    exchange_problem: str | None = None
    #: For how long the exchange's request limits leave no room for an entry; None if there is room.
    limits_problem: str | None = None
    #: Local Unix seconds, by which health files are dated; None where both clocks are one.
    local_now: float | None = None
    #: What cannot be explained about the account, and about the symbol; None if nothing.
    account_doubt: str | None = None
    symbol_doubt: str | None = None
    #: Who had the symbol flattened; None if it may be opened again.
    symbol_lock: str | None = None
    #: Whether the symbol is to be traded, and the asset in which money is counted (None: any).
    watched: bool = True
    quote_asset: str | None = None
    #: Best bid and last trade; None to leave them unchecked.
    bid: Decimal | None = None
    last_price: Decimal | None = None
    #: When the position in the symbol was opened (exchange's Unix ms); 0 if it was not.
    opened_ms: int = 0
    #: Whether the signal was taken before, and has waited for its limit price: then its time counts, not its age.
    has_waited: bool = False
    #: Natural keys of the signals already acted on.
    acted_keys: Collection[str] = frozenset()
    #: Symbols with a position, and symbols with a pending entry.
    held: Collection[str] = frozenset()
    pending: Collection[str] = frozenset()
    #: By symbol: time of the last entry (Unix seconds).
    last_entry: Mapping[str, float] = field(default_factory=dict)
    #: By (strategy, symbol): end of the cooldown after a stop (Unix seconds).
    paused_until: Mapping[tuple[str, str], float] = field(default_factory=dict)
    #: Entries of the last 60 seconds, and of this day (UTC).
    entries_minute: int = 0
    entries_day: int = 0
    #: Value of what is held and bought in the symbol, in quote units.
    symbol_value: Decimal = Decimal(0)
    #: Why the symbol is quarantined; None if it is not, or if this is the probe.
    quarantine: str | None = None
    #: By name: why a strategy is quarantined.
    quarantined_strategies: Mapping[str, str] = field(default_factory=dict)
    #: Returns why a limit on losses lets nothing be opened; None if it does not.
    loss_problem: Callable[[LossLimit], str | None] = _nothing_lost
    #: The strategy whose position is in the symbol; empty if it is no strategy's.
    held_by: str = ""
    #: Whether a person adopted that position: without a strategy it is the person's.
    is_adopted: bool = False
    #: How much is held of the symbol, in base units; whether some or all of it is being sold, and its stop is there.
    quantity: Decimal = Decimal(0)
    is_leaving: bool = False
    is_protected: bool = False
    #: Whether a SELL closes the position of another strategy.
    exit_any_strategy: bool = False
    #: Returns equity and exposure in their place when they are needed: valuing a large account takes a while.
    worth: Callable[[], tuple[Decimal, Decimal]] | None = None

    @property
    def is_without_appetite(self) -> bool:
        """Whether DISABLE_ORDER_GUARDRAILS lifts the limits on appetite: never in live mode."""
        return not soft_guardrails_active(self.mode, disabled=self.guardrails_disabled)

    def value(self) -> tuple[Decimal, Decimal]:
        """Return equity and exposure, entries on their way included."""
        return (self.equity, self.exposure) if self.worth is None else self.worth()

"""The guardrails: whether a signal may become an order, of what size, and if not, why not.

``decide_entry`` checks in this order: trading state and mode, the signal's age, the health of the services it depends
on, the symbol, the limits, and the size that the balance allows. A SELL only closes a position and reduces risk, so
``check_exit`` checks the first two only: stale health, quarantine, cooldowns and limits do not hold it back.

Outside live mode, DISABLE_ORDER_GUARDRAILS lifts the soft guardrails: both cooldowns, the number of positions and the
exposure. It never lifts trading state, mode, duplicates, freshness, health, quarantine or balance.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.contracts.base import Status
from cq_tui.contracts.freshness import Ahead, Fresh, Missing, Stale, classify_age, judge_age
from cq_tui.contracts.mode import Mode, soft_guardrails_active
from cq_tui.contracts.settings import TradingState
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntryBudget, EntrySize, size_entry

#: Maximum age of a health file, in seconds; prices and the feeder have ARES_FRESHNESS_THRESHOLD.
ARES_MAX_AGE = 30.0
MEMORY_MAX_AGE = 5.0


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
    #: Why no order is possible in this mode; None if orders are possible.
    mode_blocked: str | None = None
    #: Why the disk takes nothing that opens risk; None if it does.
    disk_problem: str | None = None
    reconciled: bool = True
    #: Natural keys of the signals already acted on.
    acted_keys: Collection[str] = frozenset()
    #: Symbols with a position, and symbols with a pending entry.
    held: Collection[str] = frozenset()
    pending: Collection[str] = frozenset()
    #: By symbol: time of the last entry (Unix seconds).
    last_entry: Mapping[str, float] = field(default_factory=dict)
    #: By (strategy, symbol): end of the cooldown after a stop (Unix seconds).
    paused_until: Mapping[tuple[str, str], float] = field(default_factory=dict)
    #: Why the symbol is quarantined; None if it is not, or if this is the probe.
    quarantine: str | None = None


def decide_entry(context: EntryContext, signal: TradeSignal, now: float) -> EntrySize | Denial:
    """Return how much a BUY signal buys, or why it may not. ``now``: Unix seconds by the exchange's clock."""
    return _first_denial(_ENTRY_CHECKS, context, signal, now) or _decide_size(context, signal)


def check_exit(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Return why a SELL signal may not close its position, or None."""
    return _first_denial(_EXIT_CHECKS, context, signal, now)


def global_denials(context: EntryContext, now: float) -> list[Denial]:
    """Return the denials that any entry would meet at ``now``, whatever its symbol."""
    found = (
        _trading_denial(context),
        Denial(DenialReason.TRADING_REDUCING) if context.trading_state == "reducing" else None,
        *_health_denials(context, now),
    )
    return [denial for denial in found if denial is not None]


_Check = Callable[[EntryContext, TradeSignal, float], Denial | None]


def _first_denial(checks: Iterable[_Check], context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    found = (check(context, signal, now) for check in checks)
    lifted = not soft_guardrails_active(context.mode, disabled=context.guardrails_disabled)
    return next((denial for denial in found if denial and not (lifted and denial.reason.is_soft)), None)


def _check_trading(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return _trading_denial(context)


def _trading_denial(context: EntryContext) -> Denial | None:
    if context.trading_state == "halted":
        return Denial(DenialReason.TRADING_HALTED)
    if context.mode_blocked is not None:
        return Denial(DenialReason.MODE_BLOCKED, context.mode_blocked)
    return None if context.reconciled else Denial(DenialReason.NOT_RECONCILED)


def _check_reducing(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return Denial(DenialReason.TRADING_REDUCING) if context.trading_state == "reducing" else None


def _check_signal(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if signal.key in context.acted_keys:
        return Denial(DenialReason.DUPLICATE_SIGNAL, signal.key)
    match classify_age(signal.age(now), context.limits.freshness):
        case Ahead(seconds):
            return Denial(DenialReason.SIGNAL_FROM_FUTURE, f"in {seconds:.1f} s")
        case Stale(age):
            return Denial(DenialReason.SIGNAL_STALE, f"{age:.1f} s, limit {context.limits.freshness:g} s")
        case Fresh():
            return None


def _check_held(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return None if signal.symbol in context.held else Denial(DenialReason.NOTHING_HELD, signal.symbol)


def _check_health(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return next((denial for denial in _health_denials(context, now) if denial is not None), None)


def _health_denials(context: EntryContext, now: float) -> Iterator[Denial | None]:
    reason = DenialReason
    yield Denial(reason.DISK_FULL, context.disk_problem) if context.disk_problem else None
    yield _service_denial(context.ares, now, ARES_MAX_AGE, reason.ARES_STALE, reason.ARES_UNHEALTHY)
    yield _service_denial(context.feeder, now, context.limits.freshness, reason.FEEDER_STALE, reason.FEEDER_UNHEALTHY)
    yield _service_denial(context.memory, now, MEMORY_MAX_AGE, reason.MEMORY_STALE, reason.MEMORY_UNHEALTHY)
    if context.memory.status == "degraded":
        # It may not record what follows, or not when it happens: doubt opens no position.
        yield Denial(reason.MEMORY_UNHEALTHY, context.memory.reason or "status degraded")


def _service_denial(
    seen: HealthReport, now: float, limit: float, stale: DenialReason, unhealthy: DenialReason
) -> Denial | None:
    if denial := _age_denial(seen.last_update, now, limit, stale):
        return denial
    if seen.status == "error" or not seen.intact:
        return Denial(unhealthy, "status error" if seen.status == "error" else "integrity_ok is false")
    return None


def _age_denial(moment: float, now: float, limit: float, reason: DenialReason) -> Denial | None:
    match judge_age(moment, now, limit):
        case Missing():
            return Denial(reason, "no report yet")
        case Ahead(seconds):
            return Denial(reason, f"dated {seconds:.1f} s ahead")
        case Stale(age):
            return Denial(reason, f"{age:.1f} s, limit {limit:g} s")
        case Fresh():
            return None


def _check_price(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if context.price <= 0:
        return Denial(DenialReason.FEEDER_STALE, f"no price of {signal.symbol} yet")
    return _age_denial(context.price_time, now, context.limits.freshness, DenialReason.FEEDER_STALE)


def _trading_rules(context: EntryContext, signal: TradeSignal) -> SymbolRules | Denial:
    if context.rules is not None and context.rules.status == "TRADING":
        return context.rules
    status = "not listed" if context.rules is None else context.rules.status
    return Denial(DenialReason.SYMBOL_NOT_TRADING, f"{signal.symbol}: {status}")


def _check_symbol(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    rules = _trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    if context.quarantine is not None:
        return Denial(DenialReason.QUARANTINED, context.quarantine)
    if signal.symbol in context.held:
        return Denial(DenialReason.POSITION_OPEN, signal.symbol)
    return Denial(DenialReason.ENTRY_PENDING, signal.symbol) if signal.symbol in context.pending else None


def _check_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    left = context.last_entry.get(signal.symbol, 0.0) + context.limits.cooldown - now
    return Denial(DenialReason.COOLDOWN, f"{left:.1f} s left") if left > 0 else None


def _check_strategy_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    left = context.paused_until.get((signal.strategy, signal.symbol), 0.0) - now
    return Denial(DenialReason.STRATEGY_COOLDOWN, f"{left:.0f} s left") if left > 0 else None


def _check_max_positions(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    count, limit = len({*context.held, *context.pending}), context.limits.max_positions
    return Denial(DenialReason.MAX_POSITIONS, f"{count} of {limit}") if count >= limit else None


def _check_exposure(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    after = context.exposure + context.budget.order_quote
    limit = context.equity * context.limits.max_exposure
    return Denial(DenialReason.EXPOSURE, f"{after:.2f} with this entry, limit {limit:.2f}") if after > limit else None


def _decide_size(context: EntryContext, signal: TradeSignal) -> EntrySize | Denial:
    rules = _trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    if not signal.stop_loss < context.price < signal.take_profit:
        levels = f"stop {signal.stop_loss}, price {context.price}, target {signal.take_profit}"
        return Denial(DenialReason.LEVELS_PASSED, levels)
    return size_entry(rules, context.price, signal.stop_loss, context.budget)


_EXIT_CHECKS: tuple[_Check, ...] = (_check_trading, _check_signal, _check_held)
_ENTRY_CHECKS: tuple[_Check, ...] = (
    _check_trading,
    _check_reducing,
    _check_signal,
    _check_health,
    _check_price,
    _check_symbol,
    _check_cooldown,
    _check_strategy_cooldown,
    _check_max_positions,
    _check_exposure,
)

"""The guardrails: whether a signal may become an order, of what size, and if not, why not.

``decide_entry`` checks in this order: trading state, mode and doubts about the account, the signal and its figures, the
health of the services it depends on, the symbol, the limits, the levels as they will be sent, and the size that the
balance allows. A SELL only closes a position and reduces risk: ``check_exit`` asks only whether there is one that the
signal can mean. No trading state, doubt, age, health, quarantine, cooldown or limit holds it back.

Outside live mode, DISABLE_ORDER_GUARDRAILS lifts the soft guardrails: both cooldowns, the number of positions and the
exposure. It never lifts trading state, mode, duplicates, freshness, health, quarantine or balance.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.contracts.base import Status
from cq_tui.contracts.freshness import Ahead, Fresh, Missing, Stale, classify_age, judge_age
from cq_tui.contracts.mode import Mode, soft_guardrails_active
from cq_tui.contracts.settings import TradingState
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.units import unit_fault
from cq_tui.trading.protection import can_protect_by_list, refused_leg
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntryBudget, EntrySize, size_entry

#: Maximum age of a health file, in seconds; prices and the feeder have ARES_FRESHNESS_THRESHOLD.
ARES_MAX_AGE = 30.0
MEMORY_MAX_AGE = 5.0
#: Seconds by which this computer's clock may differ from the exchange's: beyond, its records mislead.
MAX_SKEW = 60.0
#: Bounds of the distance from the price to the stop, as shares of the price.
MIN_STOP_DISTANCE, MAX_STOP_DISTANCE = Decimal("0.0002"), Decimal("0.5")
#: A target is at most so many times the price. No exchange takes more, and larger figures could not be counted with.
MAX_TARGET = 100
#: Longest time stop and cooldown (100 years in milliseconds): the end of each fits into an event.
MAX_WAIT_MS = 100 * 365 * 86_400_000


#: By so many seconds the exchange's time of an order may be ahead of our estimate of its clock.
_CLOCK_TOLERANCE = 1.0


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
    #: Whether the symbol is to be traded, and the asset in which money is counted (None: any).
    watched: bool = True
    quote_asset: str | None = None
    #: Best bid and last trade; None to leave them unchecked.
    bid: Decimal | None = None
    last_price: Decimal | None = None
    #: When the position in the symbol was opened (exchange's Unix ms); 0 if it was not.
    opened_ms: int = 0
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
    #: Returns equity and exposure in their place when they are needed: valuing a large account takes a while.
    worth: Callable[[], tuple[Decimal, Decimal]] | None = None


class EntryDecision(NamedTuple):
    """An entry that may be made: how much, up to which price, and its levels on the tick."""

    size: EntrySize
    #: The most that one unit may cost: the ask plus the slippage cap, on the tick.
    limit_price: Decimal
    stop_loss: Decimal
    take_profit: Decimal


def decide_entry(context: EntryContext, signal: TradeSignal, now: float) -> EntryDecision | Denial:
    """Return how a BUY signal may be followed, or why not. ``now``: Unix seconds by the exchange's clock."""
    return _first_denial(_ENTRY_CHECKS, context, signal, now) or _decide_levels(context, signal)


def check_exit(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Return why a SELL signal cannot close a position, or None."""
    if signal.key in context.acted_keys:
        return Denial(DenialReason.DUPLICATE_SIGNAL, signal.key)
    if signal.symbol not in context.held:
        return Denial(DenialReason.NOTHING_HELD, signal.symbol)
    if signal.bar_close_time < context.opened_ms - signal.frame_ms:
        return Denial(DenialReason.SIGNAL_STALE, "its bar closed before the position was opened")
    return None


def global_denials(context: EntryContext, now: float) -> list[Denial]:
    """Return the denials that any entry would meet at ``now``, whatever its symbol."""
    found = (
        _trading_denial(context),
        _reducing_denial(context),
        _skew_denial(context, now),
        Denial(DenialReason.ACCOUNT_IN_DOUBT, context.account_doubt) if context.account_doubt else None,
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
        return Denial(DenialReason.TRADING_HALTED, context.stop_reason or "")
    if context.mode_blocked is not None:
        return Denial(DenialReason.MODE_BLOCKED, context.mode_blocked)
    if context.limits_problem is not None:
        # The 429 is the last thing that the exchange said; its connection and our key are well.
        return Denial(DenialReason.REQUEST_LIMITS, context.limits_problem)
    if context.exchange_problem is not None:
        return Denial(DenialReason.EXCHANGE_UNREACHABLE, context.exchange_problem)
    return None if context.reconciled else Denial(DenialReason.NOT_RECONCILED)


def _check_reducing(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return _reducing_denial(context)


def _reducing_denial(context: EntryContext) -> Denial | None:
    if context.trading_state != "reducing":
        return None
    reasons = filter(None, (context.stop_reason, context.settings_problem))
    return Denial(DenialReason.TRADING_REDUCING, "; ".join(reasons))


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


def _check_account(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if context.account_doubt is not None:
        return Denial(DenialReason.ACCOUNT_IN_DOUBT, context.account_doubt)
    return _skew_denial(context, now)


def _skew_denial(context: EntryContext, now: float) -> Denial | None:
    skew = 0.0 if context.local_now is None else context.local_now - now
    if abs(skew) <= MAX_SKEW:
        return None
    return Denial(DenialReason.CLOCK_SKEW, f"by {abs(skew):,.0f} s: it is {'ahead' if skew > 0 else 'behind'}")


def _check_figures(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    fault = _figure_fault(signal)
    return Denial(DenialReason.SIGNAL_IMPLAUSIBLE, fault) if fault else None


def _figure_fault(signal: TradeSignal) -> str | None:
    if not 0 < signal.confidence <= 1:
        return f"confidence {signal.confidence:g}, expected more than 0 and at most 1"
    if signal.trail is not None and not 0 < signal.trail < signal.entry_price:
        return f"trail {signal.trail}, expected between 0 and the entry price {signal.entry_price}"
    if not signal.stop_loss < signal.entry_price < signal.take_profit:
        return f"entry price {signal.entry_price} not between stop {signal.stop_loss} and target {signal.take_profit}"
    if signal.take_profit > signal.entry_price * MAX_TARGET:
        return f"target {signal.take_profit}, expected at most {MAX_TARGET} times the entry price {signal.entry_price}"
    for name, bars in (("max_bars", signal.max_bars or 0), ("cooldown_bars", signal.cooldown_bars)):
        if bars * signal.frame_ms > MAX_WAIT_MS:
            return f"{name} {bars}, expected at most {MAX_WAIT_MS // signal.frame_ms} bars of {signal.frame}"
    distance = (signal.entry_price - signal.stop_loss) / signal.entry_price
    if not MIN_STOP_DISTANCE <= distance <= MAX_STOP_DISTANCE:
        return f"stop {distance:.3%} away, expected {MIN_STOP_DISTANCE:.2%} to {MAX_STOP_DISTANCE:.0%}"
    return None


def _check_health(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return next((denial for denial in _health_denials(context, now) if denial is not None), None)


def _health_denials(context: EntryContext, now: float) -> Iterator[Denial | None]:
    reason = DenialReason
    # Health files carry the time of this computer.
    now = now if context.local_now is None else context.local_now
    yield Denial(reason.DISK_FULL, context.disk_problem) if context.disk_problem else None
    yield _service_denial(context.ares, now, ARES_MAX_AGE, reason.ARES_STALE, reason.ARES_UNHEALTHY)
    yield _service_denial(context.feeder, now, context.limits.freshness, reason.FEEDER_STALE, reason.FEEDER_UNHEALTHY)
    yield _service_denial(context.memory, now, MEMORY_MAX_AGE, reason.MEMORY_STALE, reason.MEMORY_UNHEALTHY)
    is_said = context.settings_problem is not None and context.memory.reason == context.settings_problem
    if context.memory.status == "degraded" and not is_said:
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
    if denial := _age_denial(context.price_time, now, context.limits.freshness, DenialReason.FEEDER_STALE):
        return denial
    return _gap_denial(context, signal)


def _gap_denial(context: EntryContext, signal: TradeSignal) -> Denial | None:
    """One price that is wrong by itself buys nothing: signal, ask and last trade must be near each other."""
    if context.last_price is None:
        return None
    prices = signal.entry_price, context.price, context.last_price
    if max(prices) <= min(prices) * (1 + context.limits.max_price_gap):
        return None
    detail = (
        f"entry price {prices[0]}, ask {prices[1]}, last trade {prices[2]}, limit {context.limits.max_price_gap:.1%}"
    )
    return Denial(DenialReason.PRICE_GAP, detail)


def _trading_rules(context: EntryContext, signal: TradeSignal) -> SymbolRules | Denial:
    if context.rules is not None and context.rules.status == "TRADING":
        return context.rules
    status = "not listed" if context.rules is None else context.rules.status
    return Denial(DenialReason.SYMBOL_NOT_TRADING, f"{signal.symbol}: {status}")


def _check_symbol(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if not context.watched:
        return Denial(DenialReason.NOT_WATCHED, signal.symbol)
    rules = _trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    if context.quote_asset is not None and (fault := unit_fault(rules, context.quote_asset)):
        return Denial(DenialReason.QUOTE_ASSET, fault)
    if context.symbol_doubt is not None:
        return Denial(DenialReason.SYMBOL_IN_DOUBT, context.symbol_doubt)
    if context.quarantine is not None:
        return Denial(DenialReason.QUARANTINED, context.quarantine)
    if signal.symbol in context.held:
        return Denial(DenialReason.POSITION_OPEN, signal.symbol)
    return Denial(DenialReason.ENTRY_PENDING, signal.symbol) if signal.symbol in context.pending else None


def _check_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    last = context.last_entry.get(signal.symbol, 0.0)
    # An entry of the future: the exchange's clock was set back, and how long ago it was is not known.
    left = last + context.limits.cooldown - now if last <= now + _CLOCK_TOLERANCE else 0.0
    return Denial(DenialReason.COOLDOWN, f"{left:.1f} s left") if left > 0 else None


def _check_strategy_cooldown(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    left = context.paused_until.get((signal.strategy, signal.symbol), 0.0) - now
    return Denial(DenialReason.STRATEGY_COOLDOWN, f"{left:.0f} s left") if left > 0 else None


def _check_max_positions(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    count, limit = len({*context.held, *context.pending}), context.limits.max_positions
    return Denial(DenialReason.MAX_POSITIONS, f"{count} of {limit}") if count >= limit else None


def _check_exposure(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    equity, exposure = (context.equity, context.exposure) if context.worth is None else context.worth()
    after = exposure + context.budget.order_quote
    limit = equity * context.limits.max_exposure
    return Denial(DenialReason.EXPOSURE, f"{after:.2f} with this entry, limit {limit:.2f}") if after > limit else None


def _decide_levels(context: EntryContext, signal: TradeSignal) -> EntryDecision | Denial:
    """Judge the levels as they will be sent, and size at the highest price that may be paid."""
    rules = _trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    stop = rules.quantize_price(signal.stop_loss, ROUND_DOWN)
    target = rules.quantize_price(signal.take_profit, ROUND_HALF_EVEN)
    limit = _highest_price(rules, context.price, target, context.limits.slippage_cap)
    lowest = min(price for price in (context.price, context.bid, context.last_price) if price is not None)
    if not 0 < stop < lowest or target <= limit:
        known = (plain_text(price) for price in (stop, lowest, limit, target))
        levels = "stop {}, price {}, at most {} to pay, target {}".format(*known)
        return Denial(DenialReason.LEVELS_PASSED, levels)
    size = size_entry(rules, limit, stop, context.budget)
    if isinstance(size, Denial):
        return size
    if fault := _protection_fault(rules, size, stop, target, context.last_price or context.price):
        return Denial(DenialReason.PROTECTION_IMPOSSIBLE, f"{signal.symbol}: {fault}")
    return EntryDecision(size, limit, stop, target)


def _highest_price(rules: SymbolRules, ask: Decimal, target: Decimal, slippage_cap: Decimal) -> Decimal:
    """Return the most that an entry may cost: the ask plus the cap, but at most halfway to its target."""
    by_cap = rules.quantize_price(ask * (1 + slippage_cap), ROUND_UP)
    halfway = rules.quantize_price((ask + target) / 2, ROUND_DOWN)
    return max(ask, min(by_cap, halfway))


def _protection_fault(
    rules: SymbolRules, size: EntrySize, stop: Decimal, target: Decimal, price: Decimal
) -> str | None:
    """Return what keeps the exchange from taking stop and target, as far as it can be known before."""
    if not rules.oco_allowed:
        return "it takes no OCO orders"
    if not can_protect_by_list(rules):
        return f"it takes only {', '.join(sorted(rules.order_types))} orders"
    leg = refused_leg(rules, size.sellable, stop, target, price)
    return None if leg is None else f"{leg.order_type} of {size.sellable} at {leg.level}: {leg.filter}"


_ENTRY_CHECKS: tuple[_Check, ...] = (
    _check_trading,
    _check_reducing,
    _check_account,
    _check_signal,
    _check_figures,
    _check_health,
    _check_symbol,
    _check_price,
    _check_cooldown,
    _check_strategy_cooldown,
    _check_max_positions,
    _check_exposure,
)

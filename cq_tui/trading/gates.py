"""The gates: what must be so before a signal is judged at all. Trading state, account, signal, health, symbol."""

from collections.abc import Iterator
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.contracts.freshness import Ahead, Fresh, Missing, Stale, classify_age, judge_age
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext, HealthReport
from cq_tui.trading.money.exact import multiply, plain_text
from cq_tui.trading.money.sellable import sellable_parts
from cq_tui.trading.money.units import unit_fault
from cq_tui.trading.signals import LONGEST_LIMIT_MS, TradeSignal

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


def _check_trading(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return _trading_denial(context)


def stopped_denial(context: EntryContext) -> Denial | None:
    """Return why nothing is opened because a person, the settings or the mode say so; None if they do not."""
    if context.trading_state == "halted":
        return Denial(DenialReason.TRADING_HALTED, context.stop_reason or "")
    if context.mode_blocked is not None:
        return Denial(DenialReason.MODE_BLOCKED, context.mode_blocked)
    return _reducing_denial(context)


def _trading_denial(context: EntryContext) -> Denial | None:
    stopped = stopped_denial(context)
    if stopped is not None and stopped.reason is not DenialReason.TRADING_REDUCING:
        return stopped
    if context.limits_problem is not None:
        # The 429 is the last thing that the exchange said; its connection and our key are well.
        return Denial(DenialReason.REQUEST_LIMITS, context.limits_problem)
    if context.exchange_problem is not None:
        return Denial(DenialReason.EXCHANGE_UNREACHABLE, context.exchange_problem)
    return None if context.reconciled else Denial(DenialReason.NOT_RECONCILED)


def _check_reducing(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    return _reducing_denial(context)


def _reducing_denial(context: EntryContext) -> Denial | None:
    if context.trading_state != "reducing" and context.settings_problem is None:
        return None
    reasons = filter(None, (context.stop_reason, context.settings_problem))
    return Denial(DenialReason.TRADING_REDUCING, "; ".join(reasons))


def _check_signal(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if (end := signal.limit_end_ms) is not None and now * 1000 >= end:
        return Denial(DenialReason.LIMIT_NOT_REACHED, f"{now - end / 1000:.1f} s after its time")
    if context.has_waited:
        return None
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
    if (denial := unsupported_denial(signal)) is not None:
        return denial
    fault = _figure_fault(signal)
    return Denial(DenialReason.SIGNAL_IMPLAUSIBLE, fault) if fault else None


def unsupported_denial(signal: TradeSignal) -> Denial | None:
    """Return why a signal that asks for more than the trader does is not followed in part."""
    return Denial(DenialReason.SIGNAL_UNSUPPORTED, signal.unsupported) if signal.unsupported else None


def _figure_fault(signal: TradeSignal) -> str | None:
    if not 0 < signal.confidence <= 1:
        return f"confidence {signal.confidence:g}, expected more than 0 and at most 1"
    price = signal.judged_price
    if signal.trail is not None and not 0 < signal.trail < price:
        return f"trail {signal.trail}, expected between 0 and the entry price {price}"
    if not signal.stop_loss < price < signal.take_profit:
        return f"entry price {price} not between stop {signal.stop_loss} and target {signal.take_profit}"
    if signal.take_profit > price * MAX_TARGET:
        return f"target {signal.take_profit}, expected at most {MAX_TARGET} times the entry price {price}"
    if (end := signal.limit_end_ms) is not None and end > signal.bar_close_time + 1 + LONGEST_LIMIT_MS:
        return f"limit_until_ms {end}, expected at most {LONGEST_LIMIT_MS // 3_600_000} h after the signal"
    for name, bars in (("max_bars", signal.max_bars or 0), ("cooldown_bars", signal.cooldown_bars)):
        if bars * signal.frame_ms > MAX_WAIT_MS:
            return f"{name} {bars}, expected at most {MAX_WAIT_MS // signal.frame_ms} bars of {signal.frame}"
    distance = (price - signal.stop_loss) / price
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
    return _age_denial(context.price_time, now, context.limits.freshness, DenialReason.FEEDER_STALE)


def trading_rules(context: EntryContext, signal: TradeSignal) -> SymbolRules | Denial:
    """Return the rules of the signal's symbol, or why it is not traded."""
    if context.rules is not None and context.rules.status == "TRADING":
        return context.rules
    status = "not listed" if context.rules is None else context.rules.status
    return Denial(DenialReason.SYMBOL_NOT_TRADING, f"{signal.symbol}: {status}")


def _check_symbol(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    if not context.watched:
        return Denial(DenialReason.NOT_WATCHED, signal.symbol)
    rules = trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    if context.quote_asset is not None and (fault := unit_fault(rules, context.quote_asset)):
        return Denial(DenialReason.QUOTE_ASSET, fault)
    if context.symbol_doubt is not None:
        return Denial(DenialReason.SYMBOL_IN_DOUBT, context.symbol_doubt)
    if context.symbol_lock is not None:
        return Denial(DenialReason.SYMBOL_LOCKED, f"{signal.symbol}: {context.symbol_lock}")
    if signal.scale_in:
        return _adding_denial(context, signal)
    if signal.symbol in context.held:
        return Denial(DenialReason.POSITION_OPEN, signal.symbol)
    return Denial(DenialReason.ENTRY_PENDING, signal.symbol) if signal.symbol in context.pending else None


def _adding_denial(context: EntryContext, signal: TradeSignal) -> Denial | None:
    """Return why nothing can be added to a position: it has to be the strategy's, at rest and under its stop."""
    if signal.symbol in context.pending:
        return Denial(DenialReason.ENTRY_PENDING, signal.symbol)
    if signal.symbol not in context.held:
        return Denial(DenialReason.NOTHING_TO_ADD_TO, signal.symbol)
    if context.held_by != signal.strategy:
        return Denial(DenialReason.OTHER_STRATEGY, f"{signal.symbol} is held by {context.held_by or 'a person'}")
    if context.is_leaving:
        return Denial(DenialReason.EXIT_PENDING, signal.symbol)
    if not context.is_protected:
        return Denial(DenialReason.NOTHING_TO_ADD_TO, f"{signal.symbol} is without its stop now")
    return None


def gate_denials(context: EntryContext, signal: TradeSignal, now: float) -> Iterator[Denial]:
    """Yield the denials of all gates that are shut to the signal, in their order."""
    for check in _GATES:
        if (denial := check(context, signal, now)) is not None:
            yield denial


def part_denials(context: EntryContext, signal: TradeSignal, now: float) -> Iterator[Denial]:
    """Yield the denials of the gates that are shut to a SELL of a part."""
    if denial := _check_signal(context, signal, now) or _check_account(context, signal, now):
        yield denial
    if context.disk_problem is not None:
        yield Denial(DenialReason.DISK_FULL, context.disk_problem)
    if context.symbol_doubt is not None:
        yield Denial(DenialReason.SYMBOL_IN_DOUBT, context.symbol_doubt)
    if signal.symbol in context.pending:
        yield Denial(DenialReason.ENTRY_PENDING, signal.symbol)
    if context.is_leaving:
        yield Denial(DenialReason.EXIT_PENDING, signal.symbol)
    rules = trading_rules(context, signal)
    if isinstance(rules, Denial):
        yield rules
    elif not sellable_parts(rules, quantity := part_of(rules, signal, context.quantity), context.bid).parts:
        shown = f"{plain_text(quantity)} of {plain_text(context.quantity)} {rules.base_asset}"
        yield Denial(DenialReason.PART_TOO_SMALL, shown)


def part_of(rules: SymbolRules, signal: TradeSignal, held: Decimal) -> Decimal:
    """Return how much of what is held a SELL is to sell, on the lot step."""
    return held if signal.part is None else rules.quantize_quantity(multiply(held, signal.part), market=True)


def shut_gates(context: EntryContext, now: float) -> list[Denial]:
    """Return the denials of the gates that are shut to any entry, whatever its symbol."""
    found = (
        _trading_denial(context),
        _reducing_denial(context),
        _skew_denial(context, now),
        Denial(DenialReason.ACCOUNT_IN_DOUBT, context.account_doubt) if context.account_doubt else None,
        *_health_denials(context, now),
    )
    return [denial for denial in found if denial is not None]


_GATES = (
    _check_trading,
    _check_reducing,
    _check_account,
    _check_signal,
    _check_figures,
    _check_health,
    _check_symbol,
    _check_price,
)

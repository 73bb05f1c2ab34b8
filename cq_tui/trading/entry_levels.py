"""Levels and size of an entry, as they will be sent: on the tick, on the step, and what the exchange would take."""

from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.gates import trading_rules
from cq_tui.trading.limits.amounts import caps_of
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.protection import can_protect_by_list, refused_leg
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntryBudget, EntrySize, exit_violation, size_entry


class EntryDecision(NamedTuple):
    """An entry that may be made: how much, up to which price, and its levels on the tick."""

    size: EntrySize
    #: The most that one unit may cost: the ask plus the slippage cap, on the tick, and no more than the signal's limit.
    limit_price: Decimal
    stop_loss: Decimal
    take_profit: Decimal


def decide_levels(context: EntryContext, signal: TradeSignal) -> EntryDecision | Denial:
    """Judge the levels as they will be sent, and size at the highest price that may be paid."""
    rules = trading_rules(context, signal)
    if isinstance(rules, Denial):
        return rules
    stop = rules.quantize_price(signal.stop_loss, ROUND_DOWN)
    target = rules.quantize_price(signal.take_profit, ROUND_HALF_EVEN)
    limit = _highest_price(rules, context.price, target, context.limits.slippage_cap)
    if signal.limit_price is not None:
        limit = min(limit, rules.quantize_price(signal.limit_price, ROUND_DOWN))
    lowest = min(price for price in (context.price, context.bid, context.last_price) if price is not None)
    if not 0 < stop < lowest or target <= limit:
        known = (plain_text(price) for price in (stop, lowest, limit, target))
        levels = "stop {}, price {}, at most {} to pay, target {}".format(*known)
        return Denial(DenialReason.LEVELS_PASSED, levels)
    size = size_entry(rules, limit, stop, _budget(context, signal), target=target, caps=caps_of(context))
    if isinstance(size, Denial):
        return size
    if signal.scale_in and (added := _added_fault(rules, size, stop, context.budget)):
        return added
    if fault := _protection_fault(rules, size, stop, target, context.last_price or context.price):
        return Denial(DenialReason.PROTECTION_IMPOSSIBLE, f"{signal.symbol}: {fault}")
    return EntryDecision(size, limit, stop, target)


def _budget(context: EntryContext, signal: TradeSignal) -> EntryBudget:
    """Return the budget, with the signal's own size and what may be lost at the stop where these are limited."""
    fraction = context.limits.risk_fraction
    risk = context.value()[0] * fraction if fraction else context.budget.risk_quote
    remainder = context.quantity if signal.scale_in else context.budget.remainder
    return replace(context.budget, risk_quote=risk, most_base=signal.size, remainder=remainder)


def _added_fault(rules: SymbolRules, size: EntrySize, stop: Decimal, budget: EntryBudget) -> Denial | None:
    """Return why what is added would be too little to be protected, beside what is already."""
    added = rules.quantize_quantity(size.quantity * (1 - budget.commission))
    fault = exit_violation(rules, added, stop)
    return Denial(DenialReason.DUST, f"{added:f} {rules.base_asset} added: {fault}") if fault else None


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

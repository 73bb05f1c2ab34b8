"""How much to buy: within every budget, on the lot step, and sellable at the stop.

What is too much is scaled down: the smallest of the bounds counts. Only what is too little is refused, and the bound
that made it so is the reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.denial import Denial, DenialReason

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class EntryBudget:
    """What an entry may cost, in quote units."""

    #: Amount of one entry (TRADER_ORDER_QUOTE).
    order_quote: Decimal
    available_quote: Decimal
    #: Commission as a fraction of the amount (0.001 is 0.1 %), taken from what is bought.
    commission: Decimal
    #: Maximum loss between entry and stop; None leaves the size to ``order_quote``.
    risk_quote: Decimal | None = None
    #: What earlier positions left, in base units: free, and sold along with what is bought.
    remainder: Decimal = ZERO
    #: What the account has of the base asset and its open orders would buy, by which MAX_POSITION is judged.
    position: Decimal = ZERO
    #: The most base units that the signal asks for; None leaves the size to the other bounds.
    most_base: Decimal | None = None


class Cap(NamedTuple):
    """A bound of what an entry costs, in quote units, and the reason where it leaves too little."""

    quote: Decimal
    reason: DenialReason
    text: str


@dataclass(frozen=True, slots=True)
class EntrySize:
    """A market BUY that passes the exchange's filters and can be sold again."""

    quantity: Decimal
    #: Estimated cost without commission, in quote units.
    notional: Decimal
    #: Quantity that protection can cover after commission, remainders included, on the lot step.
    sellable: Decimal


class _Bound(NamedTuple):
    """The most base units that something allows, and what it is if the order quote allows more."""

    quantity: Decimal
    reason: DenialReason | None = None
    text: str = ""

    def blame(self, fault: Denial) -> Denial:
        """Return why there is no size: what made it small, and what it is too small for."""
        detail = f"{self.text}: {fault.detail}" if self.text else fault.detail
        return Denial(self.reason or fault.reason, detail)


def size_entry(
    rules: SymbolRules,
    price: Decimal,
    stop_loss: Decimal,
    budget: EntryBudget,
    *,
    target: Decimal | None = None,
    caps: Sequence[Cap] = (),
) -> EntrySize | Denial:
    """Return the size of a BUY at ``price``, the most that may be paid, or why there is none.

    ``stop_loss`` lies below the price, ``target`` above. What remains after a commission in the base asset must pass
    the filters at the stop, or the position could never be closed (the dust rule).
    """
    highest = price if target is None else max(price, target)
    bounds = [*_own_bounds(price, stop_loss, budget, caps), *_exchange_bounds(rules, highest, budget)]
    smallest = min(bounds, key=lambda bound: bound.quantity)
    quantity = rules.quantize_quantity(max(smallest.quantity, ZERO), market=True)
    sellable = rules.quantize_quantity(quantity * (ONE - budget.commission) + budget.remainder)
    fault = _filter_denial(rules, quantity, price) or _dust_denial(rules, sellable, stop_loss)
    return smallest.blame(fault) if fault else EntrySize(quantity, quantity * price, sellable)


def _own_bounds(price: Decimal, stop_loss: Decimal, budget: EntryBudget, caps: Sequence[Cap]) -> Iterator[_Bound]:
    yield _Bound(budget.order_quote / price)
    if budget.risk_quote is not None:
        text = f"{_format_amount(budget.risk_quote)} at risk by TRADER_RISK_FRACTION"
        yield _Bound(budget.risk_quote / (price - stop_loss), None, text)
    if budget.most_base is not None:
        text = f"the signal asks for {_format_amount(budget.most_base)}"
        yield _Bound(budget.most_base, DenialReason.SIGNAL_SIZE, text)
    free = budget.available_quote
    yield _Bound(free / (price * (ONE + budget.commission)), DenialReason.BALANCE, f"{_format_amount(free)} free")
    for cap in caps:
        yield _Bound(cap.quote / price, cap.reason, cap.text)


def _exchange_bounds(rules: SymbolRules, highest: Decimal, budget: EntryBudget) -> Iterator[_Bound]:
    """Yield the most that the exchange takes in one order, at any level of the position."""
    # The remainder is sold along: what is bought leaves room for it.
    for largest in (rules.max_quantity, rules.market_max_quantity):
        if largest:
            yield _Bound(largest - budget.remainder)
    if rules.max_notional:
        yield _Bound(rules.max_notional / highest - budget.remainder)
    if rules.max_position:
        has, most = _format_amount(budget.position), _format_amount(rules.max_position)
        text = f"{has} {rules.base_asset} with open orders, at most {most}"
        yield _Bound(rules.max_position - budget.position, DenialReason.MAX_POSITION, text)


def exit_violation(rules: SymbolRules, quantity: Decimal, price: Decimal) -> str | None:
    """Return the filter that a sale of ``quantity`` at about ``price`` would fail, as a stop or market order."""
    if quantity <= 0:
        return "LOT_SIZE"
    at_market = rules.violation(side="SELL", order_type="MARKET", quantity=quantity, reference_price=price)
    if at_market is not None:
        return at_market
    minimum = rules.min_notional
    return rules.notional_filter if minimum and quantity * price < minimum else None


def _filter_denial(rules: SymbolRules, quantity: Decimal, price: Decimal) -> Denial | None:
    fault = rules.violation(side="BUY", order_type="MARKET", quantity=quantity, reference_price=price)
    if fault is None:
        return None
    amount, worth = _format_amount(quantity), _format_amount(quantity * price)
    detail = f"{amount} {rules.base_asset}, {worth} {rules.quote_asset}: {fault}"
    reason = DenialReason.LOT_SIZE if "LOT_SIZE" in fault else DenialReason.MIN_NOTIONAL
    return Denial(reason, detail)


def _dust_denial(rules: SymbolRules, sellable: Decimal, stop_loss: Decimal) -> Denial | None:
    fault = exit_violation(rules, sellable, stop_loss)
    if fault is None:
        return None
    detail = f"{_format_amount(sellable)} {rules.base_asset} at {_format_amount(stop_loss)}: {fault}"
    return Denial(DenialReason.DUST, detail)


def _format_amount(number: Decimal) -> str:
    return f"{number:.8f}".rstrip("0").rstrip(".") or "0"

"""How much to buy: within the quote and risk budgets, on the lot step, and sellable at the stop."""

from dataclasses import dataclass
from decimal import Decimal

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


@dataclass(frozen=True, slots=True)
class EntrySize:
    """A market BUY that passes the exchange's filters and can be sold again."""

    quantity: Decimal
    #: Estimated cost without commission, in quote units.
    notional: Decimal
    #: Quantity that protection can cover after commission, remainders included, on the lot step.
    sellable: Decimal


def size_entry(rules: SymbolRules, price: Decimal, stop_loss: Decimal, budget: EntryBudget) -> EntrySize | Denial:
    """Return the size of a BUY at ``price``, the most that may be paid, or why there is none.

    ``stop_loss`` lies below the price. What remains after a commission in the base asset must pass the filters at
    the stop, or the position could never be closed (the dust rule). MAX_POSITION cuts the quantity down to what the
    account may still have.
    """
    wanted = budget.order_quote / price
    if budget.risk_quote is not None:
        wanted = min(wanted, budget.risk_quote / (price - stop_loss))
    room = max(rules.max_position - budget.position, ZERO) if rules.max_position else wanted
    size = _size(rules, rules.quantize_quantity(min(wanted, room), market=True), price, stop_loss, budget)
    if isinstance(size, Denial) and room < wanted:
        has, most = _format_amount(budget.position), _format_amount(rules.max_position)
        return Denial(DenialReason.MAX_POSITION, f"{has} {rules.base_asset} with open orders, at most {most}")
    return size


def _size(
    rules: SymbolRules, quantity: Decimal, price: Decimal, stop_loss: Decimal, budget: EntryBudget
) -> EntrySize | Denial:
    notional = quantity * price
    if denial := _filter_denial(rules, quantity, price):
        return denial
    cost = notional * (ONE + budget.commission)
    if cost > budget.available_quote:
        return Denial(
            DenialReason.BALANCE,
            f"{_format_amount(cost)} with commission needed, {_format_amount(budget.available_quote)} free",
        )
    sellable = rules.quantize_quantity(quantity * (ONE - budget.commission) + budget.remainder)
    if fault := exit_violation(rules, sellable, stop_loss):
        return Denial(
            DenialReason.DUST, f"{_format_amount(sellable)} {rules.base_asset} at {_format_amount(stop_loss)}: {fault}"
        )
    return EntrySize(quantity, notional, sellable)


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


def _format_amount(number: Decimal) -> str:
    return f"{number:.8f}".rstrip("0").rstrip(".") or "0"

"""Which quantities an order of a symbol may have, in whole lots, and which limit of which filter sets each bound.

A lot is the smallest quantity that every step size in force divides. Notional filters are judged at one price. For
market orders the exchange takes an average price of its own, so what passes here by a hair may still be refused.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.money.exact import ZERO, divide, multiply, plain_text, quotient_and_rest


class Limit(NamedTuple):
    """One limit of a filter, and the number of lots that it means."""

    filter: str
    #: stepSize, minQty, maxQty, minNotional or maxNotional.
    field: str
    #: A quantity in base units, or a notional in quote units.
    value: Decimal
    lots: int

    def __str__(self) -> str:
        return f"{self.filter} {self.field} {plain_text(self.value)}"


class LotBounds(NamedTuple):
    """The quantities that one order may have: multiples of ``lot`` from ``least`` to ``most``."""

    lot: Decimal
    #: The largest step size; it is said to be at fault for less than a lot.
    step: Limit
    least: Limit
    #: None if nothing limits it.
    most: Limit | None

    def quantity(self, lots: int) -> Decimal:
        """Return so many lots in base units."""
        return multiply(self.lot, Decimal(lots))


class _Size(NamedTuple):
    """A lot filter. Zero disables a limit."""

    name: str
    minimum: Decimal
    maximum: Decimal
    step: Decimal


def market_bounds(rules: SymbolRules, price: Decimal | None) -> LotBounds:
    """Return the bounds of a market order at ``price``; without a price the notional filters are left out."""
    market = _Size("MARKET_LOT_SIZE", rules.market_min_quantity, rules.market_max_quantity, rules.market_step_size)
    lowest = rules.min_notional if rules.min_notional_on_market and price else ZERO
    highest = rules.max_notional if rules.max_notional_on_market and price else ZERO
    one = Decimal(1)
    return _bounds(rules, (_lot_size(rules), market), (lowest, price or one), (highest, price or one))


def protective_bounds(rules: SymbolRules, stop: Decimal, target: Decimal) -> LotBounds:
    """Return the bounds of the legs of a protective list: both must pass, each valued at its own price.

    That the exchange values a stop without a limit price at its stop price is an assumption. MARKET_LOT_SIZE is for
    MARKET orders only; what a triggered stop sells is one order, whatever its size. Without a price, which is 0, the
    notional filters are left out.
    """
    low, high = sorted((stop, target))
    lowest, highest = rules.min_notional if low else ZERO, rules.max_notional if high else ZERO
    return _bounds(rules, (_lot_size(rules),), (lowest, low), (highest, high))


def _lot_size(rules: SymbolRules) -> _Size:
    return _Size("LOT_SIZE", rules.min_quantity, rules.max_quantity, rules.step_size)


def _bounds(
    rules: SymbolRules,
    sizes: Iterable[_Size],
    least_notional: tuple[Decimal, Decimal],
    most_notional: tuple[Decimal, Decimal],
) -> LotBounds:
    steps = [Limit(size.name, "stepSize", size.step, 1) for size in sizes if size.step]
    steps = steps or [Limit("LOT_SIZE", "stepSize", Decimal(1).scaleb(-rules.base_precision), 1)]
    lot = _common_multiple(step.value for step in steps)
    least = [Limit(size.name, "minQty", size.minimum, _at_least(size.minimum, lot)) for size in sizes if size.minimum]
    most = [Limit(size.name, "maxQty", size.maximum, _at_most(size.maximum, lot)) for size in sizes if size.maximum]
    notional, price = least_notional
    if notional:
        least.append(Limit(rules.notional_filter, "minNotional", notional, _at_least(notional, multiply(lot, price))))
    notional, price = most_notional
    if notional:
        most.append(Limit(rules.notional_filter, "maxNotional", notional, _at_most(notional, multiply(lot, price))))
    largest_step = max(steps, key=lambda step: step.value)
    return LotBounds(
        lot,
        largest_step,
        max(least, key=lambda limit: limit.lots, default=largest_step),
        min(most, key=lambda limit: limit.lots, default=None),
    )


def _at_least(amount: Decimal, lot: Decimal) -> int:
    lots, rest = quotient_and_rest(amount, lot)
    return max(int(lots) + bool(rest), 1)


def _at_most(amount: Decimal, lot: Decimal) -> int:
    return int(quotient_and_rest(amount, lot)[0])


def _common_multiple(steps: Iterable[Decimal]) -> Decimal:
    ratios = [step.as_integer_ratio() for step in steps]
    denominator = math.lcm(*(below for _, below in ratios))
    common = math.lcm(*(above * (denominator // below) for above, below in ratios))
    return divide(Decimal(common), Decimal(denominator))

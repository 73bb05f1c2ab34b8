"""What of a quantity can be sold or protected now, and what not, with its reason.

Dust is worth next to nothing. Anything else that cannot be sold now is unsellable: it stays in the book, is shown, and
is tried again in parts and when the rules change.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.money.exact import ZERO, multiply, plain_text, quotient_and_rest, subtract, total
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.money.lots import LotBounds, market_bounds, protective_bounds

#: Dust is at most this share of what was bought.
DUST_SHARE = Decimal("0.05")
#: Most parts of one plan; what is left then is planned anew.
MOST_PARTS = 50


class Unsellable(NamedTuple):
    """A quantity that no order can have now."""

    quantity: Decimal
    #: What it is worth, in quote units; None if the price is not known.
    worth: Decimal | None
    #: Which limit of which filter, and what it means.
    reason: str


class SaleParts(NamedTuple):
    """A sale at market, in parts that pass all filters: one order each, largest first."""

    parts: list[Decimal]
    #: What can be sold after these parts, in base units: there are more than one plan holds.
    later: Decimal
    left: Unsellable | None


class Coverage(NamedTuple):
    """How much the legs of one protective list can cover: 0 if none can be placed."""

    quantity: Decimal
    left: Unsellable | None


def is_dust(holding: Holding, rules: SymbolRules, bid: Decimal | None, reference_cost: Decimal) -> bool:
    """Whether what is held is worth next to nothing: too little for any order, and at most 5 % of what was bought.

    ``reference_cost``: what the position had cost, in quote units. The holding counts at its cost or at the best bid,
    whichever is more; without a bid at its cost. It may be more than one lot: what earlier positions left adds up.
    """
    worth = max(holding.cost, holding.worth(bid) if bid else ZERO)
    if worth > multiply(reference_cost, DUST_SHARE):
        return False
    bounds = market_bounds(rules, bid)
    return _whole_lots(bounds, holding.quantity) < bounds.least.lots


def sellable_parts(rules: SymbolRules, quantity: Decimal, price: Decimal | None) -> SaleParts:
    """Return the market sales that ``quantity`` can be sold by at about ``price`` (best bid).

    Each part passes LOT_SIZE, MARKET_LOT_SIZE and the notional filters, minimum and maximum; as much as possible is
    sold in as few parts as possible. Without a price the notional filters are left to the exchange.
    """
    bounds = market_bounds(rules, price)
    lots = _whole_lots(bounds, quantity)
    least = bounds.least.lots
    most = max(lots, least) if bounds.most is None else bounds.most.lots
    if lots < least or most < least:
        return SaleParts([], ZERO, _unsellable(rules, quantity, price, _why_none(rules, bounds, lots)))
    count, reason = -(-lots // most), _why_rest(bounds)
    if count * least > lots:
        # Too much for fewer orders, too little for so many: the fewer, full ones sell the most.
        count, lots = count - 1, (count - 1) * most
        reason = f"too much for {bounds.most}, and the rest would be less than {bounds.least}"
    parts = [bounds.quantity(part) for part in _split(lots, count, least, most)]
    sold = bounds.quantity(lots)
    left = _unsellable(rules, subtract(quantity, sold), price, reason)
    return SaleParts(parts, subtract(sold, total(parts)), left)


def _split(lots: int, count: int, least: int, most: int) -> Iterator[int]:
    """Yield the lots of the first orders of ``count``: full ones first, and none below the least."""
    extra = lots - count * least
    for _ in range(min(count, MOST_PARTS)):
        more = min(most - least, extra)
        yield least + more
        extra -= more


def protectable(rules: SymbolRules, quantity: Decimal, stop: Decimal, target: Decimal) -> Coverage:
    """Return how much of ``quantity`` a list with a stop and a target can protect.

    Both legs pass LOT_SIZE and the notional filters, each at its own price. What is left is valued at the stop.
    """
    bounds = protective_bounds(rules, stop, target)
    lots = _whole_lots(bounds, quantity)
    covered = lots if bounds.most is None else min(lots, bounds.most.lots)
    if covered < bounds.least.lots:
        return Coverage(ZERO, _unsellable(rules, quantity, stop, _why_none(rules, bounds, lots)))
    rest = subtract(quantity, bounds.quantity(covered))
    reason = f"one order may have at most {bounds.most}" if covered < lots else _why_rest(bounds)
    return Coverage(bounds.quantity(covered), _unsellable(rules, rest, stop, reason))


def _whole_lots(bounds: LotBounds, quantity: Decimal) -> int:
    return int(quotient_and_rest(quantity, bounds.lot)[0])


def _unsellable(rules: SymbolRules, quantity: Decimal, price: Decimal | None, why: str) -> Unsellable | None:
    if not quantity:
        return None
    worth = multiply(quantity, price) if price else None
    value = f", worth {plain_text(worth)} {rules.quote_asset}" if worth is not None else ""
    return Unsellable(quantity, worth, f"{plain_text(quantity)} {rules.base_asset}{value}: {why}")


def _why_none(rules: SymbolRules, bounds: LotBounds, lots: int) -> str:
    if bounds.most is not None and bounds.most.lots < bounds.least.lots:
        return f"no quantity passes both {bounds.least} and {bounds.most}"
    if lots < 1:
        return _why_rest(bounds)
    amount = f"{plain_text(bounds.quantity(bounds.least.lots))} {rules.base_asset}"
    return f"less than {bounds.least}" + (f" ({amount})" if bounds.least.field == "minNotional" else "")


def _why_rest(bounds: LotBounds) -> str:
    return f"less than one lot of {plain_text(bounds.lot)} ({bounds.step})"

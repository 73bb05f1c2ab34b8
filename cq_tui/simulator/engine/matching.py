"""What an order would take from a book: pure sums, nothing is changed here."""

from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from cq_tui.simulator.engine.book import Level

COMMISSION_RATE = Decimal("0.001")
_ATOM = Decimal("0.00000001")


def commission_on(received: Decimal, rate: Decimal = COMMISSION_RATE) -> Decimal:
    """Return the commission on a received amount: 8 decimals, half up, as recorded on real fills."""
    return (received * rate).quantize(_ATOM, ROUND_HALF_UP)


def takes(levels: Iterable[Level], side: str, quantity: Decimal, limit: Decimal | None = None) -> list[Level]:
    """Return what an order for ``quantity`` takes from the opposite levels, best first, up to its limit price."""
    taken: list[Level] = []
    left = quantity
    for level in levels:
        beyond = limit is not None and (level.price > limit if side == "BUY" else level.price < limit)
        if left <= 0 or beyond:
            break
        taken.append(Level(level.price, min(left, level.quantity)))
        left -= level.quantity
    return taken


def takes_for_quote(levels: Iterable[Level], quote: Decimal, step: Decimal) -> tuple[list[Level], bool]:
    """Return what an order worth at most ``quote`` takes, on whole steps, and whether the book sufficed."""
    taken: list[Level] = []
    left = quote
    for level in levels:
        fits = (left / level.price / step).to_integral_value(ROUND_DOWN) * step
        part = min(fits, level.quantity)
        if part > 0:
            taken.append(Level(level.price, part))
            left -= part * level.price
        if fits <= level.quantity:
            return taken, True
    return taken, False


def total(taken: Iterable[Level]) -> tuple[Decimal, Decimal]:
    """Return base quantity and quote amount of what was taken."""
    quantity = quote = Decimal(0)
    for level in taken:
        quantity += level.quantity
        quote += level.quantity * level.price
    return quantity, quote

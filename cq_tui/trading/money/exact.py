"""Exact decimal arithmetic: the last digit counts, and only a function that says so rounds.

Exact for prices, quantities and commissions of at most 8 decimals, up to 10^12, and for their products: at most 16
decimals, up to 10^24. Anything else is an AmountError, never rounded. 60 digits hold the sum of 10^19 of the largest
products; a sum beyond that raises decimal.Inexact.
"""

from collections.abc import Iterable
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from functools import reduce
from typing import Final

ZERO: Final = Decimal(0)
#: The smallest unit of an asset's balance.
ASSET_UNIT: Final = Decimal("1E-8")
#: The smallest unit of a proportional cost and of a value at a price.
COST_UNIT: Final = Decimal("1E-12")

_ERRORS = [InvalidOperation, DivisionByZero, Overflow]
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[Inexact, *_ERRORS])
_DOWN = Context(prec=60, rounding=ROUND_DOWN, traps=_ERRORS)
_LARGEST, _LARGEST_PRODUCT = Decimal(10**12), Decimal(10**24)
_PRODUCT_UNIT = Decimal("1E-16")
# 13 digits before the point and 8 behind it; 25 and 16.
_AMOUNT = Context(prec=21, traps=[Inexact, *_ERRORS])
_PRODUCT = Context(prec=41, traps=[Inexact, *_ERRORS])

# Methods of a context do not depend on the thread's own: 28 digits by default, which round.
add: Final = _EXACT.add
subtract: Final = _EXACT.subtract
multiply: Final = _EXACT.multiply
divide: Final = _EXACT.divide
negate: Final = _EXACT.minus
quotient_and_rest: Final = _EXACT.divmod


class AmountError(ValueError):
    """An amount that cannot be counted exactly; the message names it, its value and the limits."""


def check_amount(amount: Decimal, name: str) -> None:
    """Raise AmountError unless ``amount`` has at most 8 decimals and is from 0 to 10^12."""
    try:
        if amount.is_finite() and ZERO <= _AMOUNT.quantize(amount, ASSET_UNIT) <= _LARGEST:
            return
    except DecimalException:
        pass
    raise AmountError(f"{name} is {amount}: only amounts from 0 to 10^12 with at most 8 decimals are counted exactly")


def check_product(amount: Decimal, name: str) -> None:
    """Raise AmountError unless ``amount`` has at most 16 decimals and is from 0 to 10^24: a price × a quantity."""
    try:
        if amount.is_finite() and ZERO <= _PRODUCT.quantize(amount, _PRODUCT_UNIT) <= _LARGEST_PRODUCT:
            return
    except DecimalException:
        pass
    raise AmountError(f"{name} is {amount}: only amounts from 0 to 10^24 with at most 16 decimals are counted exactly")


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    return reduce(add, amounts, ZERO)


def share_of(whole: Decimal, part: Decimal, base: Decimal, unit: Decimal = COST_UNIT) -> Decimal:
    """Return ``whole`` × ``part`` / ``base``, rounded toward zero to ``unit``; all of ``whole`` if all of it is meant.

    What remains is ``whole`` minus the share, so shares always add up to the whole.
    """
    if part == base:
        return whole
    return _DOWN.quantize(_DOWN.divide(_DOWN.multiply(whole, part), base), unit)


def value_at(amount: Decimal, price: Decimal) -> Decimal:
    """Return ``amount`` × ``price`` rounded toward zero to 12 decimals: an estimate, kept as it was first made."""
    return _DOWN.quantize(_DOWN.multiply(amount, price), COST_UNIT)


def plain_text(amount: Decimal) -> str:
    """Return all digits of ``amount`` without an exponent and without trailing zeros."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if amount else "0"

"""Commissions by who pays them: the coins received, the quote balance, or a third asset (BNB).

A third asset is a foreign coin that pays for us. Its value is part of the cost or of the proceeds and counts like a
deposit of the same amount. Without a price it stays ``unvalued`` until one is known.
"""

from decimal import Decimal
from typing import NamedTuple

from cq_tui.trading.money.exact import ZERO, check_amount, value_at


class Fee(NamedTuple):
    """The commission of one trade."""

    #: Taken from the base asset, in base units.
    base: Decimal = ZERO
    #: Taken from the quote balance, or paid by own coins of another symbol, in quote units.
    quote: Decimal = ZERO
    #: Paid by a foreign coin: its value in quote units.
    outside: Decimal = ZERO
    #: Paid by a foreign coin without a known price: the amount of ``asset``.
    unvalued: Decimal = ZERO
    asset: str = ""


NO_FEE = Fee()


def fee_of(base: str, quote: str, commission: Decimal, asset: str, price: Decimal | None = None) -> Fee:
    """Return the fee of a trade in ``base`` and ``quote``.

    ``price``: quote units per unit of a third ``asset``; None or 0 if it is not known. Raises AmountError if the
    commission cannot be counted exactly.
    """
    if not commission:
        return NO_FEE
    check_amount(commission, f"commission in {asset}")
    if asset == base:
        return Fee(base=commission)
    if asset == quote:
        return Fee(quote=commission)
    if price:
        check_amount(price, f"price of {asset}")
        return Fee(outside=value_at(commission, price), asset=asset)
    return Fee(unvalued=commission, asset=asset)

"""One trade in the books of the whole account: its symbol's holding, and own coins that paid its commission."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from cq_tui.contracts.base import Side
from cq_tui.trading.money.exact import ZERO, AmountError, subtract
from cq_tui.trading.money.fees import fee_of
from cq_tui.trading.money.holding import Booking, Holding, Trade, buy, pay_commission, sell


class Commission(NamedTuple):
    """The commission of a trade, as the fact that books it says."""

    amount: Decimal
    asset: str
    #: Quote units per unit of a third ``asset``; None if it is not known.
    price: Decimal | None = None
    #: How much of it own coins of that asset pay (``own_part``).
    own: Decimal = ZERO


def own_part(holdings: Mapping[str, Holding], symbol: str, amount: Decimal, asset: str, total: Decimal) -> Decimal:
    """Return how much of a commission in ``asset`` is paid by own coins: what the foreign ones cannot pay.

    ``total``: what the account held of the asset before the trade. In the assets of the trade itself it is 0.
    """
    traded = holdings[symbol]
    payer = _payer(holdings, asset, traded.quote)
    if payer is None or asset in (traded.base, traded.quote):
        return ZERO
    foreign = max(subtract(total, payer.quantity), ZERO)
    return min(subtract(amount, min(amount, foreign)), payer.quantity)


def book_trade(
    holdings: Mapping[str, Holding], symbol: str, side: Side, trade: Trade, commission: Commission
) -> list[Booking]:
    """Return the bookings of one trade, to be taken in order; the last one is of ``symbol``, with its profit.

    Raises AmountError if something cannot be counted exactly, or if the own coins that pay are not there.
    """
    traded = holdings[symbol]
    foreign = subtract(commission.amount, commission.own)
    fee = fee_of(traded.base, traded.quote, foreign, commission.asset, commission.price)
    bookings = []
    if commission.own:
        payer = _payer(holdings, commission.asset, traded.quote)
        if payer is None or payer is traded:
            raise AmountError(f"{symbol}: no own {commission.asset} can pay its commission")
        paid, own_fee = pay_commission(payer, commission.own, commission.price)
        bookings.append(paid)
        fee = fee._replace(quote=own_fee.quote)
    bookings.append(buy(traded, trade, fee) if side == "BUY" else sell(traded, trade, fee))
    return bookings


def _payer(holdings: Mapping[str, Holding], asset: str, quote: str) -> Holding | None:
    """Return the holding of ``asset`` that is counted in the same quote asset as the trade."""
    same = (held for held in holdings.values() if held.base == asset and held.quote == quote)
    return next((held for held in same if held.quantity), None)

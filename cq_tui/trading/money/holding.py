"""What is owned in one symbol, and how each trade changes it. Quote units unless noted.

The position and the remainder of earlier ones are one holding. Each change is a ``Booking``; of all bookings of an
account, exactly::

    quote + cost == deposited + outside + realized

Other coins of the same asset are foreign: they are never part of a holding.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from cq_tui.trading.money.exact import (
    ASSET_UNIT,
    ZERO,
    AmountError,
    add,
    check_amount,
    check_product,
    multiply,
    negate,
    plain_text,
    share_of,
    subtract,
    value_at,
)
from cq_tui.trading.money.fees import Fee


class Trade(Protocol):
    """What is booked of a trade. ``quote_quantity`` is what was paid or received, as the exchange counts it."""

    @property
    def price(self) -> Decimal:
        """Quote units per base unit."""

    @property
    def quantity(self) -> Decimal:
        """In base units."""

    @property
    def quote_quantity(self) -> Decimal:
        """In quote units, before commission."""


class Unvalued(NamedTuple):
    """Commissions in ``asset`` whose value is not known yet, in units of that asset."""

    asset: str
    #: Part of the cost of what is still held.
    held: Decimal
    #: Part of the profit of what was sold.
    sold: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """The own coins in one symbol."""

    symbol: str
    base: str
    quote: str
    #: In base units, net of commissions in the base asset.
    quantity: Decimal = ZERO
    #: What ``quantity`` cost, commissions included.
    cost: Decimal = ZERO
    unvalued: tuple[Unvalued, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is owned and no commission is left to value."""
        return not self.quantity and not self.unvalued

    def worth(self, bid: Decimal) -> Decimal:
        """Return what it is worth at ``bid``, before the commission of a sale."""
        return multiply(self.quantity, bid)

    def unrealized(self, bid: Decimal) -> Decimal:
        """Return the profit at ``bid``, before the commission of a sale."""
        return subtract(self.worth(bid), self.cost)


class Booking(NamedTuple):
    """A holding after a change, and what the change did to the account's money."""

    holding: Holding
    #: Profit, commissions of buying and selling included.
    realized: Decimal = ZERO
    #: Change of the quote balance.
    quote: Decimal = ZERO
    #: Commissions that foreign coins paid for us.
    outside: Decimal = ZERO
    #: What came in, or with a minus went out, and is neither profit nor loss.
    deposited: Decimal = ZERO
    #: Quantity sold beyond the holding: foreign coins. More than 0 means that the book does not know everything.
    excess: Decimal = ZERO


def buy(holding: Holding, trade: Trade, fee: Fee) -> Booking:
    """Book a purchase. Raises AmountError if the trade cannot be counted exactly."""
    _check(holding, trade)
    quantity, outside = _pay_in_coins(add(holding.quantity, trade.quantity), trade, fee)
    paid = add(trade.quote_quantity, fee.quote)
    after = Holding(
        holding.symbol,
        holding.base,
        holding.quote,
        quantity,
        add(holding.cost, add(paid, outside)),
        _with_unvalued(holding.unvalued, fee.asset, held=fee.unvalued) if fee.unvalued else holding.unvalued,
    )
    if quantity:
        return Booking(after, quote=negate(paid), outside=outside)
    # The commission took all of it: what it cost is lost.
    empty, cost = _take_out(after, quantity)
    return Booking(empty, realized=negate(cost), quote=negate(paid), outside=outside)


def sell(holding: Holding, trade: Trade, fee: Fee) -> Booking:
    """Book a sale. Raises AmountError if the trade cannot be counted exactly.

    What is sold beyond the holding was foreign: its proceeds count like a deposit, and ``excess`` tells.
    """
    _check(holding, trade)
    own = min(trade.quantity, holding.quantity)
    left, fees = _pay_in_coins(subtract(holding.quantity, own), trade, fee)
    received = subtract(trade.quote_quantity, fee.quote)
    proceeds, outside = share_of(received, own, trade.quantity), share_of(fees, own, trade.quantity)
    after, cost = _take_out(holding, subtract(holding.quantity, left))
    if fee.unvalued:
        after = _with(after, unvalued=_with_unvalued(after.unvalued, fee.asset, sold=fee.unvalued))
    return Booking(
        after,
        realized=subtract(subtract(proceeds, outside), cost),
        quote=received,
        outside=outside,
        deposited=subtract(received, proceeds),
        excess=subtract(trade.quantity, own),
    )


def _pay_in_coins(held: Decimal, trade: Trade, fee: Fee) -> tuple[Decimal, Decimal]:
    """Return what is held after a fee in the base asset, and what foreign coins paid, in quote units.

    Own coins pay it as long as there are any; what they cannot pay, foreign coins of the same asset did.
    """
    if not fee.base:
        return held, fee.outside
    own = min(fee.base, held)
    return subtract(held, own), add(fee.outside, value_at(subtract(fee.base, own), trade.price))


def value_commissions(holding: Holding, asset: str, price: Decimal) -> Booking:
    """Book the value of the unvalued commissions in ``asset``, at ``price`` in quote units."""
    check_amount(price, f"price of {asset}")
    held = sold = ZERO
    for open_fee in holding.unvalued:
        if open_fee.asset == asset:
            held, sold = value_at(open_fee.held, price), value_at(open_fee.sold, price)
    after = _with(
        holding,
        cost=add(holding.cost, held),
        unvalued=tuple(open_fee for open_fee in holding.unvalued if open_fee.asset != asset),
    )
    return Booking(after, realized=negate(sold), outside=add(held, sold))


def pay_commission(holding: Holding, amount: Decimal, price: Decimal | None = None) -> tuple[Booking, Fee]:
    """Book own coins that paid the commission of a trade in another symbol; return the fee of that trade, too.

    The coins count as sold at ``price``, or at their cost if it is not known: the fee takes what this booking
    gives. Raises AmountError if less is held.
    """
    after, cost = _take_out(holding, amount)
    value = value_at(amount, price) if price else cost
    return Booking(after, realized=subtract(value, cost), quote=value), Fee(quote=value)


def adopt(holding: Holding, quantity: Decimal, price: Decimal) -> Booking:
    """Book foreign coins that become ours: a deposit of their value at ``price``."""
    check_amount(quantity, f"quantity of {holding.base}")
    check_amount(price, f"price of {holding.symbol}")
    value = multiply(quantity, price)
    after = _with(holding, quantity=add(holding.quantity, quantity), cost=add(holding.cost, value))
    return Booking(after, deposited=value)


def give_up(holding: Holding, quantity: Decimal, price: Decimal) -> Booking:
    """Book own coins that are ours no longer: a withdrawal of their value at ``price``; a loss at price 0.

    Raises AmountError if less is held.
    """
    check_amount(price, f"price of {holding.symbol}")
    after, cost = _take_out(holding, quantity)
    value = multiply(quantity, price)
    return Booking(after, realized=subtract(value, cost), deposited=negate(value))


def _take_out(holding: Holding, quantity: Decimal) -> tuple[Holding, Decimal]:
    """Return the holding without ``quantity``, and the cost of that: in proportion, all of it for all."""
    if not 0 <= quantity <= holding.quantity:
        raise AmountError(
            f"{holding.symbol}: {plain_text(quantity)} {holding.base} taken out of {plain_text(holding.quantity)}"
        )
    cost = share_of(holding.cost, quantity, holding.quantity)
    after = _with(
        holding,
        quantity=subtract(holding.quantity, quantity),
        cost=subtract(holding.cost, cost),
        unvalued=holding.unvalued and _as_sold(holding.unvalued, quantity, holding.quantity),
    )
    return after, cost


def _as_sold(unvalued: tuple[Unvalued, ...], quantity: Decimal, held: Decimal) -> tuple[Unvalued, ...]:
    parts = [(fee, share_of(fee.held, quantity, held, ASSET_UNIT)) for fee in unvalued]
    return tuple(Unvalued(fee.asset, subtract(fee.held, part), add(fee.sold, part)) for fee, part in parts)


def _with_unvalued(
    unvalued: tuple[Unvalued, ...], asset: str, *, held: Decimal = ZERO, sold: Decimal = ZERO
) -> tuple[Unvalued, ...]:
    known = next((fee for fee in unvalued if fee.asset == asset), Unvalued(asset, ZERO, ZERO))
    grown = Unvalued(asset, add(known.held, held), add(known.sold, sold))
    return (*(fee for fee in unvalued if fee.asset != asset), grown)


def _with(
    holding: Holding,
    *,
    quantity: Decimal | None = None,
    cost: Decimal | None = None,
    unvalued: tuple[Unvalued, ...] | None = None,
) -> Holding:
    return Holding(
        holding.symbol,
        holding.base,
        holding.quote,
        holding.quantity if quantity is None else quantity,
        holding.cost if cost is None else cost,
        holding.unvalued if unvalued is None else unvalued,
    )


def _check(holding: Holding, trade: Trade) -> None:
    check_amount(trade.price, f"price of {holding.symbol}")
    check_amount(trade.quantity, f"quantity of {holding.base}")
    check_product(trade.quote_quantity, f"amount of {holding.quote}")
    if not trade.quantity:
        raise AmountError(f"quantity of {holding.base} is 0: a trade has one")

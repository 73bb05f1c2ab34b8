"""The money of one account. Amounts are Decimal, in the quote asset (TRADER_QUOTE).

The identity, exactly and at every moment::

    equity - start == realized + unrealized
    equity == quote balance + own coins × bid

Whatever is neither profit nor loss moves the start, the base of the day and the peak by its amount: deposits,
withdrawals, commissions that foreign coins paid, coins taken over or given up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from cq_tui.trading.money.exact import ZERO, add, check_product, plain_text, subtract, total
from cq_tui.trading.money.holding import Booking, Holding


@dataclass(frozen=True, slots=True)
class Money:
    """What the book says about the account's money."""

    #: The asset in which money is counted.
    asset: str
    #: Balance of that asset, free and locked, that the bookings account for.
    quote: Decimal
    #: Equity at the start, moved by whatever came in or went out since.
    start: Decimal
    #: Equity at the start of the day, moved likewise; and that day, as counted by whoever marks it.
    day_base: Decimal
    day: int
    #: Highest equity marked, moved likewise.
    peak: Decimal
    realized: Decimal = ZERO
    #: What came in minus what went out, coins at their value.
    deposits: Decimal = ZERO
    #: Commissions that foreign coins paid.
    paid_from_outside: Decimal = ZERO

    def book(self, booking: Booking) -> "Money":
        """Return the money after a booking."""
        came = add(booking.outside, booking.deposited)
        return Money(
            self.asset,
            add(self.quote, booking.quote),
            add(self.start, came),
            add(self.day_base, came),
            self.day,
            add(self.peak, came),
            add(self.realized, booking.realized),
            add(self.deposits, booking.deposited),
            add(self.paid_from_outside, booking.outside),
        )

    def deposit(self, amount: Decimal) -> "Money":
        """Return the money after a deposit of the quote asset; a negative ``amount`` is a withdrawal.

        Raises AmountError if it cannot be counted exactly.
        """
        check_product(amount.copy_abs(), f"deposit of {self.asset}")
        return replace(
            self,
            quote=add(self.quote, amount),
            start=add(self.start, amount),
            day_base=add(self.day_base, amount),
            peak=add(self.peak, amount),
            deposits=add(self.deposits, amount),
        )

    def mark(self, equity: Decimal, day: int) -> "Money":
        """Return the money marked at ``equity``: a higher peak counts, and a new ``day`` starts at it."""
        peak = max(self.peak, equity)
        if day == self.day:
            return self if peak == self.peak else replace(self, peak=peak)
        return replace(self, peak=peak, day=day, day_base=equity)

    def day_profit(self, equity: Decimal) -> Decimal:
        """Return the profit since the start of the day, realized or not."""
        return subtract(equity, self.day_base)

    def drawdown(self, equity: Decimal) -> Decimal:
        """Return how far ``equity`` is below the peak, in quote units; 0 at the peak."""
        return max(subtract(self.peak, equity), ZERO)


def open_money(
    asset: str, quote: Decimal, day: int, *, holdings: Iterable[Holding] = (), realized: Decimal = ZERO
) -> Money:
    """Return the money of an account that is counted from now on.

    ``quote``: its balance of ``asset``, free and locked. With ``holdings`` and ``realized`` of an earlier book, the
    start follows from them: what was realized was earned since then.
    """
    start = subtract(add(quote, cost_of(holdings)), realized)
    base = add(start, realized)
    return Money(asset, quote, start, day_base=base, day=day, peak=base, realized=realized)


class Valuation(NamedTuple):
    """What the account is worth."""

    equity: Decimal
    #: Value of the own coins.
    exposure: Decimal
    unrealized: Decimal
    #: Held symbols without a bid: they count at their cost.
    unpriced: tuple[str, ...]


def value_account(money: Money, holdings: Iterable[Holding], bids: Mapping[str, Decimal]) -> Valuation:
    """Return what the account is worth at the best bids, before the commissions of a sale."""
    exposure = unrealized = ZERO
    unpriced = []
    for holding in holdings:
        if not holding.quantity:
            continue
        if bid := bids.get(holding.symbol):
            worth = holding.worth(bid)
            exposure, unrealized = add(exposure, worth), add(unrealized, subtract(worth, holding.cost))
        else:
            unpriced.append(holding.symbol)
            exposure = add(exposure, holding.cost)
    return Valuation(add(money.quote, exposure), exposure, unrealized, tuple(unpriced))


def identity_fault(money: Money, holdings: Iterable[Holding]) -> str | None:
    """Return how the book contradicts itself, or None: quote + cost - start == realized, whatever the bids are."""
    gained = subtract(add(money.quote, cost_of(holdings)), money.start)
    if gained == money.realized:
        return None
    return (
        f"quote {plain_text(money.quote)} + cost {plain_text(cost_of(holdings))} - start {plain_text(money.start)} is"
        f" {plain_text(gained)}, but {plain_text(money.realized)} {money.asset} were realized"
    )


def cost_of(holdings: Iterable[Holding]) -> Decimal:
    """Return what the holdings cost together."""
    return total(holding.cost for holding in holdings)


def unvalued_commissions(holdings: Iterable[Holding]) -> dict[str, Decimal]:
    """Return the commissions that still have to be valued, by asset."""
    amounts: dict[str, Decimal] = {}
    for holding in holdings:
        for fee in holding.unvalued:
            amounts[fee.asset] = add(amounts.get(fee.asset, ZERO), add(fee.held, fee.sold))
    return amounts

"""Two independent books to compare with: what the exchange's account holds, in fractions, and average cost."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

F = Fraction


class Done(NamedTuple):
    """A trade as the exchange reports it."""

    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal


def done(price: str | Decimal, quantity: str | Decimal) -> Done:
    """Return a trade; its amount is the exact product."""
    product = F(price) * F(quantity)
    return Done(Decimal(price), Decimal(quantity), Decimal(int(product * 10**16)).scaleb(-16))


class NaiveLedger:
    """The account's balances of all assets, what came from outside, and what an average cost book would realize."""

    def __init__(self, quote: Decimal) -> None:
        self.opening = F(quote)
        self.balances: dict[str, Fraction] = defaultdict(F, USDT=F(quote))
        self.own: dict[str, Fraction] = defaultdict(F)
        self.cost: dict[str, Fraction] = defaultdict(F)
        self.came = F(0)
        self.realized = F(0)
        self.sales = 0

    def buy(self, base: str, trade: Done, fee: Decimal, fee_asset: str, fee_price: Decimal) -> None:
        """A purchase with its commission in any asset."""
        paid = F(trade.price) * F(trade.quantity)
        self.balances["USDT"] -= paid
        self.balances[base] += F(trade.quantity)
        self.balances[fee_asset] -= F(fee)
        self.own[base] += F(trade.quantity) - (F(fee) if fee_asset == base else 0)
        self.cost[base] += paid + self._fee_value(base, fee, fee_asset, fee_price)

    def sell(self, base: str, trade: Done, fee: Decimal, fee_asset: str, fee_price: Decimal) -> None:
        """A sale of own coins with its commission in the quote asset or a third one."""
        received = F(trade.price) * F(trade.quantity)
        self.balances["USDT"] += received
        self.balances[base] -= F(trade.quantity)
        self.balances[fee_asset] -= F(fee)
        share = self.cost[base] * F(trade.quantity) / self.own[base]
        self.own[base] -= F(trade.quantity)
        self.cost[base] -= share
        self.realized += received - share - self._fee_value(base, fee, fee_asset, fee_price)
        self.sales += 1

    def _fee_value(self, base: str, fee: Decimal, asset: str, price: Decimal) -> Fraction:
        if asset == base:
            return F(0)
        if asset == "USDT":
            return F(fee)
        # Cut to 12 decimals: an estimate, made once.
        value = F(int(F(fee) * F(price) * 10**12), 10**12)
        self.came += value
        return value

    def deposit(self, amount: Decimal) -> None:
        """Money that comes in or goes out."""
        self.balances["USDT"] += F(amount)
        self.came += F(amount)

    def equity(self, bids: dict[str, Decimal]) -> Fraction:
        """What the quote balance and the own coins are worth."""
        return self.balances["USDT"] + sum((amount * F(bids[base]) for base, amount in self.own.items()), F(0))

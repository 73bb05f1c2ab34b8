"""What may be lost: within a day (UTC), and from the peak of the equity. Pure; what holds is in the book.

Both bases are moved by whatever comes in or goes out, so neither a deposit nor a withdrawal is a loss.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from cq_tui.trading.money.account_money import Money
from cq_tui.trading.money.exact import ZERO, multiply, subtract

#: Once a tier of the drawdown was reached, it holds until the drawdown is this share of the tier.
RECOVERED: Final = Decimal("0.9")


class LossLimit(StrEnum):
    """What is counted."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"


class LossTier(StrEnum):
    """What follows, the mildest first."""

    #: It is said, and nothing else.
    WARN = "warn"
    #: Nothing is opened.
    REDUCE = "reduce"
    #: Nothing is opened, and everything is closed.
    HALT = "halt"

    @property
    def stops_entries(self) -> bool:
        """Whether nothing is opened."""
        return self is not LossTier.WARN


class Loss(NamedTuple):
    """How much was lost of a base, in the quote asset."""

    amount: Decimal
    base: Decimal

    @property
    def share(self) -> Decimal:
        """The lost share of the base, to be shown; 0 without a base."""
        return self.amount / self.base if self.base > 0 else ZERO

    def reaches(self, share: Decimal) -> bool:
        """Return whether it is at least this share of its base, exactly; without a base nothing can be lost."""
        return self.base > 0 and self.amount > 0 and self.amount >= multiply(self.base, share)


class LossLimits(NamedTuple):
    """The limits in force, as shares of their base."""

    daily: Decimal = Decimal("0.1")
    warn: Decimal = Decimal("0.1")
    reduce: Decimal = Decimal("0.2")
    halt: Decimal = Decimal("0.3")

    def tiers(self) -> tuple[tuple[LossTier, Decimal], ...]:
        """Return the tiers of the drawdown, the gravest first."""
        return (LossTier.HALT, self.halt), (LossTier.REDUCE, self.reduce), (LossTier.WARN, self.warn)

    def next_tier(self, loss: Loss) -> Decimal:
        """Return the share of the next tier that a drawdown would reach; the last one's when all are reached."""
        ahead = [share for _, share in self.tiers() if not loss.reaches(share)]
        return min(ahead, default=self.halt)


LOSS_DEFAULTS: Final = LossLimits()


class LossHold(NamedTuple):
    """A limit that was reached. Amounts in the quote asset; ``share``: the limit then; ``day``: since 1970, UTC."""

    tier: LossTier
    equity: Decimal
    base: Decimal
    share: Decimal
    day: int
    ms: int


def daily_loss(money: Money, equity: Decimal) -> Loss:
    """Return what was lost since the day began."""
    return Loss(max(subtract(money.day_base, equity), ZERO), money.day_base)


def drawdown(money: Money, equity: Decimal) -> Loss:
    """Return how far the equity is below its peak."""
    return Loss(money.drawdown(equity), money.peak)


def drawdown_tier(loss: Loss, limits: LossLimits, hold: LossHold | None = None) -> tuple[LossTier, Decimal] | None:
    """Return the tier of a drawdown and its limit; None below all. One that holds does so until it has recovered."""
    for tier, share in limits.tiers():
        holds = hold is not None and hold.tier is tier and hold.share == share
        if loss.reaches(multiply(share, RECOVERED) if holds else share):
            return tier, share
    return None


def describe(limit: LossLimit, hold: LossHold) -> str:
    """Return in words what was reached."""
    lost = hold.base - hold.equity
    if limit is LossLimit.DAILY_LOSS:
        what = f"{lost:.2f} of the {hold.base:.2f} that the day began with (UTC)"
    else:
        what = f"{lost:.2f} below the peak of {hold.base:.2f}"
    return f"{what}, {Loss(lost, hold.base).share:.1%}, limit {hold.share:.1%}"

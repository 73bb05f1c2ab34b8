"""What the books hold beside trades: money that came and went, coins taken over or given up, and each profit or loss.

Amounts are exact, times the exchange's Unix milliseconds.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cq_tui.books.lots import Taken


class MovementKind(StrEnum):
    """Why money or coins came or went without a trade of ours."""

    #: The account was seen for the first time, with this balance.
    OPENING = "opening"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    #: Coins of others became ours.
    ADOPTED = "adopted"
    #: A person accepted that coins are gone.
    LOST = "lost"
    #: What the book of the first version held when the account took it over.
    TAKEN_OVER = "taken over"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money or coins that came or, with a minus, went."""

    ms: int
    kind: MovementKind
    asset: str
    quantity: Decimal
    #: In quote units, as the books count it.
    value: Decimal
    quote: str
    symbol: str = ""
    signal_key: str = ""
    why: str = ""
    person: str = ""


class ProfitKind(StrEnum):
    """What a profit or loss came from."""

    SALE = "sale"
    #: A purchase that its commission took whole.
    PURCHASE = "purchase"
    LOST = "lost"
    #: Own coins paid the commission of another trade: they count as sold.
    COMMISSION = "commission"
    #: A commission of a sale got its value only later.
    VALUED = "commission valued"


@dataclass(frozen=True, slots=True)
class Profit:
    """One profit or loss, by the trader's book and by lots. Coins left the holding for all kinds but the last."""

    ms: int
    symbol: str
    kind: ProfitKind
    #: Of the position that it belongs to; empty if there is none.
    strategy: str
    signal_key: str
    #: The trade it comes from; None without one.
    trade_id: int | None
    #: By the average cost of what was held, commissions included, in quote units.
    amount: Decimal
    #: The same by first in, first out; None where nothing left and nothing was earned.
    fifo: Taken | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What the account was worth at a time, in quote units.

    ``start`` is what it was worth at the start, moved by whatever came or went since.
    """

    ms: int
    equity: Decimal
    start: Decimal


@dataclass(frozen=True, slots=True)
class Denial:
    """A signal that was not acted on, and the code of the reason. ``ms`` is None if nobody told when."""

    ms: int | None
    symbol: str
    strategy: str
    code: str

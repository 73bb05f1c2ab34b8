"""The wish to sell coins that are not ours: how much of which, and what of it is left. Only a person has it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple


class Left(NamedTuple):
    """Coins that are not sold, and why. In units of their asset."""

    quantity: Decimal
    reason: str


class ForeignSale(NamedTuple):
    """Who wants it, why, and since when (the exchange's Unix milliseconds).

    It ends asset by asset: as soon as its coins became a position that is closed, or were left for a reason. What comes
    to the account later is not sold.
    """

    person: str
    why: str
    ms: int
    #: By asset: the most that is still to be sold; None until the account was read.
    coins: Mapping[str, Decimal] | None = None
    #: By asset: what stays.
    left: Mapping[str, Left] = {}

    @property
    def is_pending(self) -> bool:
        """Whether something is still to be sold, or what there is to sell is not known yet."""
        return self.coins is None or bool(self.coins)

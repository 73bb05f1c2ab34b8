"""Lots: what was bought when at what cost. What leaves takes the oldest first (FIFO).

The book of the trader counts by average cost. Lots follow the same bookings, so only the cost of what leaves differs:
of any bookings, exactly::

    sum of FIFO gains - cost of the lots left == sum of the book's profits - cost of its holding
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from cq_tui.trading.money.exact import ASSET_UNIT, ZERO, add, share_of, subtract, total
from cq_tui.trading.money.holding import Booking, Holding

#: Where the coins of lots came from that no trade bought.
ADOPTED: Final = "adopted"
TAKEN_OVER: Final = "taken over"


class Lot(NamedTuple):
    """Coins of one purchase that are still held."""

    ms: int
    #: The trade's id, or where else they came from.
    source: str
    quantity: Decimal
    #: In quote units, commissions included.
    cost: Decimal
    #: Commissions in other assets whose value is not known yet, in units of the asset.
    unvalued: tuple[tuple[str, Decimal], ...] = ()


class LotUse(NamedTuple):
    """Coins of one lot that left, what they had cost and what came in for them, in quote units."""

    acquired_ms: int
    source: str
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal

    @property
    def gain(self) -> Decimal:
        """Proceeds less cost: commissions are inside both."""
        return subtract(self.proceeds, self.cost)


class Taken(NamedTuple):
    """What one booking took out of the lots; without uses it only changed costs or profit."""

    quantity: Decimal
    #: After commissions, in quote units.
    proceeds: Decimal
    cost: Decimal
    uses: tuple[LotUse, ...]

    @property
    def gain(self) -> Decimal:
        """Proceeds less cost."""
        return subtract(self.proceeds, self.cost)


@dataclass(slots=True)
class Lots:
    """The lots of one symbol, oldest first."""

    open: deque[Lot] = field(default_factory=deque)

    @property
    def quantity(self) -> Decimal:
        """Coins in all lots."""
        return total(lot.quantity for lot in self.open)

    @property
    def cost(self) -> Decimal:
        """What they cost."""
        return total(lot.cost for lot in self.open)

    def begin_with(self, holding: Holding, ms: int) -> None:
        """Put what an earlier book held into one lot."""
        unvalued = tuple((fee.asset, fee.held) for fee in holding.unvalued if fee.held)
        if holding.quantity:
            self.open.append(Lot(ms, TAKEN_OVER, holding.quantity, holding.cost, unvalued))

    def follow(self, before: Holding, booking: Booking, ms: int, source: str) -> Taken | None:
        """Follow one booking of the symbol; return what it took out or cost, None if it only added coins."""
        after, came = booking.holding, subtract(booking.holding.quantity, before.quantity)
        if came > 0:
            cost = subtract(after.cost, before.cost)
            self.open.append(Lot(ms, source, came, cost, _new_commissions(before, after)))
            return None
        if not came and len(before.unvalued) > len(after.unvalued):
            return self._value(before, booking)
        # What the book took out by average cost, the lots take out by theirs: the proceeds are the same.
        proceeds = add(booking.realized, subtract(before.cost, after.cost))
        return self._take(came.copy_negate(), proceeds)

    def _take(self, quantity: Decimal, proceeds: Decimal) -> Taken | None:
        parts, left = [], quantity
        while left and self.open:
            part = self._split(min(left, self.open[0].quantity))
            parts.append(part)
            left = subtract(left, part.quantity)
        if not parts and not proceeds:
            return None
        uses, rest, rest_quantity = [], proceeds, quantity
        for part in parts:
            share = share_of(rest, part.quantity, rest_quantity)
            uses.append(LotUse(part.ms, part.source, part.quantity, part.cost, share))
            rest, rest_quantity = subtract(rest, share), subtract(rest_quantity, part.quantity)
        return Taken(quantity, proceeds, total(part.cost for part in parts), tuple(uses))

    def _split(self, quantity: Decimal) -> Lot:
        """Take coins out of the oldest lot: in proportion, and all of it for all."""
        lot = self.open.popleft()
        if quantity == lot.quantity:
            return lot
        cost = share_of(lot.cost, quantity, lot.quantity)
        fees = [(asset, amount, share_of(amount, quantity, lot.quantity, ASSET_UNIT)) for asset, amount in lot.unvalued]
        kept = tuple((asset, subtract(amount, part)) for asset, amount, part in fees)
        self.open.appendleft(Lot(lot.ms, lot.source, subtract(lot.quantity, quantity), subtract(lot.cost, cost), kept))
        return Lot(lot.ms, lot.source, quantity, cost, tuple((asset, part) for asset, _, part in fees))

    def _value(self, before: Holding, booking: Booking) -> Taken | None:
        """Give the lots their part of commissions that got a value; what was sold meanwhile pays the rest."""
        known = {fee.asset for fee in booking.holding.unvalued}
        [valued] = [fee for fee in before.unvalued if fee.asset not in known]
        whole, rest = add(valued.held, valued.sold), booking.outside
        for number, lot in enumerate(self.open):
            amount = total(part for asset, part in lot.unvalued if asset == valued.asset)
            share = share_of(booking.outside, amount, whole) if amount else ZERO
            kept = tuple(fee for fee in lot.unvalued if fee[0] != valued.asset)
            self.open[number] = lot._replace(cost=add(lot.cost, share), unvalued=kept)
            rest = subtract(rest, share)
        return Taken(ZERO, rest.copy_negate(), ZERO, ()) if rest else None


def _new_commissions(before: Holding, after: Holding) -> tuple[tuple[str, Decimal], ...]:
    known = {fee.asset: fee.held for fee in before.unvalued}
    grown = ((fee.asset, subtract(fee.held, known.get(fee.asset, ZERO))) for fee in after.unvalued)
    return tuple((asset, amount) for asset, amount in grown if amount)

"""Round trips: each position from its entry until nothing worth selling is held, with what it earned.

A position is all that follows one signal, or one adoption: entry, stop, target, exit. Amounts in quote units, exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.books.entries import Movement, MovementKind, Profit
from cq_tui.books.fills import BookedFill
from cq_tui.books.ledger import Ledger, open_keys
from cq_tui.trading.money.exact import ZERO, add, share_of, total

_ONE = Decimal(1)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One position. Times in Unix milliseconds."""

    symbol: str
    #: Empty if it is no strategy's.
    strategy: str
    signal_key: str
    opened_ms: int
    #: When the last of it was sold; 0 while nothing was.
    closed_ms: int
    #: Bought, or taken over.
    quantity: Decimal
    #: Sold, or given up.
    sold: Decimal
    entry_price: Decimal
    #: None while nothing was sold.
    exit_price: Decimal | None
    #: Paid for ``quantity``, and received for ``sold``, before commissions.
    spent: Decimal
    received: Decimal
    #: Value of all its commissions that have one.
    fees: Decimal
    #: Profit, commissions included; of an open position only what was realized.
    net: Decimal
    #: Of the last sale; "lost" if a person accepted that the coins are gone.
    exit_reason: str
    is_open: bool
    #: Commissions whose value is not known: ``net`` is without them.
    unvalued_fees: int = 0

    @property
    def gross(self) -> Decimal:
        """Profit before commissions."""
        return add(self.net, self.fees)

    @property
    def share(self) -> float | None:
        """Profit as a share of what was paid; None if nothing was."""
        return float(self.net / self.spent) if self.spent else None

    @property
    def duration_ms(self) -> int:
        """From the first purchase to the last sale; 0 while nothing was sold."""
        return max(self.closed_ms - self.opened_ms, 0)


@dataclass(slots=True)
class _Trip:
    buys: list[BookedFill] = field(default_factory=list)
    sells: list[BookedFill] = field(default_factory=list)
    moves: list[Movement] = field(default_factory=list)
    profits: list[Profit] = field(default_factory=list)


def round_trips(ledger: Ledger) -> list[RoundTrip]:
    """Return the positions of a ledger in the order of their first purchase, open ones included."""
    trips: dict[Key, _Trip] = {}
    for fill in ledger.fills:
        trip = trips.setdefault((fill.symbol, fill.signal_key), _Trip())
        (trip.buys if fill.side == "BUY" else trip.sells).append(fill)
    for move in ledger.movements:
        if move.kind in (MovementKind.ADOPTED, MovementKind.LOST):
            trips.setdefault((move.symbol, move.signal_key), _Trip()).moves.append(move)
    for profit in ledger.profits:
        if (known := trips.get((profit.symbol, profit.signal_key))) is not None:
            known.profits.append(profit)
    is_open = set(open_keys(ledger))
    made = (_trip(key, trip, is_open=key in is_open) for key, trip in trips.items())
    return sorted(made, key=lambda one: one.opened_ms)


def _trip(key: Key, trip: _Trip, *, is_open: bool) -> RoundTrip:
    adopted = [move for move in trip.moves if move.kind is MovementKind.ADOPTED]
    lost = [move for move in trip.moves if move.kind is MovementKind.LOST]
    fills = [*trip.buys, *trip.sells]
    quantity = total([*(fill.quantity for fill in trip.buys), *(move.quantity for move in adopted)])
    sold = total([*(fill.quantity for fill in trip.sells), *(-move.quantity for move in lost)])
    spent = total([*(fill.quote_quantity for fill in trip.buys), *(move.value for move in adopted)])
    received = total(fill.quote_quantity for fill in trip.sells)
    ins, outs = _times([*trip.buys, *adopted]), _times([*trip.sells, *lost])
    return RoundTrip(
        symbol=key[0],
        strategy=next((fill.strategy for fill in fills if fill.strategy), ""),
        signal_key=key[1],
        opened_ms=min(ins or outs),
        closed_ms=max(outs or ([] if is_open else ins), default=0),
        quantity=quantity,
        sold=sold,
        entry_price=_per_unit(spent, quantity) or ZERO,
        exit_price=_per_unit(received, sold),
        spent=spent,
        received=received,
        fees=total(fill.commission_quote or ZERO for fill in fills),
        net=total(profit.amount for profit in trip.profits),
        exit_reason=_last_reason(trip.sells, lost),
        is_open=is_open,
        unvalued_fees=sum(fill.commission_quote is None for fill in fills),
    )


def _last_reason(sells: list[BookedFill], lost: list[Movement]) -> str:
    if lost and (not sells or lost[-1].ms > sells[-1].ms):
        return "lost"
    return sells[-1].exit_reason if sells else ""


def _times(entries: Iterable[BookedFill | Movement]) -> list[int]:
    return [entry.ms for entry in entries]


def _per_unit(amount: Decimal, quantity: Decimal) -> Decimal | None:
    """Return an average price, rounded toward zero to 12 decimals."""
    return share_of(amount, _ONE, quantity) if quantity else None

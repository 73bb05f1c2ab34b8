"""The order book of one symbol, kept from a snapshot and the changes of its depth stream. No I/O.

The exchange's rule, with what recordings show: the first change that is applied may begin right behind the snapshot.
"""

from bisect import bisect_left, insort
from collections import deque
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.fields import Fields, shorten_value
from cq_tui.binance.market_events import DepthUpdate

_ZERO = Decimal(0)


class PriceLevel(NamedTuple):
    """What is bid or asked for at one price."""

    price: Decimal
    quantity: Decimal


class DepthSnapshot(NamedTuple):
    """The book as it stood after a change. Deeper levels than it holds are unknown until they change."""

    last_update_id: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]


class SequenceGap(NamedTuple):
    """Changes are missing: a book that stood at ``last_update_id`` was offered one that begins at ``next_first_id``."""

    last_update_id: int
    next_first_id: int


class _Side:
    """The levels of one side, with their prices in order."""

    __slots__ = ("levels", "prices")

    def __init__(self, levels: tuple[PriceLevel, ...]) -> None:
        self.levels = {price: quantity for price, quantity in levels if quantity}
        self.prices = sorted(self.levels)

    def set_level(self, price: Decimal, quantity: Decimal) -> None:
        if not quantity:
            if self.levels.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]
            return
        if price not in self.levels:
            insort(self.prices, price)
        self.levels[price] = quantity


class OrderBook:
    """Bids and asks of a symbol as of ``last_update_id``."""

    __slots__ = ("_asks", "_bids", "last_update_id", "symbol")

    def __init__(self, symbol: str, snapshot: DepthSnapshot) -> None:
        self.symbol = symbol
        self.last_update_id = snapshot.last_update_id
        self._bids = _Side(snapshot.bids)
        self._asks = _Side(snapshot.asks)

    def apply(self, change: DepthUpdate) -> SequenceGap | None:
        """Take in a change; one from before the book is ignored. With a gap the book stays as it was, for good.

        Raises MalformedMessage, and takes in nothing, when a level cannot be read.
        """
        if change.last_update_id <= self.last_update_id:
            return None
        if change.first_update_id > self.last_update_id + 1:
            return SequenceGap(self.last_update_id, change.first_update_id)
        bids, asks = parse_levels(change.bids, "depthUpdate", "b"), parse_levels(change.asks, "depthUpdate", "a")
        for price, quantity in bids:
            self._bids.set_level(price, quantity)
        for price, quantity in asks:
            self._asks.set_level(price, quantity)
        self.last_update_id = change.last_update_id
        return None

    @property
    def best_bid(self) -> PriceLevel | None:
        """The highest bid; None when there is none."""
        prices = self._bids.prices
        return PriceLevel(prices[-1], self._bids.levels[prices[-1]]) if prices else None

    @property
    def best_ask(self) -> PriceLevel | None:
        """The lowest ask; None when there is none."""
        prices = self._asks.prices
        return PriceLevel(prices[0], self._asks.levels[prices[0]]) if prices else None

    def bids(self, most: int | None = None) -> list[PriceLevel]:
        """Return the bids, best first."""
        prices = self._bids.prices[::-1] if most is None else self._bids.prices[: -most - 1 : -1]
        return [PriceLevel(price, self._bids.levels[price]) for price in prices]

    def asks(self, most: int | None = None) -> list[PriceLevel]:
        """Return the asks, best first."""
        return [PriceLevel(price, self._asks.levels[price]) for price in self._asks.prices[:most]]


class BookSync:
    """The way to a book that can be trusted: changes wait for a snapshot, and after a gap they wait again.

    ``most_waiting`` bounds what waits; more than that makes the snapshot come too late, and it is asked for again.
    """

    def __init__(self, symbol: str, most_waiting: int = 10_000) -> None:
        self._symbol = symbol
        self._pending: deque[DepthUpdate] = deque(maxlen=most_waiting)
        self.book: OrderBook | None = None

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot is to be fetched: not before the first change has come, or it would be too old."""
        return self.book is None and bool(self._pending)

    def apply_change(self, change: DepthUpdate) -> SequenceGap | None:
        """Take in the next change of the stream; returns the gap that it shows."""
        if self.book is None:
            self._pending.append(change)
            return None
        gap = self.book.apply(change)
        if gap is not None:
            self.reset()
            self._pending.append(change)
        return gap

    def apply_snapshot(self, snapshot: DepthSnapshot) -> bool:
        """Begin the book with a snapshot; False when another is needed: it is older than what waits, or has a gap."""
        book = OrderBook(self._symbol, snapshot)
        waiting, self._pending = self._pending, deque(maxlen=self._pending.maxlen)
        for position, change in enumerate(waiting):
            if book.apply(change) is not None:
                self._pending.extend(list(waiting)[position:])
                return False
        self.book = book
        return True

    def reset(self) -> None:
        """Forget the book: the stream was lost, or something in it could not be read."""
        self.book = None
        self._pending.clear()


def parse_depth(raw: object) -> DepthSnapshot:
    """Read the answer of the depth endpoint."""
    fields = Fields(raw, "depth")
    bids, asks = (tuple(parse_levels(fields.array(side), "depth", side)) for side in ("bids", "asks"))
    return DepthSnapshot(fields.integer("lastUpdateId"), bids, asks)


def parse_levels(rows: list[Any], subject: str, side: str) -> list[PriceLevel]:
    """Read [price, quantity] pairs. Raises MalformedMessage for a level that is none, or below zero."""
    levels = []
    for row in rows:
        try:
            price, quantity = row
            level = PriceLevel(Decimal(price), Decimal(quantity))
            usable = type(price) is type(quantity) is str and level.price > _ZERO and level.quantity >= _ZERO
        except (TypeError, ValueError, InvalidOperation):
            usable = False
        if not usable or not level.price.is_finite() or not level.quantity.is_finite():
            raise MalformedMessage(
                subject, side, f"holds {shorten_value(row)}, [price, quantity] as decimal text is needed"
            )
        levels.append(level)
    return levels

"""The order book of one symbol, built from a snapshot and its depth stream. No I/O.

Binance's rule, plus what recordings show: the first change applied may begin right after the snapshot.
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
    """The quantity bid or asked at one price."""

    price: Decimal
    quantity: Decimal


class DepthSnapshot(NamedTuple):
    """The book as of an update id. Levels deeper than it holds are unknown until they change."""

    last_update_id: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]


class SequenceGap(NamedTuple):
    """Changes are missing: the book is at ``last_update_id``, the next change begins at ``next_first_id``."""

    last_update_id: int
    next_first_id: int


class _Side:
    """The levels of one side, with their prices sorted."""

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
        """Apply a change; an older one is ignored. After a gap the book no longer changes.

        Raises MalformedMessage, and changes nothing, when a level cannot be parsed.
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

    def bids(self, limit: int | None = None) -> list[PriceLevel]:
        """Return the bids, best first."""
        prices = self._bids.prices[::-1] if limit is None else self._bids.prices[: -limit - 1 : -1]
        return [PriceLevel(price, self._bids.levels[price]) for price in prices]

    def asks(self, limit: int | None = None) -> list[PriceLevel]:
        """Return the asks, best first."""
        return [PriceLevel(price, self._asks.levels[price]) for price in self._asks.prices[:limit]]


class BookSync:
    """Synchronizes a book with its stream: changes are buffered until a snapshot arrives, and again after a gap.

    ``max_pending`` bounds the buffer; beyond it the snapshot is too old and is requested again.
    """

    def __init__(self, symbol: str, max_pending: int = 10_000) -> None:
        self._symbol = symbol
        self._pending: deque[DepthUpdate] = deque(maxlen=max_pending)
        self.book: OrderBook | None = None

    @property
    def needs_snapshot(self) -> bool:
        """Whether to fetch a snapshot: not before the first change has arrived, or it would be too old."""
        return self.book is None and bool(self._pending)

    def apply_change(self, change: DepthUpdate) -> SequenceGap | None:
        """Apply the next change of the stream; returns the gap that it reveals."""
        if self.book is None:
            self._pending.append(change)
            return None
        gap = self.book.apply(change)
        if gap is not None:
            self.reset()
            self._pending.append(change)
        return gap

    def apply_snapshot(self, snapshot: DepthSnapshot) -> bool:
        """Start the book from a snapshot; False when another is needed: this one is too old, or a change is missing."""
        book = OrderBook(self._symbol, snapshot)
        pending, self._pending = self._pending, deque(maxlen=self._pending.maxlen)
        for position, change in enumerate(pending):
            if book.apply(change) is not None:
                self._pending.extend(list(pending)[position:])
                return False
        self.book = book
        return True

    def reset(self) -> None:
        """Drop the book: the stream was lost, or a change could not be parsed."""
        self.book = None
        self._pending.clear()


def parse_depth(raw: object) -> DepthSnapshot:
    """Parse a response of the depth endpoint."""
    fields = Fields(raw, "depth")
    bids, asks = (tuple(parse_levels(fields.array(side), "depth", side)) for side in ("bids", "asks"))
    return DepthSnapshot(fields.integer("lastUpdateId"), bids, asks)


def parse_levels(rows: list[Any], subject: str, side: str) -> list[PriceLevel]:
    """Parse [price, quantity] pairs. Raises MalformedMessage for an invalid or negative level."""
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
                subject, side, f"holds {shorten_value(row)}; expected [price, quantity] as decimal strings"
            )
        levels.append(level)
    return levels

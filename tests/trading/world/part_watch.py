"""Judges sales of a part: each signal's part is sold once, and never more than its share of what was held."""

from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import effects as e
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.order import OrderRecord
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.world import World

ZERO = Decimal(0)


class PartWatch:
    """Watches one world. What a signal may sell is reckoned when it is first followed, and stays so over restarts."""

    def __init__(self, world: "World", truth: Truth) -> None:
        self._world = world
        self._truth = truth
        #: By signal: the most that may be sold for it, and its orders.
        self._most: dict[str, Decimal] = {}
        self._orders: dict[str, list[tuple[str, str]]] = {}

    def watch_wanted(self, fact: f.PartExitWanted, book: Book) -> None:
        """Judge that a part is to be sold. ``book``: as it was told so far."""
        world, key = self._world, fact.signal_key
        asked = world.asked_parts.get(key)
        if asked is None:
            raise Violation(f"a part of {fact.symbol} is to be sold for {key}, which asked for none")
        held = max(self._truth.owned[fact.symbol], book.quantity(fact.symbol))
        self._most.setdefault(key, asked * held)
        position = book.positions.get(fact.symbol)
        stays = book.quantity(fact.symbol) - fact.keep
        if position is None or position.exit_reason or stays > self._most[key]:
            raise Violation(f"{stays} of {fact.symbol} are to be sold for {key}, which may sell {self._most[key]}")
        if doubts := [*book.doubts.get(fact.symbol, {}), *book.doubts.get("", {})]:
            raise Violation(f"a part of {fact.symbol} is to be sold in spite of the doubts {doubts}")
        world.reached("part", "wanted")

    def watch_ended(self, fact: f.PartExitEnded) -> None:
        """Note how it ended."""
        self._world.reached("part", "given up" if fact.unsold else "sold")

    def watch_request(self, request: e.Request, book: Book) -> None:
        """Judge a sale that leaves: while no exit is wanted, it is of a part, and sells no more than is left of it."""
        order = request.order if isinstance(request, e.PlaceOrder) else None
        order = request.replace.new if isinstance(request, e.ReplaceOrder) else order
        record = None if order is None else book.orders.get(order.client_order_id)
        position = book.positions.get(request.symbol)
        if record is None or record.leg is not Leg.EXIT or position is None or position.exit_reason:
            return
        if self._is_fenced(book, record):
            return
        if position.part is None:
            if position.plan.stop_loss > 0:
                raise Violation(f"{record.quantity} of {request.symbol} is sold, and nobody asked for that")
            return
        if self._world.owner_problem:
            raise Violation(f"a part of {request.symbol} is sold although {self._world.owner_problem}")
        self._orders.setdefault(position.part.signal_key, []).append((request.symbol, record.client_order_id))
        self.watch()

    @staticmethod
    def _is_fenced(book: Book, record: OrderRecord) -> bool:
        """Whether the price is at the stop while an outcome is unknown: all is sold that no other order can have."""
        others = (one for one in book.orders_of(record.symbol) if one.side == "SELL" and one != record)
        return any(one.status.is_undecided for one in others)

    def watch(self) -> None:
        """Judge what was sold for each part, by the exchange's own records."""
        if self._truth.is_wiped:
            return
        for key, orders in self._orders.items():
            found = [self._world.venue.state.find(symbol, None, name) for symbol, name in orders]
            sold = sum((order.executed for order in found if order is not None), ZERO)
            if sold > self._most[key]:
                raise Violation(f"{sold} are sold for {key}, which may sell {self._most[key]}")

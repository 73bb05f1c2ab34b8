"""The account's resting orders, in price-time priority."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from decimal import Decimal

from cq_tui.simulator.engine.orders import EngineOrder

Queue = dict[int, EngineOrder]


class RestingSide:
    """Own orders on one side of a symbol's book."""

    def __init__(self, side: str) -> None:
        self._buying = side == "BUY"
        self._prices: list[Decimal] = []
        self._queues: dict[Decimal, Queue] = {}

    def __bool__(self) -> bool:
        return bool(self._prices)

    def prices(self) -> Iterator[Decimal]:
        """Yield the prices with orders, best first."""
        return reversed(self._prices) if self._buying else iter(self._prices)

    def best_price(self) -> Decimal | None:
        """Return the best price, or None without orders."""
        return self._prices[-1 if self._buying else 0] if self._prices else None

    def orders_at(self, price: Decimal) -> Iterable[EngineOrder]:
        """Return the orders at a price in queue order."""
        queue = self._queues.get(price)
        return queue.values() if queue else ()

    def visible_quantity_at(self, price: Decimal) -> Decimal:
        """Return the visible quantity at a price."""
        return sum((order.visible_quantity for order in self.orders_at(price)), Decimal(0))

    def add(self, order: EngineOrder) -> None:
        """Add an order to the queue at its price, by priority."""
        queue = self._queues.get(order.price)
        if queue is None:
            queue = self._queues[order.price] = {}
            insort(self._prices, order.price)
        last = next(reversed(queue.values()), None)
        queue[order.order_id] = order
        if last is not None and last.priority > order.priority:
            ranked = sorted(queue.values(), key=lambda entry: entry.priority)
            self._queues[order.price] = {entry.order_id: entry for entry in ranked}

    def remove(self, order: EngineOrder) -> None:
        """Remove an order."""
        queue = self._queues[order.price]
        del queue[order.order_id]
        if not queue:
            del self._queues[order.price]
            del self._prices[bisect_left(self._prices, order.price)]


class RestingOrders:
    """Own orders in one symbol's book; ``changes`` counts visible changes."""

    def __init__(self) -> None:
        self.sides = {"BUY": RestingSide("BUY"), "SELL": RestingSide("SELL")}
        self.changes = 0
        self._ids: set[int] = set()

    def __contains__(self, order: EngineOrder) -> bool:
        return order.order_id in self._ids

    def add(self, order: EngineOrder) -> None:
        """Add an order to the book."""
        self.sides[order.side].add(order)
        self._ids.add(order.order_id)
        self.changes += 1

    def discard(self, order: EngineOrder) -> None:
        """Remove an order from the book, if it is there."""
        if order.order_id in self._ids:
            self._ids.remove(order.order_id)
            self.sides[order.side].remove(order)
            self.changes += 1

    def move_to_back(self, order: EngineOrder) -> None:
        """Move an order behind the others at its price."""
        if order.order_id in self._ids:
            self.sides[order.side].remove(order)
            self.sides[order.side].add(order)

    def record_change(self, order: EngineOrder) -> None:
        """Record a change of an order's visible quantity, if it is on the book."""
        if order.order_id in self._ids:
            self.changes += 1

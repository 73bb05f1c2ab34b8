"""One symbol's order book: the crowd's depth and the account's own resting orders, by price, then by time."""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from cq_tui.binance.order_book import Level
from cq_tui.simulator.engine.orders import ZERO, Order
from cq_tui.simulator.engine.resting import Resting, RestingSide
from cq_tui.simulator.market.crowd import MAX_LEVELS, CrowdDepth

__all__ = ["MAX_LEVELS", "Book", "Level", "Offer"]

_SIDES = {"bids": "BUY", "asks": "SELL", "BUY": "BUY", "SELL": "SELL"}
OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}


class Offer(NamedTuple):
    """What an order can take at one price: first what the crowd offers, then own orders, oldest first."""

    price: Decimal
    crowd: Decimal
    own: tuple[Order, ...]


class Book:
    """Bids and asks. Sides are named bids and asks, or BUY and SELL.

    ``update_id`` rises with every visible change and with every tick. What is taken from the crowd stays taken until
    the next tick.
    """

    def __init__(self, crowd: CrowdDepth, best_bid: int, best_ask: int, tick: int = 0) -> None:
        self._crowd = crowd
        self._tick_size = crowd.tick_size
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._taken: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}
        self.tick = tick
        self._updates = 1
        self._resting = Resting()
        self._own_seen = 0
        self._shown: dict[str, tuple[int, int, list[Level]]] = {}

    def renew(self, best_bid: int, best_ask: int, tick: int) -> None:
        """Go on to another tick (no earlier one): the crowd stands around other best prices, in tick sizes."""
        if tick == self.tick:
            return
        self._updates += tick - self.tick
        self.tick = tick
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._crowd.renew(self._taken)
        for taken in self._taken.values():
            taken.clear()

    def bind(self, resting: Resting) -> None:
        """Show these own orders from now on."""
        self._updates = self.update_id + 1
        self._resting, self._own_seen = resting, resting.changes

    @property
    def update_id(self) -> int:
        """Number of the newest visible change."""
        return self._updates + self._resting.changes - self._own_seen

    @property
    def best_bid(self) -> Decimal:
        """The highest price somebody pays."""
        return self.touch("BUY").price

    @property
    def best_ask(self) -> Decimal:
        """The lowest price somebody sells at."""
        return self.touch("SELL").price

    def levels(self, side: str, count: int = MAX_LEVELS) -> list[Level]:
        """Return the best visible levels, best first: the same list as long as nothing changed."""
        side, update_id = _SIDES[side], self.update_id
        known = self._shown.get(side)
        if known is None or known[0] != update_id or known[1] < count:
            known = self._shown[side] = (update_id, count, self._visible(side, count))
        shown = known[2]
        return shown if len(shown) <= count else shown[:count]

    def touch(self, side: str) -> Level:
        """Return the best level; with quantity zero when all that the book shows was taken."""
        side = _SIDES[side]
        own = self._resting.sides[side].best()
        crowd = next(self._crowd_levels(side), None)
        if own is None:
            return crowd or Level(self._best[side] * self._tick_size, ZERO)
        if crowd is None or (own > crowd.price if side == "BUY" else own < crowd.price):
            return Level(own, self._resting.sides[side].shown_at(own))
        if own == crowd.price:
            return Level(own, crowd.quantity + self._resting.sides[side].shown_at(own))
        return crowd

    def offers(self, side: str) -> Iterator[Offer]:
        """Yield what orders of the other side can take from bids or asks, best first."""
        side = _SIDES[side]
        own = self._resting.sides[side]
        crowd = self._crowd_levels(side)
        if not own:
            for entry in crowd:
                yield Offer(entry.price, entry.quantity, ())
            return
        level: Level | None = next(crowd, None)
        for price in own.prices():
            while level is not None and _better(side, level.price, price):
                yield Offer(level.price, level.quantity, ())
                level = next(crowd, None)
            if level is not None and level.price == price:
                yield Offer(price, level.quantity, tuple(own.at(price)))
                level = next(crowd, None)
            else:
                yield Offer(price, ZERO, tuple(own.at(price)))
        while level is not None:
            yield Offer(level.price, level.quantity, ())
            level = next(crowd, None)

    def crowd_within(self, side: str, limit: Decimal) -> Iterator[Level]:
        """Yield the crowd's levels of a side that are as good as ``limit`` for who takes them, best first."""
        side = _SIDES[side]
        for level in self._crowd_levels(side):
            if _better(side, limit, level.price):
                return
            yield level

    def take(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Note that an order took this much of the crowd's bids or asks."""
        taken = self._taken[_SIDES[side]]
        taken[price] = taken.get(price, ZERO) + quantity
        self._updates += 1

    def _visible(self, side: str, count: int) -> list[Level]:
        own, taken = self._resting.sides[side], self._taken[side]
        shown = self._crowd.levels(side, self._best[side], count + len(taken))
        if taken:  # always from the best on
            first = [Level(price, quantity - taken.get(price, ZERO)) for price, quantity in shown[: len(taken)]]
            shown[: len(taken)] = [level for level in first if level.quantity > 0]
        if own:
            _merge(shown, side, own, count)
        return shown[:count]

    def _crowd_levels(self, side: str) -> Iterator[Level]:
        """Yield what is left of the crowd's levels."""
        taken, best = self._taken[side], self._best[side]
        for number in range(MAX_LEVELS):
            level = self._crowd.level(side, best, number)
            if level is None:
                return
            if taken and level.price in taken:
                left = level.quantity - taken[level.price]
                if left > 0:
                    yield Level(level.price, left)
            else:
                yield level


def _merge(shown: list[Level], side: str, own: RestingSide, count: int) -> None:
    """Put the visible quantities of own orders among the crowd's levels."""
    sign = -1 if side == "BUY" else 1
    low = 0
    for price in own.prices():
        low = bisect_left(shown, sign * price, low, key=lambda level: sign * level.price)
        if low >= count:
            return
        quantity = own.shown_at(price)
        if low < len(shown) and shown[low].price == price:
            shown[low] = Level(price, shown[low].quantity + quantity)
        else:
            shown.insert(low, Level(price, quantity))


def _better(side: str, one: Decimal, other: Decimal) -> bool:
    """Whether a bid or an ask at ``one`` goes before ``other``."""
    return one > other if side == "BUY" else one < other

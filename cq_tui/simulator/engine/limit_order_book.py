"""One symbol's order book: the crowd's depth and the account's own resting orders, by price, then by time."""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from cq_tui.binance.order_book import PriceLevel
from cq_tui.simulator.engine.orders import ZERO, EngineOrder
from cq_tui.simulator.engine.resting_orders import RestingOrders, RestingSide
from cq_tui.simulator.market.background_liquidity import MAX_LEVELS, BackgroundLiquidity

_SIDES = {"bids": "BUY", "asks": "SELL", "BUY": "BUY", "SELL": "SELL"}
OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}


class MatchableLevel(NamedTuple):
    """What an order can take at one price: first what the crowd offers, then own orders, oldest first."""

    price: Decimal
    background: Decimal
    own: tuple[EngineOrder, ...]


class LimitOrderBook:
    """Bids and asks. Sides are named bids and asks, or BUY and SELL.

    ``update_id`` rises with every visible change and with every tick. What is taken from the crowd stays taken until
    the next tick.
    """

    def __init__(self, crowd: BackgroundLiquidity, best_bid: int, best_ask: int, tick: int = 0) -> None:
        self._liquidity = crowd
        self._tick_size = crowd.tick_size
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._consumed: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}
        self.tick = tick
        self._updates = 1
        self._resting = RestingOrders()
        self._changes_at_attach = 0
        self._visible_cache: dict[str, tuple[int, int, list[PriceLevel]]] = {}

    def move_to_tick(self, best_bid: int, best_ask: int, tick: int) -> None:
        """Go on to another tick (no earlier one): the crowd stands around other best prices, in tick sizes."""
        if tick == self.tick:
            return
        self._updates += tick - self.tick
        self.tick = tick
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._liquidity.next_tick(self._consumed)
        for taken in self._consumed.values():
            taken.clear()

    def attach(self, resting: RestingOrders) -> None:
        """Show these own orders from now on."""
        self._updates = self.update_id + 1
        self._resting, self._changes_at_attach = resting, resting.changes

    @property
    def update_id(self) -> int:
        """Number of the newest visible change."""
        return self._updates + self._resting.changes - self._changes_at_attach

    @property
    def best_bid(self) -> Decimal:
        """The highest price somebody pays."""
        return self.best_level("BUY").price

    @property
    def best_ask(self) -> Decimal:
        """The lowest price somebody sells at."""
        return self.best_level("SELL").price

    def levels(self, side: str, count: int = MAX_LEVELS) -> list[PriceLevel]:
        """Return the best visible levels, best first: the same list as long as nothing changed."""
        side, update_id = _SIDES[side], self.update_id
        known = self._visible_cache.get(side)
        if known is None or known[0] != update_id or known[1] < count:
            known = self._visible_cache[side] = (update_id, count, self._visible(side, count))
        shown = known[2]
        return shown if len(shown) <= count else shown[:count]

    def best_level(self, side: str) -> PriceLevel:
        """Return the best level; with quantity zero when all that the book shows was taken."""
        side = _SIDES[side]
        own = self._resting.sides[side].best_price()
        crowd = next(self._background_levels(side), None)
        if own is None:
            return crowd or PriceLevel(self._best[side] * self._tick_size, ZERO)
        if crowd is None or (own > crowd.price if side == "BUY" else own < crowd.price):
            return PriceLevel(own, self._resting.sides[side].visible_quantity_at(own))
        if own == crowd.price:
            return PriceLevel(own, crowd.quantity + self._resting.sides[side].visible_quantity_at(own))
        return crowd

    def matchable_levels(self, side: str) -> Iterator[MatchableLevel]:
        """Yield what orders of the other side can take from bids or asks, best first."""
        side = _SIDES[side]
        own = self._resting.sides[side]
        crowd = self._background_levels(side)
        if not own:
            for entry in crowd:
                yield MatchableLevel(entry.price, entry.quantity, ())
            return
        level: PriceLevel | None = next(crowd, None)
        for price in own.prices():
            while level is not None and _is_better(side, level.price, price):
                yield MatchableLevel(level.price, level.quantity, ())
                level = next(crowd, None)
            if level is not None and level.price == price:
                yield MatchableLevel(price, level.quantity, tuple(own.orders_at(price)))
                level = next(crowd, None)
            else:
                yield MatchableLevel(price, ZERO, tuple(own.orders_at(price)))
        while level is not None:
            yield MatchableLevel(level.price, level.quantity, ())
            level = next(crowd, None)

    def background_within(self, side: str, limit: Decimal) -> Iterator[PriceLevel]:
        """Yield the crowd's levels of a side that are as good as ``limit`` for who takes them, best first."""
        side = _SIDES[side]
        for level in self._background_levels(side):
            if _is_better(side, limit, level.price):
                return
            yield level

    def consume(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Note that an order took this much of the crowd's bids or asks."""
        taken = self._consumed[_SIDES[side]]
        taken[price] = taken.get(price, ZERO) + quantity
        self._updates += 1

    def _visible(self, side: str, count: int) -> list[PriceLevel]:
        own, taken = self._resting.sides[side], self._consumed[side]
        shown = self._liquidity.levels(side, self._best[side], count + len(taken))
        if taken:  # always from the best on
            first = [PriceLevel(price, quantity - taken.get(price, ZERO)) for price, quantity in shown[: len(taken)]]
            shown[: len(taken)] = [level for level in first if level.quantity > 0]
        if own:
            _merge_own_orders(shown, side, own, count)
        return shown[:count]

    def _background_levels(self, side: str) -> Iterator[PriceLevel]:
        """Yield what is left of the crowd's levels."""
        taken, best = self._consumed[side], self._best[side]
        for number in range(MAX_LEVELS):
            level = self._liquidity.level(side, best, number)
            if level is None:
                return
            if taken and level.price in taken:
                left = level.quantity - taken[level.price]
                if left > 0:
                    yield PriceLevel(level.price, left)
            else:
                yield level


def _merge_own_orders(shown: list[PriceLevel], side: str, own: RestingSide, count: int) -> None:
    """Put the visible quantities of own orders among the crowd's levels."""
    sign = -1 if side == "BUY" else 1
    low = 0
    for price in own.prices():
        low = bisect_left(shown, sign * price, low, key=lambda level: sign * level.price)
        if low >= count:
            return
        quantity = own.visible_quantity_at(price)
        if low < len(shown) and shown[low].price == price:
            shown[low] = PriceLevel(price, shown[low].quantity + quantity)
        else:
            shown.insert(low, PriceLevel(price, quantity))


def _is_better(side: str, one: Decimal, other: Decimal) -> bool:
    """Whether a bid or an ask at ``one`` goes before ``other``."""
    return one > other if side == "BUY" else one < other

"""One symbol's order book: background liquidity and the account's resting orders, in price-time priority."""

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
    """What a taker can match at one price: background liquidity first, then own orders, oldest first."""

    price: Decimal
    background: Decimal
    own: tuple[EngineOrder, ...]


class LimitOrderBook:
    """Bids and asks. A side is ``bids`` or BUY, ``asks`` or SELL.

    ``update_id`` rises with every visible change and every tick. Consumed background liquidity returns at the next
    tick.
    """

    def __init__(
        self, liquidity: BackgroundLiquidity, best_bid: int, best_ask: int, tick: int = 0, first_update_id: int = 1
    ) -> None:
        self._liquidity = liquidity
        self._tick_size = liquidity.tick_size
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._consumed: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}
        self.tick = tick
        self._updates = first_update_id
        self._resting = RestingOrders()
        self._changes_at_attach = 0
        self._visible_cache: dict[str, tuple[int, int, list[PriceLevel]]] = {}

    def move_to_tick(self, best_bid: int, best_ask: int, tick: int) -> None:
        """Move to a later tick with these best background prices, in tick sizes."""
        if tick == self.tick:
            return
        self._updates += tick - self.tick
        self.tick = tick
        self._best = {"BUY": best_bid, "SELL": best_ask}
        self._liquidity.next_tick(self._consumed)
        for consumed in self._consumed.values():
            consumed.clear()

    def attach(self, resting: RestingOrders) -> None:
        """Show these own orders in the book from now on."""
        self._updates = self.update_id + 1
        self._resting, self._changes_at_attach = resting, resting.changes

    @property
    def update_id(self) -> int:
        """Number of the latest visible change."""
        return self._updates + self._resting.changes - self._changes_at_attach

    @property
    def best_bid(self) -> Decimal:
        """The best bid price."""
        return self.best_level("BUY").price

    @property
    def best_ask(self) -> Decimal:
        """The best ask price."""
        return self.best_level("SELL").price

    def levels(self, side: str, count: int = MAX_LEVELS) -> list[PriceLevel]:
        """Return the best visible levels, best first; the same list object while nothing changes."""
        side, update_id = _SIDES[side], self.update_id
        known = self._visible_cache.get(side)
        if known is None or known[0] != update_id or known[1] < count:
            known = self._visible_cache[side] = (update_id, count, self._visible(side, count))
        shown = known[2]
        return shown if len(shown) <= count else shown[:count]

    def best_level(self, side: str) -> PriceLevel:
        """Return the best level, with quantity zero once all visible quantity is consumed."""
        side = _SIDES[side]
        own = self._resting.sides[side].best_price()
        background = next(self._background_levels(side), None)
        if own is None:
            return background or PriceLevel(self._best[side] * self._tick_size, ZERO)
        if background is None or (own > background.price if side == "BUY" else own < background.price):
            return PriceLevel(own, self._resting.sides[side].visible_quantity_at(own))
        if own == background.price:
            return PriceLevel(own, background.quantity + self._resting.sides[side].visible_quantity_at(own))
        return background

    def matchable_levels(self, side: str) -> Iterator[MatchableLevel]:
        """Yield what takers can match on this side, best price first."""
        side = _SIDES[side]
        own = self._resting.sides[side]
        background = self._background_levels(side)
        if not own:
            for entry in background:
                yield MatchableLevel(entry.price, entry.quantity, ())
            return
        level: PriceLevel | None = next(background, None)
        for price in own.prices():
            while level is not None and _is_better(side, level.price, price):
                yield MatchableLevel(level.price, level.quantity, ())
                level = next(background, None)
            if level is not None and level.price == price:
                yield MatchableLevel(price, level.quantity, tuple(own.orders_at(price)))
                level = next(background, None)
            else:
                yield MatchableLevel(price, ZERO, tuple(own.orders_at(price)))
        while level is not None:
            yield MatchableLevel(level.price, level.quantity, ())
            level = next(background, None)

    def background_within(self, side: str, limit: Decimal) -> Iterator[PriceLevel]:
        """Yield background levels at ``limit`` or better for the taker, best first."""
        side = _SIDES[side]
        for level in self._background_levels(side):
            if _is_better(side, limit, level.price):
                return
            yield level

    def consume(self, side: str, price: Decimal, quantity: Decimal) -> None:
        """Record that an order consumed this much background liquidity."""
        consumed = self._consumed[_SIDES[side]]
        consumed[price] = consumed.get(price, ZERO) + quantity
        self._updates += 1

    def _visible(self, side: str, count: int) -> list[PriceLevel]:
        own, consumed = self._resting.sides[side], self._consumed[side]
        shown = self._liquidity.levels(side, self._best[side], count + len(consumed))
        if consumed:  # orders consume from the best level on
            best = shown[: len(consumed)]
            left = [PriceLevel(price, quantity - consumed.get(price, ZERO)) for price, quantity in best]
            shown[: len(consumed)] = [level for level in left if level.quantity > 0]
        if own:
            _merge_own_orders(shown, side, own, count)
        return shown[:count]

    def _background_levels(self, side: str) -> Iterator[PriceLevel]:
        """Yield background levels less what was consumed."""
        consumed, best = self._consumed[side], self._best[side]
        for number in range(MAX_LEVELS):
            level = self._liquidity.level(side, best, number)
            if level is None:
                return
            if consumed and level.price in consumed:
                left = level.quantity - consumed[level.price]
                if left > 0:
                    yield PriceLevel(level.price, left)
            else:
                yield level


def _merge_own_orders(shown: list[PriceLevel], side: str, own: RestingSide, count: int) -> None:
    """Merge the visible quantities of own orders into the background levels."""
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
    """Whether a bid or ask at ``one`` has priority over ``other``."""
    return one > other if side == "BUY" else one < other

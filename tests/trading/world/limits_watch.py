"""Judges the limits on entries by the exchange's own truth: orders, what is owned, and what is on its way.

Only the prices are those that the trader was told: the market may move while an order is on its way.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.binance.order_lists import NewOpoco, NewOtoco
from cq_tui.binance.orders import NewOrder
from cq_tui.trading.core import effects as e
from cq_tui.trading.denial import DenialReason
from tests.trading.world import happenings as h
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.process import Process
    from tests.trading.world.world import World

ZERO = Decimal(0)
_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
#: What changes money or coins before the trader can know.
_UNKNOWN_MONEY = (h.Funds, h.ForeignTrade, h.ForeignOrder, h.OtherOwner, h.SameOwner, h.Twin, h.Wiped, h.PaidInBnb,
                  h.PersonSells)  # fmt: skip
#: What is named as soon as an entry has used it up.
_USED_UP = (DenialReason.ORDER_RATE, DenialReason.ORDERS_A_DAY)


def without_used_up(blocked: list[str]) -> list[str]:
    """Return what blocked an entry that is now sent: it may itself have been the last one of its minute or day."""
    return [line for line in blocked if not line.startswith(tuple(one.sentence[:-1] for one in _USED_UP))]


class LimitsWatch:
    """Watches the entries of one world."""

    def __init__(self, world: "World", truth: Truth) -> None:
        self.world, self.truth = world, truth
        #: By client id: when an entry was decided, and the limits a minute and a day at that time.
        self._decided: dict[str, tuple[int, int, int]] = {}
        self._has_unknown_money = any(isinstance(one, _UNKNOWN_MONEY) for one in world.plan.happenings)

    def watch(self, process: "Process", request: e.Request, on_way: Iterable[e.Request]) -> None:
        """Judge an entry that is sent; ``on_way``: the other changes without an answer. Raises Violation."""
        settings, made = self.world.settings, _order_of(request)
        if made is None or settings.guardrails_disabled:
            return
        self._decided[made.client_order_id] = self.world.now, settings.orders_minute, settings.orders_day
        self._judge_size(process, made)
        if self._has_unknown_money:
            return
        requests = [request, *on_way]
        worth = self._worth(process, requests)
        total = sum(worth.values(), ZERO)
        self._judge("order_notional", self._bought(process, request))
        self._judge("symbol_notional", worth[request.symbol])
        self._judge("total_notional", total)
        owned = total - sum((self._bought(process, other) for other in requests), ZERO)
        quote = self.world.venue.state.balances["USDT"]
        limit = settings.max_exposure * (quote.free + quote.locked + owned)
        if total > limit:
            raise Violation(f"positions are worth {total} with this entry, limit {limit}")
        positions = [symbol for symbol, value in worth.items() if value >= self._least(symbol)]
        if len(positions) > settings.max_positions:
            raise Violation(f"{positions} are open with this entry, limit {settings.max_positions}")

    def watch_end(self) -> None:
        """Judge how often entries came to the exchange, by the time of their decision. Raises Violation."""
        names = {order.client_order_id for order in self.world.venue.state.orders.values()}
        there = sorted(self._decided[name] for name in names & self._decided.keys())
        for number, (ms, a_minute, a_day) in enumerate(there, 1):
            within = sum(1 for other, _, _ in there[:number] if ms - other < _MINUTE_MS)
            today = sum(1 for other, _, _ in there[:number] if other // _DAY_MS == ms // _DAY_MS)
            if within > a_minute or today > a_day:
                raise Violation(f"{within} entries within a minute, limit {a_minute}; {today} on a day, limit {a_day}")

    def _judge(self, name: str, amount: Decimal) -> None:
        limit: Decimal | None = getattr(self.world.settings, name)
        if limit is not None and amount > limit:
            raise Violation(f"{amount} with this entry, {name} is {limit}")

    def _judge_size(self, process: "Process", made: NewOrder) -> None:
        order = process.core.book.orders[made.client_order_id]
        asked = self.world.asked.get(order.signal_key)
        if asked is None:
            return
        if asked.size is not None and made.quantity is not None and made.quantity > asked.size:
            raise Violation(f"{made.quantity} are bought, the signal asks for {asked.size}")
        if asked.limit_price is None:
            return
        if made.price is None or made.price > asked.limit_price:
            raise Violation(f"an entry pays up to {made.price}, the signal's limit is {asked.limit_price}")
        # By the exchange's clock, as far as the trader knows it.
        if process.moment().ms >= (asked.limit_until_ms or 0):
            raise Violation("an entry is made after the time of its signal's limit")
        tries = [one for one in process.core.book.orders_of(order.symbol) if one.signal_key == order.signal_key]
        self.world.reached("wait", "tried again" if len(tries) > 3 else "entered")

    def _worth(self, process: "Process", requests: list[e.Request]) -> dict[str, Decimal]:
        """Return what is owned and bought by symbol, in quote units."""
        worth = {symbol: owned * self._bid(process, symbol) for symbol, owned in self.truth.owned.items() if owned}
        for other in requests:
            worth[other.symbol] = worth.get(other.symbol, ZERO) + self._bought(process, other)
        return worth

    def _bought(self, process: "Process", request: e.Request) -> Decimal:
        """Return what a request buys and has not bought yet."""
        made = _order_of(request)
        there = self.world.venue.state.orders.values()
        if made is None or made.quantity is None or any(one.client_order_id == made.client_order_id for one in there):
            return ZERO
        return made.quantity * self._price(process, request.symbol, made.price)

    def _price(self, process: "Process", symbol: str, price: Decimal | None) -> Decimal:
        lane = process.core.situation.lanes.get(symbol)
        quote = None if lane is None else lane.quote
        return price or (self.world.venue.market.ask(symbol) if quote is None else quote.ask)

    def _bid(self, process: "Process", symbol: str) -> Decimal:
        return process.core.situation.last_bid(symbol) or self.world.venue.market.bid(symbol)

    def _least(self, symbol: str) -> Decimal:
        return self.world.venue.rules(symbol).min_notional * Decimal("1.1")


def _order_of(request: e.Request) -> NewOrder | None:
    """Return the order of a request that buys."""
    if isinstance(request, e.PlaceOrder):
        return request.order if request.order.side == "BUY" else None
    if isinstance(request, e.PlaceList) and isinstance(request.order_list, NewOtoco | NewOpoco):
        return request.order_list.working
    return None

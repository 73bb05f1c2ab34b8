"""Judges what takes protection away: it is sent only when the action that it makes room for is possible.

Possible is what the exchange would take. It announces no change of status or rules, so the trader may be behind by
the age of the rules that it has read; older rules are no ground for taking protection away.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core import effects as e
from cq_tui.trading.core.inputs import Answered, Input, NotSent, OutcomeUnknown, Refused
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.protection import on_tick
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.process import Process
    from tests.trading.world.world import World

#: Rules and status may be so old (seconds) when protection is removed.
FRESH_SECONDS = 5.0
#: So long (ms) after a change the trader may act by what was before: it reads, decides, and its request travels.
_LAG_MS = 5_500
#: So long (ms) news of a trade may be on its way.
_NEWS_MS = 100
_STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")
_CANCELS = (e.CancelOrder, e.CancelList)


class Removals:
    """Watches what one trader was told of each symbol, and what it removes."""

    def __init__(self, world: "World", truth: Truth) -> None:
        self._world = world
        self._truth = truth
        self.forget()

    def forget(self) -> None:
        """Begin with a new process."""
        self._readings: dict[int, tuple[str, ...]] = {}
        #: When the rules of a symbol were told, and when they could not be (the exchange's Unix seconds).
        self._told_at: dict[str, float] = {}
        self._failed_at: dict[str, float] = {}
        #: Its status then.
        self._told: dict[str, str] = {}

    def watch_reading(self, request: e.FetchRules) -> None:
        """Take that rules are asked for."""
        self._readings[request.number] = request.symbols

    def watch_result(self, message: Input, moment: Moment) -> None:
        """Take what became of a request."""
        if not isinstance(message, Answered | Refused | OutcomeUnknown | NotSent):
            return
        for symbol in self._readings.pop(message.number, ()):
            if isinstance(message, Answered) and isinstance(message.value, ExchangeInfo):
                self._told_at[symbol] = moment.exchange
                rules = message.value.symbols.get(symbol)
                self._told[symbol] = "not listed" if rules is None else rules.status
            else:
                self._failed_at[symbol] = moment.exchange

    # Removals

    def watch(self, process: "Process", request: e.Request, moment: Moment) -> None:
        """Judge a request that is decided. Raises Violation when it removes protection in vain."""
        legs = self._protective_legs(process, request)
        is_protection = self._truth.owned[request.symbol] and self._truth.protected(request.symbol)
        if not legs or self._truth.is_wiped or not is_protection or request.symbol not in process.core.book.positions:
            # What outlives its position protects nothing.
            return
        what = f"{type(request).__name__} removes the protection in {request.symbol}"
        age = moment.exchange - self._told_at.get(request.symbol, 0.0)
        tried = moment.exchange - self._failed_at.get(request.symbol, 0.0)
        # An exit goes on by the last rules when they cannot be read; a better stop can wait.
        # So does what covers coins that have no stop yet, where the exchange keeps the old one if it takes no other.
        adds_cover = (
            isinstance(request, e.ReplaceOrder)
            and self._truth.protected(request.symbol) < (self._truth.owned[request.symbol])
        )
        is_excused = (request.urgency is e.Urgency.EXIT or adds_cover) and tried <= FRESH_SECONDS
        if age > FRESH_SECONDS and not is_excused:
            raise Violation(f"{what}, whose rules were read {min(age, 9_999):.1f} s ago")
        if (told := self._told.get(request.symbol, "TRADING")) != "TRADING":
            raise Violation(f"{what}, whose status was told: {told}")
        if is_excused:
            return
        changed = self._world.venue.changed_at.get(request.symbol, 0)
        if self._world.now - changed > _LAG_MS and (obstacle := self._obstacle(process, request, legs)):
            raise Violation(f"{what}, but {obstacle}")

    def watch_leaving(self, process: "Process", request: e.Request) -> None:
        """Judge a request that leaves: the orders that follow a cancel must have room in the request budget."""
        position = process.core.book.positions.get(request.symbol)
        is_part = position is not None and position.part is not None and not position.exit_reason
        removing = (*_CANCELS, e.ReplaceOrder) if is_part and request.urgency is e.Urgency.EXIT else _CANCELS
        if not isinstance(request, removing) or not self._protective_legs(process, request):
            return
        if not self._truth.owned[request.symbol]:
            # What outlived its position, or a venue that was wiped: nothing follows.
            return
        needed = 1 if request.urgency is e.Urgency.EXIT and not is_part else 2
        if (left := self._world.weather.orders_left(self._world.now)) < needed:
            raise Violation(f"{type(request).__name__} removes the protection, and {left} orders may follow")

    def _protective_legs(self, process: "Process", request: e.Request) -> list[OrderRecord]:
        orders = process.core.book.orders
        if isinstance(request, e.CancelList):
            name = request.list_client_order_id
            legs: Iterable[OrderRecord] = (one for one in orders.values() if one.list_client_order_id == name)
        elif isinstance(request, e.CancelOrder | e.ReplaceOrder):
            is_cancel = isinstance(request, e.CancelOrder)
            canceled = request.client_order_id if is_cancel else request.replace.canceled_client_order_id  # type: ignore[union-attr]
            legs = (orders[canceled],) if canceled in orders else ()
        else:
            return []
        return [leg for leg in legs if leg.side == "SELL" and leg.status.is_working]

    def _obstacle(self, process: "Process", request: e.Request, legs: list[OrderRecord]) -> str:
        """Return why the exchange would not take what is to follow; empty if it would."""
        venue, symbol = self._world.venue, request.symbol
        if reason := venue.why_closed(symbol):
            return reason
        base, _ = venue.state.assets_of(symbol)
        balance = venue.state.balances[base]
        if isinstance(request, e.ReplaceOrder):
            # Its filters are judged before the cancel: what they refuse removes nothing.
            new = request.replace.new
            was_told = self._world.now - self._truth.traded_at(symbol) > _NEWS_MS
            if was_told and (new.quantity or Decimal(0)) > balance.free + balance.locked:
                return f"the account has only {balance.free + balance.locked} {base} for {new.quantity}"
            known = process.core.situation.last_price(symbol)
            if new.stop_price is not None and known is not None and known <= new.stop_price:
                return f"the stop at {new.stop_price} would trigger at {known}"
            return ""
        quantity = min(self._truth.owned[symbol], balance.free + balance.locked)
        if request.urgency is e.Urgency.EXIT:
            return venue.why_unsellable(symbol, quantity, "MARKET")
        level = on_tick(venue.rules(symbol), process.core.book.positions[symbol].plan.stop_loss)
        refused = [venue.why_unsellable(symbol, quantity, kind, level) for kind in _STOPS]
        return "" if "" in refused else f"no stop is taken: {refused}"

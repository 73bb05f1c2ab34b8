"""Orders at one exchange: stored, sent once, tracked to their end, their fills booked into positions.

Every step is stored before it is taken, so that after a restart a query finds the outcome.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import ApiError, BinanceError, NotSent, OrderNotFound, OutcomeUnknown
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.orders import NewOrder
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.services.runtime import elapsed_ms
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.lifecycle import (
    OrderRecord,
    OrderStatus,
    Transition,
    UnknownOrderStatus,
    apply_execution_report,
    apply_not_found,
    apply_query_failure,
    apply_response,
    apply_trades,
    mark_rejected,
    mark_sent,
    mark_unknown,
)
from cq_tui.trading.portfolio import Position, apply_fill
from cq_tui.trading.protection import triggered_oco_legs, with_signal_levels

Save = Callable[[], None]
Send = Callable[[], Awaitable[Sequence[Order]]]


class Orders:
    """The orders of a book at one exchange. ``save`` stores the book durably or raises OSError."""

    def __init__(self, rest: SpotRest, book: Book, chronicle: Chronicle, save: Save, log: FilteringBoundLogger) -> None:
        self._rest = rest
        self.book = book
        self.chronicle = chronicle
        self.save = save
        self._log = log
        self.rules: dict[str, SymbolRules] = {}
        #: Symbols quarantined or released since the service last recorded them.
        self.quarantined: list[str] = []
        self.released: list[str] = []
        #: Whether an order differs from the book, so that the account must be reconciled.
        self.in_doubt = False
        #: Time of the newest booked fill, by the exchange's clock (Unix ms).
        self.last_fill_ms = 0

    def remember(self) -> None:
        """Store the book. A disk error stops nothing that reduces risk; health reports it."""
        try:
            self.save()
        except OSError as error:
            self._log.error("trader state not written", problem=str(error))

    # Sending

    def intend(self, orders: Sequence[OrderRecord]) -> None:
        """Store intents that reduce risk. A disk error does not stop them."""
        for order in orders:
            self.book.orders[order.client_order_id] = order
        self.remember()
        for order in orders:
            self.chronicle.submitted(order, durable=False)

    def market(self, order: OrderRecord) -> Send:
        """Return the function that sends a market order."""
        request = NewOrder(
            symbol=order.symbol,
            side=order.side,
            type="MARKET",
            client_order_id=order.client_order_id,
            quantity=order.quantity,
        )

        async def send() -> Sequence[Order]:
            return [await self._rest.new_order(request)]

        return send

    async def place(self, orders: Sequence[OrderRecord], send: Send) -> BinanceError | None:
        """Send stored intents in one request and apply the response. Never sends twice.

        Returns why the exchange refused it. Raises NotSent if orders that reduce risk certainly were not sent:
        they are dropped, and the next attempt may reuse their ids.
        """
        ids = [order.client_order_id for order in orders]
        # Earlier requests of this cycle may have taken a while.
        now = self._now()
        for order in orders:
            self.book.orders[order.client_order_id] = mark_sent(order, now)
        refusal: BinanceError | None = None
        began = time.perf_counter()
        self.chronicle.trace("request sent", orders[0].signal_key)
        try:
            answers = await send()
            self.chronicle.trace("order acknowledged", orders[0].signal_key, took_ms=elapsed_ms(began))
            now = self._now()
        except OutcomeUnknown as error:
            now = self._now()
            for name in ids:
                self.book.orders[name] = mark_unknown(self.book.orders[name], str(error), now)
            self._log.warning("order outcome unknown", orders=ids, problem=str(error))
        except NotSent as error:
            self._not_sent(orders, error, now)
            return error
        except BinanceError as error:
            refusal = error
            self._refused(ids, error, self._now())
        else:
            self._answered(ids, answers, now)
        self.book.orders_count += len(orders)
        self.book.last_order_time = now
        self.remember()
        return refusal

    def _now(self) -> float:
        return self._rest.server_now_ms() / 1000

    def _answered(self, ids: Sequence[str], answers: Sequence[Order], now: float) -> None:
        by_id = {answer.client_order_id: answer for answer in answers}
        for name in ids:
            if name in by_id:
                self.take_answer(name, by_id[name], now)
            else:
                self.book.orders[name] = mark_unknown(self.book.orders[name], "not in the response", now)

    def _not_sent(self, orders: Sequence[OrderRecord], error: NotSent, now: float) -> None:
        if orders[0].leg is Leg.ENTRY:
            # The opportunity has passed: it must not be bought later.
            self._refused([order.client_order_id for order in orders], error, now)
            self.remember()
            return
        for order in orders:
            del self.book.orders[order.client_order_id]
        self.remember()
        raise error

    def _refused(self, ids: Sequence[str], error: BinanceError, now: float) -> None:
        code, reason = (error.code, error.message) if isinstance(error, ApiError) else (None, str(error))
        for name in ids:
            order = self.book.orders[name] = mark_rejected(self.book.orders[name], reason, now, code)
            self.chronicle.ended(order)
        first = self.book.orders[ids[0]]
        self._log.warning("order rejected", symbol=first.symbol, orders=ids, problem=str(error))
        if error.is_about_symbol:
            self._count_failure(first.symbol, reason, now)
        elif first.leg is Leg.ENTRY:
            self.book.quarantine.reset_probe(first.symbol)

    def _count_failure(self, symbol: str, reason: str, now: float) -> None:
        if self.book.quarantine.record_failure(symbol, reason, now) is not None:
            self.quarantined.append(symbol)

    def quarantine(self, symbol: str, reason: str, now: float) -> None:
        """Quarantine a symbol at once."""
        self.book.quarantine.impose(symbol, reason, now)
        self.quarantined.append(symbol)

    # Responses and reports

    def take_answer(self, name: str, answer: Order, now: float) -> None:
        """Apply a response about an order of the book."""
        try:
            transition = apply_response(self.book.orders[name], answer, now)
        except UnknownOrderStatus as error:
            self._baffled(name, error, now)
        else:
            self.take(transition, now)

    def take_report(self, report: ExecutionReport, now: float) -> None:
        """Apply an execution report of the user data stream; reports of orders that are not ours are ignored."""
        order = self.book.orders.get(report.client_order_id)
        if order is None:
            return
        try:
            transition = apply_execution_report(order, report, now)
        except UnknownOrderStatus as error:
            self._baffled(report.client_order_id, error, now)
        else:
            self.take(transition, now)
        self.remember()

    def _baffled(self, name: str, error: UnknownOrderStatus, now: float) -> None:
        """Handle a response that we do not understand: no new risk in this symbol, and query again."""
        order = self.book.orders[name]
        self._log.error("order not understood", order=name, problem=str(error))
        self.book.orders[name] = apply_query_failure(mark_unknown(order, str(error), now), str(error), now)
        if order.symbol not in self.book.quarantine:
            self.quarantine(order.symbol, str(error), now)

    def take(self, transition: Transition, now: float) -> None:
        """Apply an order's new state to the book, and its fills to the position."""
        before = self.book.orders.get(transition.order.client_order_id)
        order = transition.order
        self.book.orders[order.client_order_id] = order
        for fill in transition.new_fills:
            self.book.fills_count += 1
            self.last_fill_ms = max(self.last_fill_ms, fill.time)
            position = self._position_for(order)
            booked = apply_fill(position, order.side, fill)
            realized = booked.realized if order.side == "SELL" else None
            if booked.position is None:
                self.book.positions.pop(order.symbol, None)
            else:
                self.book.positions[order.symbol] = booked.position
            self.book.realized += booked.realized
            self._note_stop(order, fill.time)
            self.chronicle.executed(order, fill, realized)
            if self.book.quarantine.record_success(order.symbol) is not None:
                self.released.append(order.symbol)
        if order.status.is_terminal and (before is None or not before.status.is_terminal):
            self._ended(order, now)
        if order.contradiction and (before is None or not before.contradiction):
            self._log.error("order contradicts the exchange", order=order.client_order_id, problem=order.contradiction)
            self.in_doubt = True
            self.quarantine(order.symbol, order.contradiction, now)

    def _ended(self, order: OrderRecord, now: float) -> None:
        self.chronicle.ended(order)
        if order.leg is Leg.ENTRY and not order.executed_quantity:
            said = f" ({order.reason})" if order.reason else ""
            self._count_failure(order.symbol, f"its entry {order.status} without a fill{said}", now)

    def _position_for(self, order: OrderRecord) -> Position:
        rules = self.rules.get(order.symbol)
        known = self.book.positions.get(order.symbol)
        if known is not None:
            return known
        base, quote = (rules.base_asset, rules.quote_asset) if rules else (order.symbol, "")
        fresh = Position(symbol=order.symbol, base_asset=base, quote_asset=quote)
        signal = self.book.signals.get(order.signal_key)
        return with_signal_levels(fresh, signal, rules) if signal is not None and rules is not None else fresh

    def _note_stop(self, order: OrderRecord, time_ms: int) -> None:
        """Pause the strategy on the symbol once its stop has filled, even if dust remains."""
        signal = self.book.signals.get(order.signal_key)
        if order.leg is Leg.STOP and signal is not None and signal.cooldown_bars:
            self.book.paused_until[signal.strategy, order.symbol] = signal.cooldown_until(time_ms) / 1000

    # Unknown outcomes

    async def resolve(self, now: float) -> None:
        """Query each order whose outcome is unknown and due, and fetch missing trades."""
        for order in [order for order in self.book.open_orders() if order.query_due(now)]:
            await self.query(order, now)
            after = self.book.orders[order.client_order_id]
            if after.queries_exhausted and not order.queries_exhausted:
                self.quarantine(order.symbol, f"outcome of {order.leg} order unknown", now)
        for order in triggered_oco_legs(self.book.orders.values()):
            await self.query(order, now)
        for order in [order for order in self.book.orders.values() if order.lacks_trades]:
            await self.fetch_trades(order.client_order_id, now)

    async def query(self, order: OrderRecord, now: float) -> None:
        """Query an order and apply the response; a failed query is repeated later."""
        name = order.client_order_id
        try:
            answer = await self._rest.query_order(order.symbol, name)
        except OrderNotFound:
            self._take_not_found(name, now)
        except BinanceError as error:
            self.book.orders[name] = apply_query_failure(self.book.orders[name], str(error), now)
        else:
            self.take_answer(name, answer, now)
            await self.fetch_trades(name, now)
        self.remember()

    def _take_not_found(self, name: str, now: float) -> None:
        before = self.book.orders[name]
        after = self.book.orders[name] = apply_not_found(before, now)
        if not after.status.is_terminal or before.status.is_terminal:
            return
        self.chronicle.ended(after)
        self._log.warning("order not found", order=name, status=after.status.value, problem=after.reason)
        if after.leg is Leg.ENTRY:
            self.book.quarantine.reset_probe(after.symbol)

    async def fetch_trades(self, name: str, now: float) -> None:
        """Fetch an order's trades: a query has the executed quantity, but no prices and commissions."""
        order = self.book.orders[name]
        if not order.lacks_trades or order.order_id is None:
            return
        try:
            trades = await self._rest.my_trades(order.symbol, order_id=order.order_id)
        except BinanceError as error:
            self._log.warning("trades not fetched", order=name, problem=str(error))
            return
        self.take(apply_trades(self.book.orders[name], trades, now), now)
        self.remember()

    def undecided(self, symbol: str) -> list[OrderRecord]:
        """Return the sell orders of a symbol whose outcome or trades are unknown."""
        waiting = (OrderStatus.SENT, OrderStatus.UNKNOWN)
        sells = [order for order in self.book.orders_of(symbol) if order.side == "SELL"]
        return [order for order in sells if order.status in waiting or order.lacks_trades]

"""The desk: acts on signals, follows orders, protects positions, at one exchange.

Every step is stored before it is taken, so that a restart at any point finds out by query what became of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import (
    ApiError,
    AuthenticationFailed,
    BinanceError,
    CancelRejected,
    OrderNotFound,
    OutcomeUnknown,
    RateLimited,
    TimestampRejected,
)
from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.orders import NewOco, NewOrder, OcoLeg
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import Balance, Order
from cq_tui.binance.user_events import ExecutionReport
from cq_tui.services.trader.book import Book, is_working
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.store.journal import JournalError
from cq_tui.trading.client_order_id import Leg, client_order_id, leg_of
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.lifecycle import (
    OrderRecord,
    OrderStatus,
    Transition,
    answered,
    lost,
    not_found,
    query_failed,
    refused,
    reported,
    sent,
    trades_found,
)
from cq_tui.trading.portfolio import Position, book_fill, write_off
from cq_tui.trading.protection import Act, ProtectionNeed, planned, protection_needed, trailed
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntrySize

#: Refusals that say nothing about the symbol.
_NOT_THE_SYMBOLS_FAULT = (RateLimited, AuthenticationFailed, TimestampRejected)
_TRAIL_BARS = 22

Save = Callable[[], None]


class Desk:
    """Orders and positions at one exchange. ``save`` stores the book durably or raises OSError."""

    def __init__(
        self,
        rest: SpotRest,
        book: Book,
        rules: dict[str, SymbolRules],
        chronicle: Chronicle,
        save: Save,
        log: FilteringBoundLogger,
    ) -> None:
        self._rest = rest
        self.book = book
        self.rules = rules
        self._chronicle = chronicle
        self._save = save
        self._log = log
        self.balances: dict[str, Balance] = {}
        self.commission = Decimal("0.001")
        self.reconciled = False
        #: Orders of ours on the exchange that the book knows nothing of.
        self.orphans: dict[str, str] = {}
        #: Symbols that failed in a way that quarantines them, to be told by the service.
        self.quarantined: list[str] = []
        self.released: list[str] = []

    # Entries

    async def enter(self, signal: TradeSignal, size: EntrySize, now: float) -> Denial | None:
        """Buy. Returns a denial when the intent could not be remembered: no memory, no new risk."""
        order = OrderRecord(
            client_order_id=client_order_id(signal.key, Leg.ENTRY),
            symbol=signal.symbol,
            side="BUY",
            order_type="MARKET",
            leg=Leg.ENTRY,
            signal_key=signal.key,
            intended_at=now,
            quantity=size.quantity,
        )
        self.book.act_on(signal)
        self.book.orders[order.client_order_id] = order
        try:
            self._save()
            self._chronicle.submitted(order, durable=True)
        except (OSError, JournalError) as error:
            self.book.orders[order.client_order_id] = refused(order, str(error), now)
            return Denial(DenialReason.MEMORY_UNHEALTHY, str(error))
        self.book.last_entry[signal.symbol] = now
        self.book.quarantine.entry_sent(signal.symbol, now)
        await self._place([order], self._market(order), now)
        return None

    def _market(self, order: OrderRecord) -> Callable[[], Awaitable[Sequence[Order]]]:
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

    async def _place(
        self, orders: Sequence[OrderRecord], send: Callable[[], Awaitable[Sequence[Order]]], now: float
    ) -> None:
        """Send stored intents in one request and take what comes of it. Never sends twice."""
        ids = [order.client_order_id for order in orders]
        for order in orders:
            self.book.orders[order.client_order_id] = sent(order, now)
        self.book.orders_count += len(orders)
        self.book.last_order_time = now
        try:
            answers = await send()
        except OutcomeUnknown as error:
            for name in ids:
                self.book.orders[name] = lost(self.book.orders[name], str(error), now)
            self._log.warning("order outcome unknown", orders=ids, problem=str(error))
        except BinanceError as error:
            self._refused(ids, error, now)
        else:
            by_id = {answer.client_order_id: answer for answer in answers}
            for name in ids:
                if name in by_id:
                    self.take(answered(self.book.orders[name], by_id[name], now), now)
                else:
                    self.book.orders[name] = lost(self.book.orders[name], "not in the answer", now)
        self._save_quietly()

    def _refused(self, ids: Sequence[str], error: BinanceError, now: float) -> None:
        for name in ids:
            order = self.book.orders[name] = refused(self.book.orders[name], str(error), now)
            self._chronicle.ended(order)
        symbol = self.book.orders[ids[0]].symbol
        self._log.warning("order refused", symbol=symbol, orders=ids, problem=str(error))
        if isinstance(error, ApiError) and not isinstance(error, _NOT_THE_SYMBOLS_FAULT):
            self._count_failure(symbol, str(error), now)

    def _count_failure(self, symbol: str, reason: str, now: float) -> None:
        if self.book.quarantine.failed(symbol, reason, now) is not None:
            self.quarantined.append(symbol)

    # What the exchange says

    def take(self, transition: Transition, now: float) -> None:
        """Take an order's new state into the book, and its fills into the position."""
        before = self.book.orders.get(transition.order.client_order_id)
        order = transition.order
        self.book.orders[order.client_order_id] = order
        for fill in transition.new_fills:
            self.book.fills_count += 1
            position = self._position_for(order)
            booked = book_fill(position, order.side, fill)
            realised = booked.realised if order.side == "SELL" else None
            if booked.position is None:
                self.book.positions.pop(order.symbol, None)
                self._closed(position, order, fill.time)
            else:
                self.book.positions[order.symbol] = booked.position
            self.book.realised += booked.realised
            self._chronicle.executed(order, fill, realised)
            if self.book.quarantine.succeeded(order.symbol) is not None:
                self.released.append(order.symbol)
        if order.status.is_terminal and (before is None or not before.status.is_terminal):
            self._chronicle.ended(order)
        if order.contradiction and (before is None or not before.contradiction):
            self._log.error("order contradiction", order=order.client_order_id, problem=order.contradiction)
            self.book.quarantine.impose(order.symbol, order.contradiction, now)
            self.quarantined.append(order.symbol)

    def _position_for(self, order: OrderRecord) -> Position:
        rules = self.rules.get(order.symbol)
        known = self.book.positions.get(order.symbol)
        if known is not None:
            return known
        base, quote = (rules.base_asset, rules.quote_asset) if rules else (order.symbol, "")
        fresh = Position(symbol=order.symbol, base_asset=base, quote_asset=quote)
        signal = self.book.signals.get(order.signal_key)
        return planned(fresh, signal, rules) if signal is not None and rules is not None else fresh

    def _closed(self, position: Position, order: OrderRecord, time_ms: int) -> None:
        """A stop makes its strategy pause on the symbol."""
        signal = self.book.signals.get(position.signal_key)
        if order.leg is Leg.STOP and signal is not None and signal.cooldown_bars:
            until = signal.cooldown_until(time_ms) / 1000
            self.book.paused_until[position.strategy, position.symbol] = until

    def take_report(self, report: ExecutionReport, now: float) -> None:
        """Take an execution report of the user data stream; those of other people's orders are none of ours."""
        order = self.book.orders.get(report.client_order_id)
        if order is not None:
            self.take(reported(order, report, now), now)
            self._save_quietly()

    # Unknown outcomes

    async def resolve(self, now: float) -> None:
        """Ask for every order whose outcome is unknown and due."""
        for order in [order for order in self.book.open_orders() if order.query_due(now)]:
            await self._query(order, now)
            after = self.book.orders[order.client_order_id]
            if after.gave_up and not order.gave_up:
                self.book.quarantine.impose(order.symbol, f"outcome of {order.leg} order unknown", now)
                self.quarantined.append(order.symbol)

    async def _query(self, order: OrderRecord, now: float) -> None:
        name = order.client_order_id
        try:
            answer = await self._rest.query_order(order.symbol, name)
        except OrderNotFound:
            after = not_found(self.book.orders[name], now)
            self.book.orders[name] = after
            if after.status is OrderStatus.REJECTED:
                self._chronicle.ended(after)
        except BinanceError as error:
            self.book.orders[name] = query_failed(self.book.orders[name], str(error), now)
        else:
            self.take(answered(self.book.orders[name], answer, now), now)
            await self._fetch_trades(name, now)
        self._save_quietly()

    async def _fetch_trades(self, name: str, now: float) -> None:
        """A query tells how much was executed; only the trades tell price and commission."""
        order = self.book.orders[name]
        if order.lacks_trades and order.order_id is not None:
            trades = await self._rest.my_trades(order.symbol, order_id=order.order_id)
            self.take(trades_found(order, trades, now), now)

    # Protection

    async def protect(
        self, bids: dict[str, Decimal], highs: dict[str, Decimal], now: float
    ) -> dict[str, ProtectionNeed]:
        """Give every position what it lacks; return what was lacking, by symbol."""
        needs: dict[str, ProtectionNeed] = {}
        for symbol, position in list(self.book.positions.items()):
            rules = self.rules.get(symbol)
            if rules is None:
                continue
            if symbol in highs:
                position = self.book.positions[symbol] = trailed(position, highs[symbol], rules)
            need = protection_needed(
                position, self.book.orders_of(symbol), rules, price=bids.get(symbol), now_ms=int(now * 1000)
            )
            if need is not None:
                needs[symbol] = need
                await self._meet(position, need, now)
        return needs

    async def _meet(self, position: Position, need: ProtectionNeed, now: float) -> None:
        self._log.info("protection", symbol=position.symbol, act=need.act.value, reason=need.reason)
        if need.act is Act.DUST:
            booked = write_off(position)
            self.book.positions.pop(position.symbol)
            self.book.realised += booked.realised
            self._log.warning("dust written off", symbol=position.symbol, reason=need.reason)
            self._save_quietly()
        elif need.act is Act.PLACE:
            await self._place_oco(position, need, now)
        elif need.act is Act.EXIT:
            await self.exit(position.symbol, need.reason, now)
        elif await self._cancel_protection(position.symbol, now):
            # What was canceled may have been filled meanwhile: the next cycle places for what is left.
            return

    async def _place_oco(self, position: Position, need: ProtectionNeed, now: float) -> None:
        number = position.protections
        self.book.positions[position.symbol] = replace(position, protections=number + 1)
        assert position.stop_loss is not None  # protection_needed asks for an exit without one
        assert position.take_profit is not None
        list_id = client_order_id(position.signal_key, Leg.OCO, number)
        target = self._leg(position, Leg.TARGET, "LIMIT_MAKER", need.quantity, list_id, number, now)
        target = replace(target, price=position.take_profit)
        stop = self._leg(position, Leg.STOP, "STOP_LOSS", need.quantity, list_id, number, now)
        stop = replace(stop, stop_price=position.stop_loss)
        request = NewOco(
            symbol=position.symbol,
            side="SELL",
            quantity=need.quantity,
            list_client_order_id=list_id,
            above=OcoLeg(type="LIMIT_MAKER", client_order_id=target.client_order_id, price=target.price),
            below=OcoLeg(type="STOP_LOSS", client_order_id=stop.client_order_id, stop_price=stop.stop_price),
        )

        async def send() -> Sequence[Order]:
            return (await self._rest.new_oco(request)).reports

        self._intend([stop, target])
        await self._place([stop, target], send, now)
        after = self.book.orders[stop.client_order_id]
        if after.status is OrderStatus.REJECTED:
            self._log.warning("protection refused", symbol=position.symbol, reason=after.reason)
            await self.exit(position.symbol, f"protection was refused: {after.reason}", now)

    def _leg(
        self, position: Position, leg: Leg, order_type: str, quantity: Decimal, list_id: str, number: int, now: float
    ) -> OrderRecord:
        return OrderRecord(
            client_order_id=client_order_id(position.signal_key, leg, number),
            symbol=position.symbol,
            side="SELL",
            order_type=order_type,
            leg=leg,
            signal_key=position.signal_key,
            intended_at=now,
            quantity=quantity,
            list_client_order_id=list_id,
        )

    def _intend(self, orders: Sequence[OrderRecord]) -> None:
        """Store intents that reduce risk. A disk that refuses does not hold them back."""
        for order in orders:
            self.book.orders[order.client_order_id] = order
        self._save_quietly()
        for order in orders:
            self._chronicle.submitted(order, durable=False)

    async def exit(self, symbol: str, reason: str, now: float) -> None:
        """Sell what is held at market, after its protection is canceled and that is verified."""
        if not await self._cancel_protection(symbol, now):
            return
        position, rules = self.book.positions.get(symbol), self.rules.get(symbol)
        if position is None or rules is None:
            return
        quantity = rules.quantise_quantity(position.quantity, market=True)
        number = sum(
            order.leg is Leg.EXIT and order.signal_key == position.signal_key for order in self.book.orders_of(symbol)
        )
        order = OrderRecord(
            client_order_id=client_order_id(position.signal_key, Leg.EXIT, number),
            symbol=symbol,
            side="SELL",
            order_type="MARKET",
            leg=Leg.EXIT,
            signal_key=position.signal_key,
            intended_at=now,
            quantity=quantity,
        )
        self._log.info("exit", symbol=symbol, reason=reason)
        self._intend([order])
        await self._place([order], self._market(order), now)

    async def _cancel_protection(self, symbol: str, now: float) -> bool:
        """Cancel open sell orders of a symbol; True once none is open, by the exchange's own word."""
        working = [order for order in self.book.orders_of(symbol) if order.side == "SELL" and is_working(order)]
        for list_id in {order.list_client_order_id for order in working if order.list_client_order_id}:
            try:
                canceled = await self._rest.cancel_order_list(symbol, list_id)
                for report in canceled.reports:
                    if (known := self._known(report)) is not None:
                        self.take(answered(known, report, now), now)
            except (CancelRejected, OutcomeUnknown):
                # Gone already, or nobody knows: the queries below tell.
                self._log.info("cancel answered by query", symbol=symbol)
            except BinanceError as error:
                self._log.warning("cancel failed", symbol=symbol, problem=str(error))
                return False
        for order in working:
            if is_working(self.book.orders[order.client_order_id]):
                await self._query(order, now)
        self._save_quietly()
        return not any(is_working(self.book.orders[order.client_order_id]) for order in working)

    def _known(self, answer: Order) -> OrderRecord | None:
        """Find the order an answer is about; a cancel's answer may carry the cancel's own id."""
        by_id = self.book.orders.get(answer.client_order_id)
        if by_id is not None:
            return by_id
        return next((order for order in self.book.orders.values() if order.order_id == answer.order_id), None)

    # Agreement with the exchange

    async def reconcile(self, now: float) -> None:
        """Compare orders and balances with the exchange. Raises BinanceError; then nothing new is traded."""
        account = await self._rest.account()
        self.balances = dict(account.balances)
        self.commission = account.taker_commission
        for order in list(self.book.open_orders()):
            known = self.book.orders[order.client_order_id]
            if known.status in (OrderStatus.INTENDED, OrderStatus.SENT):
                # An earlier process stored it; whether it was sent nobody knows.
                known = lost(known, "the trader ended before it knew", now)
                self.book.orders[order.client_order_id] = known
            await self._query(known, now)
        await self._find_orphans(now)
        self._compare_holdings()
        self.reconciled = True
        self._save_quietly()

    async def _find_orphans(self, now: float) -> None:
        """Cancel entries of ours that the book does not know; name protection that it does not know."""
        self.orphans.clear()
        for order in await self._rest.open_orders():
            if leg_of(order.client_order_id) is None or order.client_order_id in self.book.orders:
                continue
            if order.side == "BUY":
                await self._rest.cancel_order(order.symbol, order.client_order_id)
            else:
                self.orphans[order.client_order_id] = order.symbol
                self.book.quarantine.impose(order.symbol, "an unknown order of ours is open; cancel it by hand", now)
                self.quarantined.append(order.symbol)

    def _compare_holdings(self) -> None:
        """A position is at most what the account holds: the rest was sold or withdrawn elsewhere."""
        for symbol, position in list(self.book.positions.items()):
            held = self.balances.get(position.base_asset)
            total = held.total if held is not None else Decimal(0)
            if total >= position.quantity:
                continue
            self._log.error("position larger than the balance", symbol=symbol, count=float(position.quantity))
            if total <= 0:
                del self.book.positions[symbol]
            else:
                share = total / position.quantity
                self.book.positions[symbol] = replace(position, quantity=total, cost=position.cost * share)

    def _save_quietly(self) -> None:
        """Store the book. What reduces risk goes on without a disk; the service tells that it is refused."""
        try:
            self._save()
        except OSError as error:
            self._log.error("book refused", problem=str(error))

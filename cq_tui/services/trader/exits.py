"""Exits: each position is protected by a stop and a target, or sold at market."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError, CancelRejected, NotSent, OutcomeUnknown
from cq_tui.binance.order_lists import NewOco, OcoLeg
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import Order
from cq_tui.services.trader.book import is_working
from cq_tui.services.trader.orders import Orders
from cq_tui.trading.client_order_id import Leg, first_version_id
from cq_tui.trading.lifecycle import OrderRecord, OrderStatus
from cq_tui.trading.portfolio import Position, write_off
from cq_tui.trading.protection import ProtectionAction, ProtectionNeed, find_protection_need, with_trailing_stop
from cq_tui.trading.sizing import exit_violation, sellable_quantity

#: Maximum seconds between attempts to protect a position.
_LONGEST_PAUSE = 30.0

Prices = dict[str, Decimal]


class Exits:
    """Protects and closes the positions of a book at one exchange."""

    def __init__(self, rest: SpotRest, orders: Orders, log: FilteringBoundLogger) -> None:
        self._rest = rest
        self._orders = orders
        self._book = orders.book
        self._log = log
        #: By symbol: consecutive failed attempts, and the time of the next one.
        self._failed: dict[str, int] = {}
        self._next_try: dict[str, float] = {}

    async def protect(self, bids: Prices, highs: Prices, now: float) -> dict[str, ProtectionNeed]:
        """Protect every position; return what is still missing, by symbol. Raises NotSent."""
        lacking: dict[str, ProtectionNeed] = {}
        for symbol in list(self._book.positions):
            need = await self._protect(symbol, bids.get(symbol), highs.get(symbol), now)
            if need is not None:
                lacking[symbol] = need
        return lacking

    async def _protect(
        self, symbol: str, bid: Decimal | None, high: Decimal | None, now: float
    ) -> ProtectionNeed | None:
        rules, position = self._orders.rules.get(symbol), self._book.positions[symbol]
        if rules is None:
            return ProtectionNeed(ProtectionAction.PLACE, position.quantity, "the exchange does not list the symbol")
        if high is not None:
            self._book.positions[symbol] = with_trailing_stop(position, high, rules)
        need = self._need(symbol, bid, now)
        if need is None or now < self._next_try.get(symbol, 0.0):
            return need
        await self._meet(symbol, need, bid, now)
        if need.action is ProtectionAction.REPLACE and (next_need := self._need(symbol, bid, now)) is not None:
            await self._meet(symbol, next_need, bid, now)
        need = self._need(symbol, bid, now)
        self._pause_after_failure(symbol, need, now)
        return need

    def _need(self, symbol: str, bid: Decimal | None, now: float) -> ProtectionNeed | None:
        position = self._book.positions.get(symbol)
        if position is None:
            return None
        orders, rules = self._book.orders_of(symbol), self._orders.rules[symbol]
        return find_protection_need(position, orders, rules, price=bid, now_ms=int(now * 1000))

    def _pause_after_failure(self, symbol: str, need: ProtectionNeed | None, now: float) -> None:
        if need is None:
            self._failed.pop(symbol, None)
            self._next_try.pop(symbol, None)
            return
        count = self._failed[symbol] = self._failed.get(symbol, 0) + 1
        self._next_try[symbol] = now + min(2.0 ** (count - 1), _LONGEST_PAUSE)

    async def _meet(self, symbol: str, need: ProtectionNeed, bid: Decimal | None, now: float) -> None:
        self._log.info("protection", symbol=symbol, act=need.action.value, reason=need.reason)
        if need.action is ProtectionAction.DUST:
            self._write_off(symbol, need.reason)
        elif need.action is ProtectionAction.PLACE:
            await self._place_oco(symbol, need, bid, now)
        elif need.action is ProtectionAction.EXIT:
            await self._exit(symbol, need.reason, bid, now)
        else:
            await self._cancel_protection(symbol, now)

    def _write_off(self, symbol: str, reason: str) -> None:
        booked = write_off(self._book.positions.pop(symbol))
        self._book.realized += booked.realized
        self._log.warning("dust written off", symbol=symbol, reason=reason)
        self._orders.remember()

    # The protective OCO

    async def _place_oco(self, symbol: str, need: ProtectionNeed, bid: Decimal | None, now: float) -> None:
        position = self._book.positions[symbol]
        assert position.stop_loss is not None  # find_protection_need returns an exit without one
        assert position.take_profit is not None
        number = position.protections
        list_id = first_version_id(position.signal_key, Leg.OCO, number)
        target = self._leg(position, Leg.TARGET, "LIMIT_MAKER", need.quantity, list_id, number, now)
        target = replace(target, price=position.take_profit)
        stop = self._leg(position, Leg.STOP, "STOP_LOSS", need.quantity, list_id, number, now)
        stop = replace(stop, stop_price=position.stop_loss)
        request = NewOco(
            symbol=symbol,
            side="SELL",
            quantity=need.quantity,
            list_client_order_id=list_id,
            above=OcoLeg(type="LIMIT_MAKER", client_order_id=target.client_order_id, price=target.price),
            below=OcoLeg(type="STOP_LOSS", client_order_id=stop.client_order_id, stop_price=stop.stop_price),
        )

        async def send() -> Sequence[Order]:
            return (await self._rest.new_oco(request)).reports

        self._book.positions[symbol] = replace(position, protections=number + 1)
        self._orders.intend([stop, target])
        try:
            refusal = await self._orders.place([stop, target], send)
        except NotSent:
            self._book.positions[symbol] = position
            self._orders.remember()
            raise
        after = self._book.orders[stop.client_order_id]
        if after.status is OrderStatus.REJECTED and (refusal is None or refusal.is_about_symbol):
            self._log.warning("protection rejected", symbol=symbol, reason=after.reason)
            await self._exit(symbol, f"protection was rejected: {after.reason}", bid, now)

    def _leg(
        self, position: Position, leg: Leg, order_type: str, quantity: Decimal, list_id: str, number: int, now: float
    ) -> OrderRecord:
        return OrderRecord(
            client_order_id=first_version_id(position.signal_key, leg, number),
            symbol=position.symbol,
            side="SELL",
            order_type=order_type,
            leg=leg,
            signal_key=position.signal_key,
            intended_at=now,
            quantity=quantity,
            list_client_order_id=list_id,
        )

    # Closing

    async def close(self, symbol: str, reason: str, bid: Decimal | None, now: float) -> None:
        """Sell a position at market, now or, if the exchange refuses, in a later cycle. Raises NotSent."""
        position = self._book.positions.get(symbol)
        if position is None:
            return
        # Stored with the position, so that it survives a failure or a restart.
        self._book.positions[symbol] = replace(position, time_stop_ms=int(now * 1000))
        self._orders.remember()
        await self._exit(symbol, reason, bid, now)

    async def _exit(self, symbol: str, reason: str, bid: Decimal | None, now: float) -> None:
        """Sell at market, once the cancel of its protection is verified."""
        for order in self._orders.undecided(symbol):
            await self._orders.query(order, now)
        on_its_way = any(order.leg is Leg.EXIT and order.is_open for order in self._book.orders_of(symbol))
        if self._orders.undecided(symbol) or on_its_way or not await self._cancel_protection(symbol, now):
            return
        position, rules = self._book.positions.get(symbol), self._orders.rules.get(symbol)
        if position is None or rules is None:
            return
        quantity = sellable_quantity(rules, position.quantity)
        if (fault := exit_violation(rules, quantity, bid or position.average_price)) is not None:
            self._write_off(symbol, f"{position.quantity} {position.base_asset} cannot be sold: {fault}")
            return
        self._log.info("exit", symbol=symbol, reason=reason)
        order = self._exit_order(position, quantity, now)
        self._orders.intend([order])
        await self._orders.place([order], self._orders.market(order))
        if (left := self._need(symbol, bid, now)) is not None and left.action is ProtectionAction.DUST:
            self._write_off(symbol, left.reason)

    def _exit_order(self, position: Position, quantity: Decimal, now: float) -> OrderRecord:
        known = self._book.orders_of(position.symbol)
        number = sum(order.leg is Leg.EXIT and order.signal_key == position.signal_key for order in known)
        return OrderRecord(
            client_order_id=first_version_id(position.signal_key, Leg.EXIT, number),
            symbol=position.symbol,
            side="SELL",
            order_type="MARKET",
            leg=Leg.EXIT,
            signal_key=position.signal_key,
            intended_at=now,
            quantity=quantity,
        )

    async def _cancel_protection(self, symbol: str, now: float) -> bool:
        """Cancel open sell orders of a symbol; True once the exchange confirms that none is open.

        What they sold meanwhile is booked first: the response has the quantity, only the trades have the prices.
        """
        working = [order for order in self._book.orders_of(symbol) if order.side == "SELL" and is_working(order)]
        for list_id in dict.fromkeys(order.list_client_order_id for order in working):
            if list_id is not None and not await self._cancel_list(symbol, list_id, now):
                return False
        for order in working:
            if is_working(self._book.orders[order.client_order_id]):
                await self._orders.query(order, now)
            await self._orders.fetch_trades(order.client_order_id, now)
        self._orders.remember()
        ended = [self._book.orders[order.client_order_id] for order in working]
        return not any(is_working(order) or order.lacks_trades for order in ended)

    async def _cancel_list(self, symbol: str, list_id: str, now: float) -> bool:
        """Cancel an order list; False if that is impossible for now."""
        try:
            canceled = await self._rest.cancel_order_list(symbol, list_id)
        except (CancelRejected, OutcomeUnknown):
            # Already gone, or unknown: the orders are queried.
            self._log.info("cancel outcome queried", symbol=symbol)
            return True
        except BinanceError as error:
            self._log.warning("cancel failed", symbol=symbol, problem=str(error))
            return False
        for report in canceled.reports:
            if (known := self._known(report)) is not None:
                self._orders.take_answer(known.client_order_id, report, now)
        return True

    def _known(self, answer: Order) -> OrderRecord | None:
        """Find the order of a response; the response to a cancel may have the cancel's own id."""
        by_id = self._book.orders.get(answer.client_order_id)
        if by_id is not None:
            return by_id
        orders = self._book.orders_of(answer.symbol)
        return next((order for order in orders if order.order_id == answer.order_id), None)

"""The matching engine of the simulated account: (state, market, command, now) -> facts and reports. No I/O.

Every change goes through a fact, so that the ledger's facts alone make the same state again.
"""

from collections.abc import Callable
from copy import copy
from decimal import Decimal
from typing import Protocol

from cq_tui.binance.filters import ALGO_TYPES, SymbolRules
from cq_tui.simulator import errors
from cq_tui.simulator.engine.book import Book, Level
from cq_tui.simulator.engine.facts import (
    Closed,
    Deposited,
    Fact,
    Filled,
    ListDone,
    ListOpened,
    Opened,
    Triggered,
    fact_to_plain,
)
from cq_tui.simulator.engine.matching import commission_on, takes, takes_for_quote, total
from cq_tui.simulator.engine.orders import (
    MARKET_TYPES,
    STOP_TYPES,
    ZERO,
    ListReport,
    NewOco,
    NewOrder,
    Order,
    OrderList,
    Outcome,
    Report,
    Trade,
)
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import ApiError, cancel_rejected, filter_failure, rejected


class MarketView(Protocol):
    """What the engine has to know about the market at the present tick."""

    over: bool
    rules: dict[str, SymbolRules]

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""

    def average_price(self, symbol: str) -> Decimal:
        """Average price over five minutes."""

    def book(self, symbol: str) -> Book:
        """Depth that orders can take."""


class Engine:
    """Places, triggers, matches and cancels the account's orders against the market's book.

    ``tape_id(symbol)`` is the trade id that the market's tape has reached without the account's own fills.
    """

    def __init__(self, state: ExchangeState, market: MarketView, tape_id: Callable[[], int]) -> None:
        self.state = state
        self._market = market
        self._tape_id = tape_id

    def deposit(self, asset: str, quantity: Decimal, now: int) -> Outcome:
        """Credit the account from outside."""
        outcome = Outcome(assets={asset})
        self._apply(outcome, Deposited(asset, quantity, now))
        return outcome

    # Placing

    def place(self, new: NewOrder, now: int) -> Outcome:
        """Accept an order and match it, or raise ApiError with the state unchanged."""
        self.check_filters(new)
        self._check_engine_rules(new)
        outcome = Outcome()
        if new.type == "MARKET":
            self._enter_market(outcome, new, now)
        else:
            order = self._new_order(new, now)
            self._check_worth(order)
            order.locked = _need(order)
            self._check_free(order, order.locked)
            self._open(outcome, order)
            if order.is_working:
                self._take(outcome, self._live(order), now)
            outcome.orders.append(copy(self._live(order)))
        return outcome

    def place_oco(self, new: NewOco, now: int) -> Outcome:
        """Accept two orders of which one cancels the other, or raise ApiError with the state unchanged."""
        rules = self._market.rules[new.symbol]
        if name := rules.list_violation(open_order_lists=len(self.state.open_lists_of(new.symbol))):
            raise filter_failure(name)
        for leg in new.legs:
            self.check_filters(leg)
        if any(entry.client_id == new.client_id for entry in self.state.open_lists_of(new.symbol)):
            raise rejected(errors.DUPLICATE)
        self._check_oco_prices(new)
        for leg in new.legs:
            self._check_engine_rules(leg)
        return self._open_oco(new, now)

    def _open_oco(self, new: NewOco, now: int) -> Outcome:
        list_id = self.state.last_list_id + 1
        first, second = (self._new_order(leg, now, list_id) for leg in new.legs)
        second.order_id = first.order_id + 1
        first.locked = max(_need(first), _need(second))
        self._check_free(first, first.locked)
        outcome = Outcome()
        self._apply(outcome, ListOpened(list_id, new.client_id, new.symbol, [first.order_id, second.order_id], now))
        outcome.list_reports.append(self._list_report(list_id, "EXEC_STARTED", "EXECUTING", now))
        for order in (first, second):
            self._open(outcome, order)
            outcome.orders.append(copy(self._live(order)))
        outcome.order_list = self.state.lists[list_id]
        return outcome

    def check_filters(self, new: NewOrder) -> None:
        """Raise ApiError when the order breaks a filter of its symbol."""
        rules = self._market.rules[new.symbol]
        if new.type not in rules.order_types:
            raise ApiError(
                -1013, f"{new.type.replace('_', ' ').capitalize()} orders are not supported for this symbol."
            )
        open_orders = self.state.open_of(new.symbol)
        name = rules.violation(
            side=new.side,
            order_type=new.type,
            quantity=new.quantity,
            price=new.price,
            stop_price=new.stop_price,
            quote_quantity=new.quote_quantity,
            reference_price=self._market.average_price(new.symbol),
            open_orders=len(open_orders),
            open_algo_orders=sum(order.type in ALGO_TYPES for order in open_orders),
        )
        if name:
            raise filter_failure(name)

    def _check_engine_rules(self, new: NewOrder) -> None:
        if self._market.over:
            raise rejected(errors.MARKET_CLOSED)
        if any(order.client_order_id == new.client_order_id for order in self.state.open_of(new.symbol)):
            raise rejected(errors.DUPLICATE)
        last = self._market.last_price(new.symbol)
        if new.stop_price is not None and _is_met(new.type, new.side, new.stop_price, last):
            raise rejected(errors.WOULD_TRIGGER)
        if new.type == "LIMIT_MAKER" and new.price is not None and self._crosses(new.symbol, new.side, new.price):
            raise rejected(errors.WOULD_TAKE)

    def _check_oco_prices(self, new: NewOco) -> None:
        last = self._market.last_price(new.symbol)
        above = new.above.stop_price if new.above.stop_price is not None else new.above.price
        below = new.below.stop_price if new.below.stop_price is not None else new.below.price
        if above is None or below is None or not below < last < above:
            raise rejected(errors.BAD_PRICES)
        if new.above.client_order_id == new.below.client_order_id:
            raise rejected(errors.DUPLICATE)

    def _crosses(self, symbol: str, side: str, price: Decimal) -> bool:
        book = self._market.book(symbol)
        return price >= book.best_ask if side == "BUY" else price <= book.best_bid

    def _check_free(self, order: Order, needed: Decimal) -> None:
        balance = self.state.balances.get(self.state.spending_asset(order))
        if needed > (balance.free if balance else ZERO):
            raise rejected(errors.INSUFFICIENT_BALANCE)

    def _new_order(self, new: NewOrder, now: int, list_id: int = -1) -> Order:
        return Order(
            symbol=new.symbol,
            order_id=self.state.last_order_ids[new.symbol] + 1,
            client_order_id=new.client_order_id,
            side=new.side,
            type=new.type,
            time_in_force=new.time_in_force,
            quantity=new.quantity or ZERO,
            quote_quantity=new.quote_quantity or ZERO,
            price=new.price or ZERO,
            stop_price=new.stop_price or ZERO,
            stp_mode=new.stp_mode,
            time=now,
            update_time=now,
            list_id=list_id,
            working_time=-1 if new.type in STOP_TYPES else now,
            strategy_id=new.strategy_id,
            strategy_type=new.strategy_type,
        )

    # Matching

    def _levels(self, symbol: str, side: str) -> list[Level]:
        return list(self._market.book(symbol).levels("asks" if side == "BUY" else "bids"))

    def _enter_market(self, outcome: Outcome, new: NewOrder, now: int) -> None:
        """Match a MARKET order: all that it spends has to be free beforehand."""
        order = self._new_order(new, now)
        levels, suffices = self._levels(new.symbol, new.side), True
        if new.quote_quantity is not None:
            step = self._market.rules[new.symbol].step_size
            taken, suffices = takes_for_quote(levels, new.quote_quantity, step)
            order.quantity = total(taken)[0]
            if order.quantity < self._market.rules[new.symbol].min_quantity:
                raise filter_failure("LOT_SIZE")
        else:
            taken = takes(levels, new.side, order.quantity)
        quantity, quote = total(taken)
        needed = (new.quote_quantity or quote) if new.side == "BUY" else max(quantity, new.quantity or ZERO)
        self._check_free(order, needed)
        self._open(outcome, order)
        live = self._live(order)
        self._fill(outcome, live, taken, now)
        if live.is_open or not suffices:
            self._close(outcome, live, "EXPIRED", "INSUFFICIENT_LIQUIDITY", now)
        outcome.orders.append(copy(live))

    def _check_worth(self, order: Order) -> None:
        """Refuse a limit order that is worth nothing."""
        if order.quantity * (order.price or order.stop_price) <= 0:
            raise ApiError(-1013, "Price * QTY is zero or less.")

    def _take(self, outcome: Outcome, order: Order, now: int) -> None:
        """Let a limit order take what crosses it; the rest stays or expires by its time in force."""
        taken = takes(self._levels(order.symbol, order.side), order.side, order.remaining, order.price)
        complete = total(taken)[0] >= order.remaining
        if order.time_in_force == "FOK" and not complete:
            self._close(outcome, order, "EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED", now)
            return
        self._fill(outcome, order, taken, now)
        if order.is_open and order.time_in_force == "IOC":
            self._close(outcome, order, "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED", now)

    def _fill(self, outcome: Outcome, order: Order, taken: list[Level], now: int, at: Decimal | None = None) -> None:
        """Trade with each level: as taker at its price, as maker at the order's own price ``at``."""
        base, quote_asset = self.state.split(order.symbol)
        book = self._market.book(order.symbol)
        for level in taken:
            book.take(level.price, level.quantity)
            price = at or level.price
            quote = price * level.quantity
            buying = order.side == "BUY"
            trade = Trade(
                symbol=order.symbol,
                trade_id=self._tape_id() + self.state.fill_counts[order.symbol] + 1,
                order_id=order.order_id,
                list_id=order.list_id,
                price=price,
                quantity=level.quantity,
                quote=quote,
                commission=commission_on(level.quantity if buying else quote),
                commission_asset=base if buying else quote_asset,
                time=now,
                is_buyer=buying,
                is_maker=at is not None,
            )
            self._apply(outcome, Filled(trade))
            self._report(outcome, order, "TRADE", now, trade)
        self._end_list(outcome, order, now)

    # Ticks

    def on_tick(self, now: int) -> Outcome:
        """Trigger stops and fill resting orders that the present prices reach."""
        outcome = Outcome()
        if self._market.over:
            return outcome
        for order in list(self.state.open_orders.values()):
            if not order.is_open or order.symbol not in self._market.rules:
                continue  # its other leg has just ended it, or its symbol is not offered at present
            if order.is_working:
                self._fill_resting(outcome, order, now)
            elif _is_met(order.type, order.side, order.stop_price, self._market.last_price(order.symbol)):
                self._trigger(outcome, order, now)
        return outcome

    def _fill_resting(self, outcome: Outcome, order: Order, now: int) -> None:
        if not self._crosses(order.symbol, order.side, order.price):
            return
        taken = takes(self._levels(order.symbol, order.side), order.side, order.remaining, order.price)
        if taken:
            self._expire_other_leg(outcome, order, now)
            self._fill(outcome, order, taken, now, at=order.price)

    def _trigger(self, outcome: Outcome, order: Order, now: int) -> None:
        self._expire_other_leg(outcome, order, now)
        levels = self._levels(order.symbol, order.side)
        at_market = order.type in MARKET_TYPES
        taken = takes(levels, order.side, order.remaining, None if at_market else order.price)
        lock = ZERO if at_market else _need(order)
        quantity, quote = total(taken)
        needed = max(lock, (quote if order.side == "BUY" else quantity) if at_market else ZERO)
        free = self.state.balances[self.state.spending_asset(order)].free + order.locked
        if needed > free:
            self._close(outcome, order, "EXPIRED", "REJECTED", now)
            return
        self._apply(outcome, Triggered(order.symbol, order.order_id, now, lock))
        self._report(outcome, order, "NEW", now)
        if not at_market:
            self._take(outcome, order, now)
            return
        self._fill(outcome, order, taken, now)
        if order.is_open:
            self._close(outcome, order, "EXPIRED", "INSUFFICIENT_LIQUIDITY", now)

    # Cancelling

    def cancel(self, order: Order, cancel_id: str, now: int) -> Outcome:
        """Cancel an open order; one that belongs to a list cancels the whole list. Raises ApiError."""
        if not order.is_open:
            raise cancel_rejected()
        if order.list_id >= 0:
            outcome = self.cancel_list(self.state.lists[order.list_id], cancel_id, now)
            outcome.orders = [entry for entry in outcome.orders if entry.order_id == order.order_id]
            return outcome
        outcome = Outcome()
        self._close(outcome, order, "CANCELED", "", now, cancel_id)
        outcome.orders.append(copy(order))
        return outcome

    def cancel_list(self, order_list: OrderList, cancel_id: str, now: int) -> Outcome:
        """Cancel all open orders of a list. Raises ApiError when it is done already."""
        if order_list.done:
            raise cancel_rejected()
        outcome = Outcome(order_list=order_list)
        for order_id in order_list.order_ids:
            order = self.state.orders[order_list.symbol, order_id]
            if order.is_open:
                self._close(outcome, order, "CANCELED", "", now, cancel_id)
            outcome.orders.append(copy(order))
        return outcome

    # Facts and reports

    def _live(self, order: Order) -> Order:
        return self.state.orders[order.symbol, order.order_id]

    def _apply(self, outcome: Outcome, fact: Fact) -> None:
        self.state.apply(fact)
        outcome.lines.append(fact_to_plain(fact))

    def _report(
        self, outcome: Outcome, order: Order, execution: str, now: int, trade: Trade | None = None, cancel_id: str = ""
    ) -> None:
        outcome.assets.update(self.state.split(order.symbol))
        outcome.reports.append(Report(copy(order), execution, self.state.execution_id, now, trade, cancel_id))

    def _open(self, outcome: Outcome, order: Order) -> None:
        self._apply(outcome, Opened(copy(order)))
        self._report(outcome, self._live(order), "NEW", order.time)

    def _close(self, outcome: Outcome, order: Order, status: str, reason: str, now: int, cancel_id: str = "") -> None:
        self._apply(outcome, Closed(order.symbol, order.order_id, status, reason, now))
        self._report(outcome, order, status, now, cancel_id=cancel_id)
        self._end_list(outcome, order, now)

    def _expire_other_leg(self, outcome: Outcome, order: Order, now: int) -> None:
        if order.list_id < 0:
            return
        for order_id in self.state.lists[order.list_id].order_ids:
            other = self.state.orders[order.symbol, order_id]
            if other.order_id != order.order_id and other.is_open:
                held, own = other.locked, order.locked
                self._close(outcome, other, "EXPIRED", "OCO_TRIGGER", now)
                if held and not own and order.is_working:
                    self._apply(outcome, Triggered(order.symbol, order.order_id, now, _need(order)))

    def _end_list(self, outcome: Outcome, order: Order, now: int) -> None:
        if order.list_id < 0 or self.state.lists[order.list_id].done:
            return
        order_list = self.state.lists[order.list_id]
        if not any((order_list.symbol, order_id) in self.state.open_orders for order_id in order_list.order_ids):
            self._apply(outcome, ListDone(order_list.list_id, now))
            outcome.list_reports.append(self._list_report(order_list.list_id, "ALL_DONE", "ALL_DONE", now))

    def _list_report(self, list_id: int, status_type: str, status: str, now: int) -> ListReport:
        return ListReport(copy(self.state.lists[list_id]), status_type, status, now)


def _need(order: Order) -> Decimal:
    """Return what the order has to lock: the quote it may spend (a stop at its stop price) or the base it sells."""
    if order.side == "SELL":
        return order.remaining
    return order.remaining * (order.price or order.stop_price)


def _is_met(order_type: str, side: str, stop_price: Decimal, last: Decimal) -> bool:
    """Whether the last trade price meets the stop price."""
    rises = order_type.startswith("STOP_LOSS") == (side == "BUY")
    return last >= stop_price if rises else last <= stop_price

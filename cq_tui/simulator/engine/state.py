"""The state of the exchange's one account: balances, orders, lists and trades, changed by ledger events only."""

from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cq_tui.binance.commission import CommissionRates
from cq_tui.simulator.engine.commission_rates import DEFAULT_RATES
from cq_tui.simulator.engine.ledger_events import (
    Activated,
    Amended,
    Closed,
    CommissionSet,
    Deposited,
    Filled,
    LedgerEvent,
    ListDone,
    ListOpened,
    Locked,
    Opened,
    Prevented,
    Trailed,
    Triggered,
    Wiped,
)
from cq_tui.simulator.engine.orders import (
    ZERO,
    Amendment,
    AssetBalance,
    EngineOrder,
    EngineOrderList,
    PreventedMatch,
    Trade,
)
from cq_tui.simulator.engine.resting_orders import RestingOrders
from cq_tui.simulator.market.symbols import split_symbol

#: Closed orders that can be queried; older ones are pruned once there are twice as many.
ORDERS_KEPT = 4_000
TRADES_KEPT = 5_000
#: Prevented matches and amendments that can be queried.
RECORDS_KEPT = 1_000


class ExchangeState:
    """Everything the ledger records. ``assets`` maps each symbol to its base and quote asset."""

    def __init__(self, assets: dict[str, tuple[str, str]]) -> None:
        self.assets = assets
        self.balances: dict[str, AssetBalance] = defaultdict(AssetBalance)
        self.orders: dict[tuple[str, int], EngineOrder] = {}
        self.open_orders: dict[tuple[str, int], EngineOrder] = {}
        self.lists: dict[int, EngineOrderList] = {}
        self.open_lists: dict[int, EngineOrderList] = {}
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.prevented: deque[PreventedMatch] = deque(maxlen=RECORDS_KEPT)
        self.amendments: deque[Amendment] = deque(maxlen=RECORDS_KEPT)
        self.fill_counts: dict[str, int] = defaultdict(int)
        self.match_counts: dict[str, int] = defaultdict(int)
        self.last_order_ids: dict[str, int] = defaultdict(int)
        self.last_list_id = -1
        self.execution_id = 0
        self.update_time = 0
        #: Rates that were set, by symbol; an empty symbol stands for all others.
        self.commissions: dict[str, CommissionRates] = {}
        self.resting: dict[str, RestingOrders] = defaultdict(RestingOrders)
        self._open_by_symbol: dict[str, dict[int, EngineOrder]] = defaultdict(dict)
        self._by_client_id: dict[tuple[str, str], EngineOrder] = {}

    def empty_copy(self) -> "ExchangeState":
        """Return an empty state for the same symbols."""
        return ExchangeState(self.assets)

    def assets_of(self, symbol: str) -> tuple[str, str]:
        """Return base and quote asset, also of a symbol that is no longer offered."""
        return self.assets.get(symbol) or split_symbol(symbol)

    def open_orders_of(self, symbol: str) -> list[EngineOrder]:
        """Return the symbol's open orders, oldest first."""
        return list(self._open_by_symbol[symbol].values())

    def open_lists_of(self, symbol: str) -> list[EngineOrderList]:
        """Return the symbol's open order lists."""
        return [entry for entry in self.open_lists.values() if entry.symbol == symbol]

    def find_open(self, symbol: str, client_order_id: str) -> EngineOrder | None:
        """Return the symbol's open order with this client order id."""
        order = self._by_client_id.get((symbol, client_order_id))
        return order if order is not None and order.is_open else None

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> EngineOrder | None:
        """Return an order by id, or by client order id: the open one, or the latest."""
        if order_id is not None:
            return self.orders.get((symbol, order_id))
        return self._by_client_id.get((symbol, client_order_id or ""))

    def orders_of(self, order_list: EngineOrderList) -> list[EngineOrder]:
        """Return the orders of a list by ascending id."""
        return [self.orders[order_list.symbol, order_id] for order_id in order_list.order_ids]

    def spending_asset(self, order: EngineOrder) -> str:
        """Return the asset that an order spends."""
        base, quote = self.assets_of(order.symbol)
        return quote if order.side == "BUY" else base

    def commission_rates(self, symbol: str) -> CommissionRates:
        """Return the account's commission rates on a symbol."""
        return self.commissions.get(symbol) or self.commissions.get("", DEFAULT_RATES)

    def apply(self, event: LedgerEvent) -> None:
        """Apply an event to the state. Events have happened: nothing is checked here."""
        self.execution_id += 1
        _APPLY[type(event)](self, event)

    def _deposited(self, event: Deposited) -> None:
        self.balances[event.asset].free += event.quantity
        self.update_time = event.time

    def _opened(self, event: Opened) -> None:
        order = event.order.copy()
        amount, order.locked = order.locked, ZERO
        self.index_order(order)
        self.last_order_ids[order.symbol] = max(self.last_order_ids[order.symbol], order.order_id)
        self.update_time = order.time
        self._lock(order, amount)
        if order.is_working:
            self._start_working(order)

    def index_order(self, order: EngineOrder) -> None:
        """Add an order to the indexes."""
        self.orders[order.symbol, order.order_id] = order
        named = self._by_client_id.get((order.symbol, order.client_order_id))
        if named is None or not named.is_open:
            self._by_client_id[order.symbol, order.client_order_id] = order
        if order.is_open:
            self.open_orders[order.symbol, order.order_id] = order
            self._open_by_symbol[order.symbol][order.order_id] = order

    def _start_working(self, order: EngineOrder) -> None:
        """Give a working order its priority, and add it to the book if it can rest."""
        order.priority = self.execution_id
        if order.can_rest:
            self.resting[order.symbol].add(order)

    def _triggered(self, event: Triggered) -> None:
        order = self.orders[event.symbol, event.order_id]
        order.working_time = order.update_time = self.update_time = event.time
        self._lock(order, event.lock)
        self._start_working(order)

    def _trailed(self, event: Trailed) -> None:
        order = self.orders[event.symbol, event.order_id]
        order.trailing_extreme = event.extreme
        if order.trailing_time < 0:
            order.trailing_time = event.time

    def _activated(self, event: Activated) -> None:
        order = self.orders[event.symbol, event.order_id]
        order.status, order.quantity = "NEW", event.quantity
        order.update_time = self.update_time = event.time
        self._lock(order, event.lock)
        if not order.is_stop:
            order.working_time = event.time
            self._start_working(order)

    def _locked(self, event: Locked) -> None:
        self._lock(self.orders[event.symbol, event.order_id], event.lock)

    def _lock(self, order: EngineOrder, amount: Decimal) -> None:
        """Set the order's locked amount; the difference moves from or to the free balance."""
        change = amount - order.locked
        if change:
            balance = self.balances[self.spending_asset(order)]
            balance.free -= change
            balance.locked += change
            order.locked = amount

    def _filled(self, event: Filled) -> None:
        trade = event.trade
        order = self.orders[trade.symbol, trade.order_id]
        base, quote = self.assets_of(trade.symbol)
        spent, received = (trade.quote, trade.quantity) if trade.is_buyer else (trade.quantity, trade.quote)
        from_lock = min(order.locked, spent)
        paying = self.balances[quote if trade.is_buyer else base]
        order.locked -= from_lock
        paying.locked -= from_lock
        paying.free -= spent - from_lock
        self.balances[base if trade.is_buyer else quote].free += received
        self.balances[trade.commission_asset].free -= trade.commission
        order.executed += trade.quantity
        order.quote_executed += trade.quote
        order.status = "PARTIALLY_FILLED"
        self._after_reduction(order, trade.time, "FILLED", as_taker=not trade.is_maker)
        self.trades.append(trade)
        if not trade.is_self_trade_maker:
            self.fill_counts[trade.symbol] += 1

    def _after_reduction(self, order: EngineOrder, time: int, end: str, *, as_taker: bool) -> None:
        """Update an order after a fill or prevented match: close it with status ``end``, or reduce its lock."""
        order.update_time = self.update_time = time
        if order.remaining <= 0:
            order.status = end
            self._remove_open(order)
            return
        if order.locked and order.price:
            # A fill at a better price than the limit frees the difference.
            self._lock(order, order.remaining * (order.price if order.side == "BUY" else 1))
        resting = self.resting[order.symbol]
        if order.iceberg_quantity and (
            as_taker or order.filled_or_prevented >= order.part_from + order.iceberg_quantity
        ):
            order.part_from = order.filled_or_prevented
            order.priority = self.execution_id
            resting.move_to_back(order)
        resting.record_change(order)

    def _prevented(self, event: Prevented) -> None:
        match = event.match
        if match.taker_quantity and match.maker_quantity:
            self.execution_id += 1  # it makes two reports
        for order_id, quantity in (
            (match.taker_order_id, match.taker_quantity),
            (match.maker_order_id, match.maker_quantity),
        ):
            if quantity:
                order = self.orders[match.symbol, order_id]
                order.prevented_quantity += quantity
                order.prevented_match_id = match.match_id
                self._after_reduction(order, match.time, "EXPIRED_IN_MATCH", as_taker=order_id == match.taker_order_id)
        self.prevented.append(match)
        self.match_counts[match.symbol] += 1

    def _amended(self, event: Amended) -> None:
        amendment = event.amendment
        order = self.orders[amendment.symbol, amendment.order_id]
        order.quantity, order.client_order_id = amendment.new_quantity, amendment.new_client_id
        order.amends += 1
        order.update_time = self.update_time = amendment.time
        self._by_client_id.pop((amendment.symbol, amendment.original_client_id), None)
        self._by_client_id[order.symbol, order.client_order_id] = order
        self.resting[order.symbol].record_change(order)
        self.amendments.append(amendment)

    def _closed(self, event: Closed) -> None:
        order = self.orders[event.symbol, event.order_id]
        order.status, order.expiry_reason = event.status, event.reason
        order.update_time = self.update_time = event.time
        self._remove_open(order)

    def _remove_open(self, order: EngineOrder) -> None:
        self._lock(order, ZERO)
        self.resting[order.symbol].discard(order)
        if self.open_orders.pop((order.symbol, order.order_id), None) is not None:
            del self._open_by_symbol[order.symbol][order.order_id]
        if len(self.orders) - len(self.open_orders) > 2 * ORDERS_KEPT:
            self.prune()

    def _list_opened(self, event: ListOpened) -> None:
        entry = EngineOrderList(
            event.list_id, event.client_id, event.symbol, list(event.order_ids), event.time, kind=event.kind
        )
        self.lists[event.list_id] = self.open_lists[event.list_id] = entry
        self.last_list_id = max(self.last_list_id, event.list_id)

    def _list_done(self, event: ListDone) -> None:
        self.lists[event.list_id].done = True
        self.open_lists.pop(event.list_id, None)

    def _commission_set(self, event: CommissionSet) -> None:
        self.commissions[event.rates.symbol] = event.rates

    def _wiped(self, event: Wiped) -> None:
        for order in self.open_orders.values():
            self.resting[order.symbol].discard(order)
        for records in (self.orders, self.open_orders, self.lists, self.open_lists, self.trades, self.prevented):
            records.clear()
        self.amendments.clear()
        self._open_by_symbol.clear()
        self._by_client_id.clear()
        # Assets that are gone stay known, so that the account does not count as new.
        for asset in self.balances.keys() | event.balances.keys():
            self.balances[asset] = AssetBalance(event.balances.get(asset, ZERO))
        self.update_time = event.time

    def prune(self) -> None:
        """Prune closed orders too old to be queried; the orders of a list are kept or pruned together."""
        closed = [order for key, order in self.orders.items() if key not in self.open_orders]
        kept = sorted(closed, key=lambda order: order.update_time)[-ORDERS_KEPT:]
        ids = {(order.symbol, order.order_id) for order in kept} | set(self.open_orders)
        ids |= {(entry.symbol, number) for entry in self.open_lists.values() for number in entry.order_ids}
        for key in [key for key in self.orders if key not in ids]:
            order = self.orders.pop(key)
            if self._by_client_id.get((order.symbol, order.client_order_id)) is order:
                del self._by_client_id[order.symbol, order.client_order_id]
        self.lists = {
            entry.list_id: entry
            for entry in self.lists.values()
            if all((entry.symbol, number) in self.orders for number in entry.order_ids)
        }


_APPLY: dict[type[LedgerEvent], Callable[[ExchangeState, Any], None]] = {
    Deposited: ExchangeState._deposited,
    Opened: ExchangeState._opened,
    Triggered: ExchangeState._triggered,
    Trailed: ExchangeState._trailed,
    Activated: ExchangeState._activated,
    Locked: ExchangeState._locked,
    Filled: ExchangeState._filled,
    Prevented: ExchangeState._prevented,
    Amended: ExchangeState._amended,
    Closed: ExchangeState._closed,
    ListOpened: ExchangeState._list_opened,
    ListDone: ExchangeState._list_done,
    CommissionSet: ExchangeState._commission_set,
    Wiped: ExchangeState._wiped,
}

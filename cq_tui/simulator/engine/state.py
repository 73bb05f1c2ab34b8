"""The exchange's state for its one account: balances, orders, lists and trades, changed by facts alone."""

from collections import defaultdict, deque
from copy import copy
from decimal import Decimal
from typing import Any

from cq_tui.simulator.engine.facts import (
    Closed,
    Deposited,
    Fact,
    Filled,
    ListDone,
    ListOpened,
    Opened,
    Triggered,
    from_plain,
    to_plain,
)
from cq_tui.simulator.engine.orders import ZERO, Balance, Order, OrderList, Trade
from cq_tui.simulator.market.symbols import split_symbol

#: Closed orders and trades that can still be asked for; compaction of the ledger forgets older ones.
ORDERS_KEPT = 2_000
TRADES_KEPT = 5_000
#: Entries in one part of a snapshot: no line of the ledger grows without bound.
PART_SIZE = 200


class ExchangeState:
    """Everything the ledger remembers. ``assets`` gives base and quote asset of each symbol."""

    def __init__(self, assets: dict[str, tuple[str, str]]) -> None:
        self._assets = assets
        self.balances: dict[str, Balance] = defaultdict(Balance)
        self.orders: dict[tuple[str, int], Order] = {}
        self.open_orders: dict[tuple[str, int], Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.fill_counts: dict[str, int] = defaultdict(int)
        self.last_order_ids: dict[str, int] = defaultdict(int)
        self.last_list_id = -1
        self.execution_id = 0
        self.update_time = 0

    def fresh(self) -> "ExchangeState":
        """Return an empty state for the same symbols."""
        return ExchangeState(self._assets)

    def split(self, symbol: str) -> tuple[str, str]:
        """Return base and quote asset, also of a symbol that was traded once and is no longer offered."""
        return self._assets.get(symbol) or split_symbol(symbol)

    def open_of(self, symbol: str) -> list[Order]:
        """Return the symbol's open orders, oldest first."""
        return [order for (name, _), order in self.open_orders.items() if name == symbol]

    def open_lists_of(self, symbol: str) -> list[OrderList]:
        """Return the symbol's open order lists."""
        return [entry for entry in self.lists.values() if entry.symbol == symbol and not entry.done]

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Return an order by id, else by client order id: an open one first, else the newest."""
        if order_id is not None:
            return self.orders.get((symbol, order_id))
        matches = [
            order
            for (name, _), order in self.orders.items()
            if name == symbol and order.client_order_id == client_order_id
        ]
        return max(matches, key=lambda order: (order.is_open, order.order_id), default=None)

    def spending_asset(self, order: Order) -> str:
        """Return the asset that an order pays with."""
        base, quote = self.split(order.symbol)
        return quote if order.side == "BUY" else base

    def apply(self, fact: Fact) -> None:
        """Change the state as the fact says. Facts are true: nothing is checked here."""
        self.execution_id += 1
        match fact:
            case Deposited():
                self.balances[fact.asset].free += fact.quantity
                self.update_time = fact.time
            case Opened():
                self._open(copy(fact.order))
            case Triggered():
                order = self.orders[fact.symbol, fact.order_id]
                order.working_time = order.update_time = self.update_time = fact.time
                self._lock(order, fact.lock)
            case Filled():
                self._fill(fact.trade)
            case Closed():
                order = self.orders[fact.symbol, fact.order_id]
                order.status, order.expiry_reason = fact.status, fact.reason
                order.update_time = self.update_time = fact.time
                self._retire(order)
            case ListOpened():
                self.lists[fact.list_id] = OrderList(
                    fact.list_id, fact.client_id, fact.symbol, list(fact.order_ids), fact.time
                )
                self.last_list_id = max(self.last_list_id, fact.list_id)
            case ListDone():
                self.lists[fact.list_id].done = True

    def _open(self, order: Order) -> None:
        amount, order.locked = order.locked, ZERO
        key = order.symbol, order.order_id
        self.orders[key] = self.open_orders[key] = order
        self.last_order_ids[order.symbol] = max(self.last_order_ids[order.symbol], order.order_id)
        self.update_time = order.time
        self._lock(order, amount)

    def _lock(self, order: Order, amount: Decimal) -> None:
        """Make ``amount`` the order's locked amount; the difference comes from, or goes to, what is free."""
        balance = self.balances[self.spending_asset(order)]
        change = amount - order.locked
        balance.free -= change
        balance.locked += change
        order.locked = amount

    def _fill(self, trade: Trade) -> None:
        order = self.orders[trade.symbol, trade.order_id]
        base, quote = self.split(trade.symbol)
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
        order.update_time = self.update_time = trade.time
        order.status = "FILLED" if order.executed >= order.quantity else "PARTIALLY_FILLED"
        if order.status == "FILLED":
            self._retire(order)
        elif order.locked and order.price:
            # A better price than the limit leaves something over.
            self._lock(order, order.remaining * (order.price if trade.is_buyer else 1))
        self.trades.append(trade)
        self.fill_counts[trade.symbol] += 1

    def _retire(self, order: Order) -> None:
        self._lock(order, ZERO)
        self.open_orders.pop((order.symbol, order.order_id), None)

    def snapshot(self) -> list[dict[str, object]]:
        """Return the whole state as JSON parts, without what is too old to be asked for; ``restore`` reads each."""
        closed = [order for key, order in self.orders.items() if key not in self.open_orders]
        kept = sorted(closed, key=lambda order: order.update_time)[-ORDERS_KEPT:]
        # An order list is shown with all its orders, so they stay or go together.
        listed = {(e.symbol, number) for e in self.lists.values() if not e.done for number in e.order_ids}
        ids = {(order.symbol, order.order_id) for order in kept} | set(self.open_orders) | listed
        lists = [e for e in self.lists.values() if all((e.symbol, number) in ids for number in e.order_ids)]
        head: dict[str, object] = {
            "balances": {asset: to_plain(balance) for asset, balance in self.balances.items()},
            "fill_counts": dict(self.fill_counts),
            "last_order_ids": dict(self.last_order_ids),
            "last_list_id": self.last_list_id,
            "execution_id": self.execution_id,
            "update_time": self.update_time,
        }
        orders = [to_plain(order) for key, order in self.orders.items() if key in ids]
        trades = [to_plain(trade) for trade in self.trades]
        return [
            head,
            *_parts("orders", orders),
            *_parts("lists", [to_plain(entry) for entry in lists]),
            *_parts("trades", trades),
        ]

    def restore(self, raw: dict[str, Any]) -> None:
        """Take over one part of a snapshot. Raises FactError, KeyError or TypeError when it is none."""
        if "balances" in raw:
            self.balances |= {asset: from_plain(Balance, entry) for asset, entry in raw["balances"].items()}
            self.fill_counts |= raw["fill_counts"]
            self.last_order_ids |= raw["last_order_ids"]
            self.last_list_id = raw["last_list_id"]
            self.execution_id = raw["execution_id"]
            self.update_time = raw["update_time"]
        for entry in raw.get("orders", ()):
            order = from_plain(Order, entry)
            self.orders[order.symbol, order.order_id] = order
            if order.is_open:
                self.open_orders[order.symbol, order.order_id] = order
        self.lists |= {entry["list_id"]: from_plain(OrderList, entry) for entry in raw.get("lists", ())}
        self.trades.extend(from_plain(Trade, entry) for entry in raw.get("trades", ()))


def _parts(name: str, entries: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: entries[i : i + PART_SIZE]} for i in range(0, len(entries), PART_SIZE)]

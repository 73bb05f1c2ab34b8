"""Reconciliation of orders and balances with the exchange, including orders unknown to the book."""

from dataclasses import replace
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import CancelRejected
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import AccountInfo, Order
from cq_tui.services.trader.orders import Orders
from cq_tui.services.trader.stray import may_still_arrive
from cq_tui.trading.client_order_id import parse_client_order_id
from cq_tui.trading.lifecycle import OrderStatus, mark_unknown

ZERO = Decimal(0)


class Agreement:
    """Reconciles the trader's book with the exchange."""

    def __init__(self, rest: SpotRest, orders: Orders, log: FilteringBoundLogger) -> None:
        self._rest = rest
        self._orders = orders
        self._book = orders.book
        self._log = log
        #: Our protective orders on the exchange that are not in the book: client order id to symbol.
        self.orphans: dict[str, str] = {}
        #: By symbol: position and balance that disagreed in the last reconciliation.
        self._misfits: dict[str, tuple[Decimal, Decimal]] = {}

    @property
    def in_doubt(self) -> bool:
        """Whether to reconcile again soon."""
        return bool(self._misfits) or self._orders.in_doubt

    async def reconcile(self, now: float) -> AccountInfo:
        """Reconcile and return the account. Raises BinanceError; no position is opened until it succeeds."""
        for order in list(self._book.open_orders()):
            known = self._book.orders[order.client_order_id]
            if known.status in (OrderStatus.INTENDED, OrderStatus.SENT):
                # An earlier process stored it; it is unknown whether it was sent.
                known = mark_unknown(known, "the trader stopped before the outcome was known", now)
                self._book.orders[order.client_order_id] = known
            await self._orders.query(known, now)
        await self._orders.resolve(now)
        for order in may_still_arrive(self._book.orders.values(), now):
            await self._orders.query(order, now)
        await self._find_orphans(now)
        # Last, so that balances are no older than the fills just booked.
        account = await self._rest.account()
        self._compare_holdings(account, now)
        self._orders.in_doubt = False
        self._orders.remember()
        return account

    async def _find_orphans(self, now: float) -> None:
        """Cancel orders that the book considers ended, and our unknown entries; report unknown protective orders."""
        found: dict[str, str] = {}
        for order in await self._rest.open_orders():
            known = self._book.orders.get(order.client_order_id)
            if not _is_ours(order.client_order_id) or (known is not None and not known.status.is_terminal):
                continue
            if order.side == "BUY" or known is not None:
                await self._cancel(order)
                continue
            found[order.client_order_id] = order.symbol
            if order.client_order_id not in self.orphans:
                self._orders.quarantine(
                    order.symbol, "an unknown order of ours is open at the exchange; cancel it by hand", now
                )
        self.orphans = found

    async def _cancel(self, order: Order) -> None:
        self._log.warning("orphaned order", symbol=order.symbol, order=order.client_order_id)
        try:
            await self._rest.cancel_order(order.symbol, order.client_order_id)
        except CancelRejected:
            self._log.info("orphaned order already gone", order=order.client_order_id)

    def _compare_holdings(self, account: AccountInfo, now: float) -> None:
        """Reduce positions to what the account holds: the rest was sold or withdrawn elsewhere.

        Only if seen twice in a row: a fill between two requests looks the same.
        """
        before, self._misfits = self._misfits, {}
        for symbol, position in list(self._book.positions.items()):
            held = account.balances.get(position.base_asset)
            total = held.total if held is not None else ZERO
            if total >= position.quantity:
                continue
            if before.get(symbol) != (position.quantity, total):
                self._misfits[symbol] = position.quantity, total
                continue
            reason = f"the position is {position.quantity:f} {position.base_asset}, the account holds {total:f}"
            self._log.error("position larger than the balance", symbol=symbol, problem=reason)
            self._orders.quarantine(symbol, reason, now)
            if total <= 0:
                del self._book.positions[symbol]
            else:
                cost = position.cost * total / position.quantity
                self._book.positions[symbol] = replace(position, quantity=total, cost=cost)


def _is_ours(client_order_id: str) -> bool:
    """Whether this session gave an order its id; one that names an owner is another session's."""
    parts = parse_client_order_id(client_order_id)
    return parts is not None and parts.owner is None

"""Execution at one exchange: entries, orders, protection, reconciliation and balances."""

import time
from decimal import Decimal

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.rest import SpotRest
from cq_tui.binance.types import Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.services.runtime import elapsed_ms
from cq_tui.services.trader.agreement import Agreement
from cq_tui.services.trader.book import Book
from cq_tui.services.trader.chronicle import Chronicle
from cq_tui.services.trader.exits import Exits
from cq_tui.services.trader.orders import Orders, Save
from cq_tui.store.journal import JournalError
from cq_tui.trading.client_order_id import Leg, first_version_id
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.lifecycle import OrderRecord, mark_rejected
from cq_tui.trading.portfolio import equity
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntrySize


class Desk:
    """Orders and positions of a book at one exchange. ``save`` stores the book durably or raises OSError."""

    def __init__(self, rest: SpotRest, book: Book, chronicle: Chronicle, save: Save, log: FilteringBoundLogger) -> None:
        self.book = book
        self.orders = Orders(rest, book, chronicle, save, log)
        self.exits = Exits(rest, self.orders, log)
        self.agreement = Agreement(rest, self.orders, log)
        self.balances: dict[str, Balance] = {}
        #: Time of the balances, by the exchange's clock (Unix ms).
        self.balances_ms = 0
        #: The exchange's update time of the balances (Unix ms).
        self._account_changed = 0
        self._worth = Decimal(0)
        self.commission = Decimal("0.001")
        self.reconciled = False

    async def reconcile(self, now: float) -> None:
        """Reconcile orders and balances. Raises BinanceError; no position is opened until it succeeds."""
        account = await self.agreement.reconcile(now)
        self.balances, self.balances_ms = dict(account.balances), int(now * 1000)
        self._account_changed = account.update_time
        self.commission = account.taker_commission
        self.reconciled = True

    def take_balances(self, told: AccountPosition) -> None:
        """Apply balances from the stream, unless older: a connection being replaced may deliver late."""
        if told.update_time < self._account_changed:
            return
        self.balances.update((balance.asset, balance) for balance in told.balances)
        self._account_changed = told.update_time
        self.balances_ms = max(self.balances_ms, told.update_time)

    async def enter(self, signal: TradeSignal, size: EntrySize, now: float) -> Denial | None:
        """Buy, or return a denial if the intent cannot be stored: no new risk without a record."""
        order = OrderRecord(
            client_order_id=first_version_id(signal.key, Leg.ENTRY),
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
        began = time.perf_counter()
        try:
            self.orders.save()
            self.orders.chronicle.submitted(order, durable=True)
        except (OSError, JournalError) as error:
            self.book.orders[order.client_order_id] = mark_rejected(order, str(error), now)
            return Denial(DenialReason.MEMORY_UNHEALTHY, str(error))
        self.orders.chronicle.trace("intent synced", signal.key, took_ms=elapsed_ms(began))
        self.book.last_entry[signal.symbol] = now
        self.book.quarantine.record_entry(signal.symbol, now)
        await self.orders.place([order], self.orders.market(order))
        return None

    def worth(self, quote_total: Decimal, prices: dict[str, Decimal]) -> Decimal:
        """Return the equity: quote asset and positions at their last price.

        Balances arrive a moment after a fill. Until then the two do not match, and the last equity is returned.
        """
        if self.orders.last_fill_ms <= self.balances_ms or not self._worth:
            self._worth = equity(quote_total, self.book.positions, prices)
        return self._worth

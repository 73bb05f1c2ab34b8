"""The context of one command or tick: applies ledger events and collects reports."""

from collections import deque
from dataclasses import replace
from decimal import Decimal

from cq_tui.simulator.engine.engine_view import EngineView
from cq_tui.simulator.engine.ledger_events import Closed, LedgerEvent, ListDone, Locked
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, EngineOrderList, PreventedMatch, Trade
from cq_tui.simulator.engine.outcome import FirstFill, OrderListReport, OrderReport, Outcome


class CommandContext:
    """Engine, state and time of one command, and its outcome so far."""

    def __init__(self, engine: EngineView, now: int) -> None:
        self.engine = engine
        self.state = engine.state
        self.now = now
        self.outcome = Outcome()
        #: Lists whose working order filled; their pending orders are entered once the current order is done.
        self.filled_lists: deque[EngineOrderList] = deque()

    def apply(self, event: LedgerEvent) -> None:
        """Apply an event to the state and queue it for the ledger."""
        self.outcome.ledger_events.append(event)
        self.state.apply(event)

    # Reports

    def report(
        self,
        order: EngineOrder,
        execution_type: str,
        *,
        trade: Trade | None = None,
        cancel_id: str = "",
        original_client_id: str = "",
        prevented: PreventedMatch | None = None,
        unexecuted: Decimal = ZERO,
        execution_id: int | None = None,
    ) -> None:
        """Report what the latest event (or that of ``execution_id``) did to an order."""
        number = self.state.execution_id if execution_id is None else execution_id
        report = OrderReport(
            order.copy(), execution_type, number, self.now, trade, cancel_id, original_client_id, prevented, unexecuted
        )
        self.outcome.assets.update(self.state.assets_of(order.symbol))
        self.outcome.reports.append(report)
        self.outcome.user_events.append(report)

    def report_list(self, order_list: EngineOrderList, status_type: str, status: str) -> None:
        """Report what happened to an order list."""
        self.outcome.user_events.append(OrderListReport(replace(order_list), status_type, status, self.now))

    def record_first_fill(self, order: EngineOrder, *, is_maker: bool) -> None:
        """Record that an order has its first fill and no longer counts as unfilled."""
        self.outcome.first_fills.append(FirstFill(order.symbol, order.order_id, is_maker))

    # Orders and lists

    def close_order(self, order: EngineOrder, status: str, reason: str = "", cancel_id: str = "") -> None:
        """Close an order without further fills."""
        self.apply(Closed(order.symbol, order.order_id, status, reason, self.now))
        self.report(order, status, cancel_id=cancel_id)

    def set_lock(self, order: EngineOrder, amount: Decimal) -> None:
        """Change the amount that an order locks."""
        if order.locked != amount:
            self.apply(Locked(order.symbol, order.order_id, amount))

    def close_list_if_done(self, order_list: EngineOrderList) -> None:
        """Close a list once none of its orders is open."""
        if not order_list.done and not any(order.is_open for order in self.state.orders_of(order_list)):
            self.apply(ListDone(order_list.list_id, self.now))
            self.report_list(order_list, "ALL_DONE", "ALL_DONE")

    def free_balance(self, order: EngineOrder) -> Decimal:
        """Return the free balance of the asset that an order spends."""
        balance = self.state.balances.get(self.state.spending_asset(order))
        return balance.free if balance else ZERO


def required_lock(order: EngineOrder, last_price: Decimal) -> Decimal:
    """Return the amount an order must lock: base to sell, or quote to spend.

    A stop order without a limit price is valued at its stop price, a trailing order with neither at the last price.
    """
    if order.side == "SELL":
        return order.remaining
    return order.remaining * (order.price or order.stop_price or last_price)

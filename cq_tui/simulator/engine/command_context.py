"""One command, or one tick, being carried out: applies facts and collects what is to be told."""

from collections import deque
from decimal import Decimal

from cq_tui.simulator.engine.engine_view import EngineView
from cq_tui.simulator.engine.ledger_events import Closed, LedgerEvent, ListDone, Locked
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, EngineOrderList, PreventedMatch, Trade
from cq_tui.simulator.engine.outcome import FirstFill, OrderListReport, OrderReport, Outcome


class CommandContext:
    """State, venue and time of one command, and the outcome so far."""

    def __init__(self, venue: EngineView, now: int) -> None:
        self.engine = venue
        self.state = venue.state
        self.now = now
        self.outcome = Outcome()
        #: Lists whose working order has filled: their pending orders are entered when the order at hand is through.
        self.filled_lists: deque[EngineOrderList] = deque()

    def apply(self, event: LedgerEvent) -> None:
        """Change the state, and note the fact for the ledger."""
        self.outcome.ledger_events.append(event)
        self.state.apply(event)

    # Reports

    def report(
        self,
        order: EngineOrder,
        execution: str,
        *,
        trade: Trade | None = None,
        cancel_id: str = "",
        original_client_id: str = "",
        prevented: PreventedMatch | None = None,
        unexecuted: Decimal = ZERO,
        execution_id: int | None = None,
    ) -> None:
        """Tell the user what the newest fact (or the one of ``execution_id``) did to an order."""
        number = self.state.execution_id if execution_id is None else execution_id
        report = OrderReport(
            order.copy(), execution, number, self.now, trade, cancel_id, original_client_id, prevented, unexecuted
        )
        self.outcome.assets.update(self.state.assets_of(order.symbol))
        self.outcome.reports.append(report)
        self.outcome.user_events.append(report)

    def report_list(self, order_list: EngineOrderList, status_type: str, status: str) -> None:
        """Tell the user what happened to an order list."""
        copied = EngineOrderList(
            order_list.list_id,
            order_list.client_id,
            order_list.symbol,
            order_list.order_ids,
            order_list.time,
            order_list.done,
            order_list.kind,
        )
        report = OrderListReport(copied, status_type, status, self.now)
        self.outcome.list_reports.append(report)
        self.outcome.user_events.append(report)

    def record_first_fill(self, order: EngineOrder, *, is_maker: bool) -> None:
        """Note that an order is no longer an unfilled one."""
        self.outcome.first_fills.append(FirstFill(order.symbol, order.order_id, is_maker))

    # What ends or changes an order

    def close_order(self, order: EngineOrder, status: str, reason: str = "", cancel_id: str = "") -> None:
        """End an order without (further) fills."""
        self.apply(Closed(order.symbol, order.order_id, status, reason, self.now))
        self.report(order, status, cancel_id=cancel_id)

    def set_lock(self, order: EngineOrder, amount: Decimal) -> None:
        """Have an order lock another amount."""
        if order.locked != amount:
            self.apply(Locked(order.symbol, order.order_id, amount))

    def close_list_if_done(self, order_list: EngineOrderList) -> None:
        """Note the end of a list none of whose orders is open any more."""
        if not order_list.done and not any(order.is_open for order in self.state.orders_of(order_list)):
            self.apply(ListDone(order_list.list_id, self.now))
            self.report_list(order_list, "ALL_DONE", "ALL_DONE")

    def free_balance(self, order: EngineOrder) -> Decimal:
        """Return what is free of the asset that an order pays with."""
        balance = self.state.balances.get(self.state.spending_asset(order))
        return balance.free if balance else ZERO


def required_lock(order: EngineOrder, last_price: Decimal) -> Decimal:
    """Return what the order has to lock: the base it sells, or the quote it may spend.

    A stop order without a limit is valued at its stop price, one that trails without either at the last price.
    """
    if order.side == "SELL":
        return order.remaining
    return order.remaining * (order.price or order.stop_price or last_price)

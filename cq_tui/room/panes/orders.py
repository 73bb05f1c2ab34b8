"""Pane 4: the trader's orders, newest first; each entry with the orders that protect or close it."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.formatting import (
    MINUS,
    NO_VALUE,
    StatusLevel,
    format_clock,
    format_price,
    format_quantity,
    format_signed,
    pluralize,
    sanitize,
)
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine
from cq_tui.trading.order_life import OrderStatus

if TYPE_CHECKING:
    from cq_tui.room.trades import OrderRow

_COLUMNS = (
    Column("time", 8),
    Column("symbol", 10),
    Column("side", 4),
    Column("size", 9, align_right=True),
    Column("price", 11, align_right=True),
    Column("status", 10, grows=True),
    Column("PnL", 8, align_right=True, drop_rank=1),
)
#: Where the trader's word for a state is not what a person calls it.
_STATUS_LABELS = {OrderStatus.NEW: "working", OrderStatus.PARTIALLY_FILLED: "partial"}


class OrdersPane(Pane):
    """The orders and rejections from events and the account file."""

    number = 4
    label = "orders"
    service = "trader"
    subject = "order"
    has_ages = False
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.ACCOUNT, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._branches: dict[str, str] = {}
        self._orders: dict[str, OrderRow] = {}
        return LineTable(_COLUMNS, self._draw)

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of orders if any may have changed."""
        if not changes.topics & {Topic.EVENTS, Topic.ACCOUNT} and self.table.rows:
            return
        keys: list[LineKey] = []
        self._orders = dict(self.state.trades.orders)
        self._branches.clear()
        for group in self.state.trades.order_groups():
            for position, order in enumerate(group):
                keys.append(LineKey(order.key))
                if position:
                    self._branches[order.key] = "└ " if order is group[-1] else "├ "
                has_ended_otherwise = order.life is not None and order.life.is_terminal and not order.life.is_filled
                if order.reason and has_ended_otherwise and not order.ended_by_oco:
                    keys.append(LineKey(order.key, 1))
        texts = self._filter_texts() if self.filter_text else None
        self.table.set_lines(self.apply_filter(keys, texts), empty=self.empty_text())
        self.table.invalidate_all()

    def summary(self) -> tuple[str, StatusLevel]:
        """Count orders, fills and positions."""
        problem = self.state.file_problems.get("account")
        if problem:
            return sanitize(problem, 90), "bad"
        trader = self.state.trader
        if trader is None:
            return "no report yet", "idle"
        held = f" · {pluralize(trader.active_positions, 'position')}" if trader.active_positions else ""
        return f"trader · {trader.orders_count:,} sent · {pluralize(trader.fills_count, 'fill')}{held}", "good"

    def empty_text(self) -> str:
        """Return what the first order waits for."""
        if self.filter_text and self.state.trades.orders:
            return "No order matches the filter."
        verdict = self.state.verdict("trader", self.now)
        if verdict.word == "blocked":
            return f"No order yet. The trader is blocked: {sanitize(verdict.reason)}"
        return "Waiting for a signal that passes the guardrails. The order follows within a second."

    def _filter_texts(self) -> dict[str, str]:
        return {
            key: f"{order.symbol} {order.side} {order.leg} {order.status} {order.reason} {order.code}"
            for key, order in self._orders.items()
        }

    def _draw(self, key: LineKey) -> LineContent:
        order = self._orders[key.row]
        branch = self._branches.get(key.row)
        if key.line:
            code = f"{order.code.replace('-', MINUS)}: " if order.code and order.refused_by != "guardrail" else ""
            return SubLine(
                sanitize(code + order.reason),
                "muted" if order.life is not None and order.life.is_canceled else "look",
                12 if branch else 10,
            )
        ticker = self.state.tickers.get(order.symbol)
        shown_price = order.stop_price if branch and order.stop_price and not order.filled else order.price
        return (
            Cell(format_clock(order.timestamp), "muted"),
            Cell(
                f"{branch}{sanitize(order.leg, 10)}" if branch else sanitize(order.symbol, 40),
                "muted" if branch else "strong",
            ),
            Cell(sanitize(order.side, 8), "muted" if branch else "good" if order.side == "BUY" else "bad"),
            Cell(format_quantity(order.size) if order.size is not None else NO_VALUE, "muted" if branch else ""),
            Cell(format_price(shown_price, ticker.decimals if ticker else None)),
            Cell(self._status_text(order), order.level if order.level != "idle" else ""),
            self._profit_cell(order),
        )

    def _status_text(self, order: "OrderRow") -> str:
        if order.ended_by_oco:
            return "not needed"
        life = order.life
        if life is None:
            return sanitize(order.status.lower(), 12)
        if life.is_partly_filled and order.size:
            return f"partial {order.filled / order.size:.0%}"
        return _STATUS_LABELS.get(life, life.value)

    def _profit_cell(self, order: "OrderRow") -> Cell:
        if order.pnl is None:
            return Cell("")
        return Cell(format_signed(order.pnl), "good" if order.pnl > 0 else "bad" if order.pnl < 0 else "muted")

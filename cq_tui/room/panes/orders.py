"""Pane 4: the trader's orders, newest first; each entry with the orders that protect or close it."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import (
    GLYPHS,
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
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable
from cq_tui.trading.order_life import OrderStatus

if TYPE_CHECKING:
    from cq_tui.room.trades import OrderRow

_COLUMNS = (
    Column("time", 8),
    Column("symbol", 9),
    Column("what", 6),
    Column("size", 9, align_right=True, drop_rank=2),
    Column("price", 10, align_right=True),
    Column("state", 19, grows=True),
    Column("profit", 8, align_right=True, drop_rank=1),
)
_STATE = 5
_WHATS = {"BUY": "▲ buy", "SELL": "▼ sell"}
#: Where the trader's word for a state is not what a person calls it.
_STATUS_LABELS = {OrderStatus.NEW: "works", OrderStatus.PARTIALLY_FILLED: "partial"}


class OrdersPane(Pane):
    """The orders and rejections from events and the account file."""

    number = 4
    label = "orders"
    service = "trader"
    subject = "order"
    has_ages = False
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.ACCOUNT, Topic.SERVICES})
    key_ids: ClassVar[tuple[str, ...]] = ("room.close", "room.copy_id")
    extra_names: ClassVar[tuple[str, ...]] = ("side", "leg", "status", "reason", "id")

    def make_table(self) -> LineTable:
        """Return the table."""
        self._branches: dict[str, str] = {}
        self._heads: dict[str, str] = {}
        self._orders: dict[str, OrderRow] = {}
        self._day = Static(classes="metrics", markup=False)
        self._day_text = ""
        return LineTable(_COLUMNS, self._draw)

    def compose(self) -> ComposeResult:
        """Yield summary, table and the sums of the day."""
        yield from super().compose()
        yield self._day

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of orders if any may have changed."""
        if not changes.topics & {Topic.EVENTS, Topic.ACCOUNT, Topic.FOCUS} and self.table.rows:
            return
        keys: list[LineKey] = []
        self._orders = dict(self.state.trades.orders)
        self._branches.clear()
        self._heads.clear()
        for group in self.state.trades.order_groups():
            for position, order in enumerate(group):
                self._heads[order.key] = group[0].key
                keys.append(LineKey(order.key))
                if position:
                    self._branches[order.key] = "└ " if order is group[-1] else "├ "
        self.table.set_lines(self.apply_filter(keys), empty=self.no_rows_text())
        self.table.invalidate_all()
        self._update_day()

    def symbol_of(self, row: str) -> str | None:
        """Return the symbol of an order."""
        order = self._orders.get(row)
        return order.symbol if order else None

    def extra_values(self, row: str) -> dict[str, str]:
        """Return side, leg, status and reason in full, and the ids."""
        order = self._orders[row]
        return {
            "symbol": order.symbol, "side": order.side, "leg": order.leg or "entry", "status": order.status,
            "reason": f"{order.code} {order.reason}", "id": f"{order.key} {order.order_id or ''}",
        }  # fmt: skip

    def group_of(self, row: str) -> str:
        """Return the entry that an order protects or closes."""
        return self._heads.get(row, row)

    def _update_day(self) -> None:
        from cq_tui.room.trade_sums import day_begin, sum_trades

        trades, account = self.state.trades, self.state.account
        midnight, known = day_begin(self.now), self.state.known_since
        begin = "today" if known <= midnight else f"since {format_clock(known)}"
        wanted = {signal.natural_key: signal.entry for signal in trades.signals.values() if signal.entry}
        quote = account.quote_asset if account else "USDT"
        text = f"{begin} {sum_trades(trades.order_groups(), max(midnight, known), quote, wanted).describe()}"
        if text != self._day_text:
            self._day_text = text
            self._day.update(Content.styled(text, "$muted"), layout=False)

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

    def _draw(self, key: LineKey) -> LineContent:
        order = self._orders[key.row]
        branch = self._branches.get(key.row)
        ticker = self.state.tickers.get(order.symbol)
        shown_price = order.stop_price if branch and order.stop_price and not order.filled else order.price
        state, style = self._state_text(order)
        return (
            Cell(format_clock(order.timestamp) if not branch else "", "muted"),
            Cell(
                f"{branch}{sanitize(order.leg, 10)}" if branch else sanitize(order.symbol, 40),
                "muted" if branch else "strong",
            ),
            Cell(_WHATS.get(order.side, sanitize(order.side, 8)), "muted" if branch else ""),
            Cell(format_quantity(order.size) if order.size is not None else NO_VALUE, "muted" if branch else ""),
            Cell(format_price(shown_price, ticker.decimals if ticker else None)),
            Cell(state, style),
            self._profit_cell(order),
        )

    def _state_text(self, order: "OrderRow") -> tuple[str, str]:
        """Return the state in short words, and its style: what was filled is normal, and no good news by itself."""
        life = order.life
        if order.ended_by_oco:
            return "not needed", "muted"
        if life is None:
            return sanitize(order.status.lower(), 12), ""
        if life.is_rejected:
            from cq_tui.ops.denial_words import exchange_code, known_denial, short_refusal

            glyph = GLYPHS["look" if order.refused_by == "guardrail" else "bad"]
            words = short_refusal(order.code, order.reason)
            code = "" if known_denial(order.code) or not order.code else f" ({exchange_code(order.code)})"
            words += code if len(words) + len(code) + 2 <= self.table.column_width(_STATE) else ""
            return f"{glyph} {words}", order.level
        if life.is_partly_filled and order.size:
            return f"partial {order.filled / order.size:.0%}", ""
        words = _STATUS_LABELS.get(life, life.value)
        if life.is_terminal and not life.is_filled and order.reason:
            words = f"{words}: {sanitize(order.reason)}"
        return words, order.level if order.level in ("look", "bad") else "muted" if life.is_canceled else ""

    def _profit_cell(self, order: "OrderRow") -> Cell:
        if order.pnl is None:
            return Cell("")
        return Cell(format_signed(order.pnl), "good" if order.pnl > 0 else "bad" if order.pnl < 0 else "muted")

"""Positions and the equity curve, in wide terminals."""

import time
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import (
    NO_VALUE,
    format_number,
    format_price,
    format_quantity,
    format_signed,
    sanitize,
    sparkline,
)
from cq_tui.ops.protection import describe_protection
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

_COLUMNS = (
    Column("symbol", 10),
    Column("size", 9, align_right=True),
    Column("entry", 10, align_right=True),
    Column("last", 10, align_right=True),
    Column("PnL", 8, align_right=True),
)


class PositionsPane(Vertical):
    """Open positions with their protection, and the equity since this room was opened."""

    state: "RoomState"

    def __init__(self) -> None:
        super().__init__(id="positions")
        self._table = LineTable(_COLUMNS, self._draw)
        self._table.can_focus = False
        self._curve = Static(classes="metrics", markup=False)
        self._curve_text = ""

    def compose(self) -> ComposeResult:
        """Yield curve and table."""
        yield self._curve
        yield self._table

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state

    def update_positions(self) -> None:
        """Show the current account."""
        if not self.display:
            return
        account = self.state.account
        positions = account.positions if account else {}
        doubts = len(account.doubts or ()) if account else 0
        in_doubt = f" · {doubts} in doubt" if doubts else ""
        self.border_title = Content.assemble(("positions", "bold"), f" · {len(positions)}", (in_doubt, "$warning"))
        empty = "No open positions." if account else "Waiting for state/account.json. The trader writes it on start."
        self._table.set_lines([LineKey(symbol, line) for symbol in positions for line in (0, 1)], empty=empty)
        self._table.invalidate_all()
        self._update_curve()

    def _update_curve(self) -> None:
        points = [equity for _, equity in self.state.equity_curve]
        account = self.state.account
        text = f"equity {sparkline(points[-40:])}" if len(points) > 1 else ""
        if account is not None:
            text += (
                f"  realized {format_signed(account.realized_pnl)}  free {format_number(account.available_balance, 2)}"
            )
        if text != self._curve_text:
            self._curve_text = text
            self._curve.update(Content.styled(text.strip(), "$muted"))

    def _draw(self, key: LineKey) -> LineContent:
        account = self.state.account
        position = account.positions.get(key.row) if account else None
        if position is None:
            return SubLine("")
        ticker = self.state.tickers.get(key.row)
        decimals = ticker.decimals if ticker else None
        if key.line:
            stop, target = (format_price(level, decimals) for level in (position.stop_loss, position.take_profit))
            protection, level = describe_protection(position, self.state.exchange_now(time.time()))
            return SubLine(f"stop {stop}  target {target}  {protection}", "muted" if level == "idle" else level)
        profit = position.unrealized_at(ticker.bid if ticker else 0.0)
        return (
            Cell(sanitize(position.symbol, 40), "strong"),
            Cell(format_quantity(position.size)),
            Cell(format_price(position.entry_price, decimals)),
            Cell(format_price(ticker.price, decimals) if ticker else NO_VALUE),
            Cell(format_signed(profit), "good" if profit > 0 else "bad" if profit < 0 else "muted"),
        )

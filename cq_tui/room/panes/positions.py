"""Positions and the equity curve, in wide terminals."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.words import NOTHING, clean, number, plural, price, quantity, signed, spark
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable, Under

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

_COLUMNS = (
    Column("symbol", 10),
    Column("size", 9, right=True),
    Column("entry", 10, right=True),
    Column("now", 10, right=True),
    Column("open", 8, right=True),
)


class PositionsPane(Vertical):
    """What is held, how it is protected, and how the equity went since this room was opened."""

    state: "RoomState"

    def __init__(self) -> None:
        super().__init__(id="positions")
        self._table = LineTable(_COLUMNS, self._draw)
        self._table.can_focus = False
        self._curve = Static(classes="facts", markup=False)
        self._said = ""

    def compose(self) -> ComposeResult:
        """The curve over the table."""
        yield self._curve
        yield self._table

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state

    def follow(self) -> None:
        """Show the account as it is now."""
        if not self.display:
            return
        account = self.state.account
        held = account.positions if account else {}
        self.border_title = Content.assemble(("positions", "bold"), f" · {plural(len(held), 'position')}")
        empty = "Nothing is held." if account else "Waits for state/account.json: the trader writes it when it starts."
        self._table.show([LineKey(symbol, line) for symbol in held for line in (0, 1)], empty=empty)
        self._table.mark_all()
        self._tell_curve()

    def _tell_curve(self) -> None:
        points = [equity for _, equity in self.state.equity_curve]
        account = self.state.account
        said = f"equity {spark(points[-40:])}" if len(points) > 1 else ""
        if account is not None:
            said += f"  realised {signed(account.realized_pnl)}  free {number(account.available_balance, 2)}"
        if said != self._said:
            self._said = said
            self._curve.update(Content.styled(said.strip(), "$muted"))

    def _draw(self, key: LineKey) -> Drawn:
        account = self.state.account
        position = account.positions.get(key.row) if account else None
        if position is None:
            return Under("")
        ticker = self.state.tickers.get(key.row)
        decimals = ticker.decimals if ticker else None
        if key.line:
            levels = f"stop {price(position.stop_loss, decimals)}  target {price(position.take_profit, decimals)}"
            protection = clean(position.protection or "not told")
            return Under(f"{levels}  {protection}", "bad" if position.protection == "missing" else "muted")
        profit = (ticker.price - position.entry_price) * position.size if ticker else position.unrealized_pnl
        return (
            Cell(clean(position.symbol, 40), "strong"),
            Cell(quantity(position.size)),
            Cell(price(position.entry_price, decimals)),
            Cell(price(ticker.price, decimals) if ticker else NOTHING),
            Cell(signed(profit), "good" if profit > 0 else "bad" if profit < 0 else "muted"),
        )

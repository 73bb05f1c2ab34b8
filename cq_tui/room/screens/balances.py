"""The account's balances: each asset free, locked, ours, of others, and its worth; updated while open."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import NO_VALUE, format_ago, format_number, format_signed, plain_amount, sanitize
from cq_tui.room.screens.own_screen import OwnModal
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from cq_tui.room.balances import BalanceRow
    from cq_tui.room.state import RoomState

_COLUMNS = (
    Column("asset", 6),
    Column("free", 14, align_right=True),
    Column("locked", 11, align_right=True),
    Column("ours", 13, align_right=True),
    Column("of others", 11, align_right=True, drop_rank=1),
    Column("worth", 10, align_right=True),
)


class BalancesScreen(OwnModal[None]):
    """A table of assets with the sums above it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,m", "close", "close", id="balances.close", tooltip="Back to the room")
    ]

    def __init__(self, state: "RoomState", now: "Callable[[], float]") -> None:
        super().__init__()
        self._state = state
        self._now = now
        self._rows: dict[str, BalanceRow] = {}
        self._sums = Static(id="sums", markup=False)
        self._table = LineTable(_COLUMNS, self._draw)

    def compose(self) -> ComposeResult:
        """Yield sums and table."""
        with Container(id="box") as box:
            box.border_title = Content.assemble(("balances", "bold"))
            box.border_subtitle = Content.assemble(("esc", "$accent"), " back")
            yield self._sums
            yield self._table

    def on_mount(self) -> None:
        """Show the account and refresh it every second."""
        self._table.focus()
        self._refresh()
        self.set_interval(1.0, self._refresh)

    def _refresh(self) -> None:
        from cq_tui.room.balances import balance_rows

        account = self._state.account
        if account is None:
            self._table.set_lines([], empty="Waiting for state/account.json. The trader writes it on start.")
            return
        self._rows = {row.asset: row for row in balance_rows(account, self._state.tickers)}
        quote = sanitize(account.quote_asset, 8)
        paid = account.deposits
        sums = [
            f"equity {format_number(account.equity, 2)} {quote}",
            f"free {format_number(account.available_balance, 2)}",
            f"realized {format_signed(account.realized_pnl)}",
            *([f"open {format_signed(account.unrealized_pnl)}"] if account.unrealized_pnl is not None else []),
            *([f"paid in {format_signed(paid)}"] if paid else []),
            f"as of {format_ago(account.timestamp, self._now())}",
        ]
        self._sums.update(Content.styled(" · ".join(sums), "$muted"))
        self._table.set_lines(map(LineKey, self._rows), empty="The account holds nothing.")
        self._table.invalidate_all()

    def _draw(self, key: LineKey) -> LineContent:
        row = self._rows[key.row]
        return (
            Cell(sanitize(row.asset, 20), "strong"),
            Cell(_plain(row.free)),
            Cell(_plain(row.locked), "" if row.locked else "muted"),
            Cell(_plain(row.ours), "" if row.ours else "muted"),
            Cell(_plain(row.foreign), "" if row.foreign else "muted"),
            Cell(NO_VALUE if row.worth is None else format_number(row.worth, 2)),
        )

    def action_close(self) -> None:
        """Close the balances."""
        self.close()


def _plain(amount: "Decimal") -> str:
    return plain_amount(f"{amount:f}") if amount else NO_VALUE

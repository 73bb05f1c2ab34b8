"""Pane 7: open positions, each with profit, stop and target on a scale, and the equity since the room was opened."""

import time
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import (
    NO_VALUE,
    StatusLevel,
    format_percent,
    format_price,
    format_quantity,
    format_signed,
    sanitize,
    sparkline,
)
from cq_tui.ops.protection import describe_protection
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from cq_tui.contracts.account import PositionState

_COLUMNS = (
    Column("symbol", 10),
    Column("size", 9, align_right=True, drop_rank=2),
    Column("entry", 10, align_right=True, drop_rank=1),
    Column("now", 10, align_right=True, drop_rank=3),
    Column("profit", 8, align_right=True),
    Column("", 8, align_right=True),
)
#: Cells of the scale from stop to target.
_SCALE = 16
#: Blank cells before and around it.
_AROUND_SCALE = 4
#: Points of a curve.
_CURVE = 16
_ON_SCALE, _HERE = "━", "●"


class PositionsPane(Pane):
    """The open positions of ``state/account.json`` at the best bid."""

    number = 7
    label = "positions"
    subject = "symbol"
    key_ids: ClassVar[tuple[str, ...]] = ("room.close",)
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.ACCOUNT, Topic.PRICES, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._curve = Static(classes="metrics", markup=False)
        self._curve_text = ""
        return LineTable(_COLUMNS, self._draw)

    def compose(self) -> ComposeResult:
        """Yield summary, table and equity."""
        yield from super().compose()
        yield self._curve

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed; prices of other symbols change nothing here."""
        if changes.topics == {Topic.PRICES}:
            held = self._positions().keys() & changes.symbols
            if not held:
                return
            self.now = now
            self.table.invalidate_rows(held)
            self.update_title()
            return
        super().apply_changes(changes, now)

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of positions."""
        keys = [LineKey(symbol, line) for symbol in self._positions() for line in (0, 1)]
        self.table.set_lines(self.apply_filter(keys), empty=self.no_rows_text())
        self.table.invalidate_all()
        text = self._curves()
        if text != self._curve_text:
            self._curve_text = text
            self._curve.update(Content.styled(text, "$muted"), layout=False)

    def _curves(self) -> str:
        """Return equity since the room was opened, and realized profit as far as its events reach."""
        from cq_tui.room.trade_sums import realized_curve

        points, parts = [equity for _, equity in self.state.equity_curve], []
        if len(points) > 1:
            peaks = accumulate(points, max)
            worst = min(
                (equity / peak - 1 for equity, peak in zip(points, peaks, strict=True) if peak > 0), default=0.0
            )
            parts.append(f"equity {sparkline(points[-_CURVE:])} worst {format_percent(worst * 100)}")
        realized = realized_curve(self.state.trades.orders.values())
        if len(realized) > 1:
            parts.append(f"realized {sparkline(realized[-_CURVE:])} {format_signed(realized[-1])}")
        return "  ".join(parts)

    def summary(self) -> tuple[str, StatusLevel]:
        """Return how many are open, and their profit together."""
        account = self.state.account
        if account is None:
            return "no report yet", "idle"
        positions = account.positions
        most = self.state.settings.TRADER_MAX_POSITIONS
        profit = f" · {format_signed(sum(map(self._profit, positions.values())))}" if positions else ""
        doubts = f" · {len(account.doubts)} in doubt" if account.doubts else ""
        return f"{len(positions)} of {most}{profit}{doubts}", "look" if account.doubts else "good"

    def empty_text(self) -> str:
        """Return why there is none."""
        if self.state.account is None:
            return "Waiting for state/account.json. The trader writes it on start."
        if self.filter_text and self._positions():
            return "No position matches the filter."
        return "No open positions. A BUY signal that passes the guardrails opens one."

    def _positions(self) -> "dict[str, PositionState]":
        account = self.state.account
        return account.positions if account else {}

    def _profit(self, position: "PositionState") -> float:
        ticker = self.state.tickers.get(position.symbol)
        return position.unrealized_at(ticker.bid if ticker else 0.0)

    def _draw(self, key: LineKey) -> LineContent:
        position = self._positions().get(key.row)
        if position is None:
            return SubLine("")
        ticker = self.state.tickers.get(key.row)
        decimals = ticker.decimals if ticker else None
        if key.line:
            return self._protection(position, ticker.bid if ticker else None)
        profit, cost = self._profit(position), position.cost or position.size * position.entry_price
        level = "good" if profit > 0 else "bad" if profit < 0 else "muted"
        return (
            Cell(sanitize(position.symbol, 40), "strong"),
            Cell(format_quantity(position.size)),
            Cell(format_price(position.entry_price, decimals)),
            Cell(format_price(ticker.price, decimals) if ticker else NO_VALUE),
            Cell(format_signed(profit), level),
            Cell(format_percent(profit / cost * 100) if cost else NO_VALUE, level),
        )

    def _protection(self, position: "PositionState", bid: float | None) -> SubLine:
        """Return how far stop and target are, with where the price is between them; and what is amiss."""
        words, level = describe_protection(position, self.state.exchange_now(time.time()))
        stop, target = position.stop_loss, position.take_profit
        if not bid or not stop or not target or not stop < target:
            ticker = self.state.tickers.get(position.symbol)
            decimals = ticker.decimals if ticker else None
            scale = f"stop {format_price(stop, decimals)}  target {format_price(target, decimals)}"
        else:
            begin, end = f"stop {_distance(stop, bid)}", f"target {_distance(target, bid)}"
            room = self.table.scrollable_content_region.width - len(begin) - len(end) - _AROUND_SCALE
            scale = f"{begin} {draw_scale(stop, target, bid, max(3, min(_SCALE, room)))} {end}"
        return SubLine(f"{scale}  {words}" if level != "idle" else scale, "muted" if level == "idle" else level)


def _distance(level: float, price: float) -> str:
    return format_percent((level / price - 1) * 100)


def draw_scale(stop: float, target: float, price: float, width: int = _SCALE) -> str:
    """Draw where a price is between stop and target; at the end that it has passed."""
    place = round((price - stop) / (target - stop) * (width - 1))
    place = max(0, min(width - 1, place))
    return _ON_SCALE * place + _HERE + _ON_SCALE * (width - 1 - place)

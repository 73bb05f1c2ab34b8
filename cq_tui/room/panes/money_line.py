"""The second line of the room: how the money is doing."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from cq_tui.room.themes import LEVEL_COLORS

if TYPE_CHECKING:
    from cq_tui.ops.money_line import MoneyFigure
    from cq_tui.room.state import RoomState

_GAP = "   "


class MoneyLine(Widget):
    """One line, as many figures as fit."""

    #: Set by ``attach``.
    state: "RoomState"

    def __init__(self) -> None:
        super().__init__()
        self._figures: list[MoneyFigure] | None = None

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state

    def update_money(self, now: float) -> None:
        """Repaint if a figure changed."""
        figures = self._collect(now)
        if figures != self._figures:
            self._figures = figures
            self.refresh()

    def _collect(self, now: float) -> "list[MoneyFigure]":
        from cq_tui.ops.money_line import money_figures
        from cq_tui.room.trade_sums import day_begin, sum_trades

        state, account = self.state, self.state.account
        if account is None:
            return []
        is_current = state.verdict("trader", now).is_current
        old = None if is_current else now - account.timestamp
        midnight, fees = day_begin(now), None
        # A part of the day's commissions would be taken for all of them.
        if state.known_since <= midnight:
            day = sum_trades(state.trades.order_groups(), midnight, account.quote_asset, {})
            fees = day.fees_text if day.entries else None
        most = state.settings.TRADER_MAX_POSITIONS
        return money_figures(account, state.tickers, most, fees=fees, old=old)

    def render(self) -> Content:
        """Return the line."""
        if not self._figures:
            return Content.styled("  Waiting for state/account.json. The trader writes it on start.", "$muted")
        shown = list(self._figures)
        while (line := _line(shown)).cell_length > self.size.width and (most := max(one.rank for one in shown)) > 0:
            shown = [one for one in shown if one.rank != most]
        return line


def _line(figures: "list[MoneyFigure]") -> Content:
    parts: list[tuple[str, str]] = [("  ", "")]
    for number, figure in enumerate(figures):
        if number:
            parts.append((_GAP if figure.name else "  ", ""))
        if figure.name:
            parts.append((f"{figure.name} ", "$muted"))
        color = LEVEL_COLORS[figure.level] if figure.level else ""
        parts.append((figure.text, color or ("bold" if figure.name == "equity" else "")))
    return Content.assemble(*parts)

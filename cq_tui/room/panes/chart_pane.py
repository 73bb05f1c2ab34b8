"""The selected symbol's chart, in wide terminals: recorded klines, signals, fills, stop and target."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import format_clock, format_price, sanitize
from cq_tui.room.chart import Chart, ChartLevel, ChartMarker, draw_chart

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Klines drawn.
_BARS = 240


class ChartPane(Widget):
    """Repaints once a second, or when another symbol is selected."""

    state: "RoomState"

    def __init__(self) -> None:
        super().__init__(id="chart")
        self._symbol: str | None = None
        self._line: list[tuple[float, float]] = []
        self._decimals: int | None = None

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self.state = state

    def show_symbol(self, symbol: str | None) -> None:
        """Show a symbol's recorded klines, up to its latest price."""
        if not self.display or self.size.height < 4:
            return
        ticker = self.state.tickers.get(symbol or "")
        self._decimals = ticker.decimals if ticker else None
        line = self.state.recorded_closes(symbol, _BARS) if symbol else []
        if ticker and line and ticker.timestamp > line[-1][0]:
            line = [*line, (ticker.timestamp, ticker.price)]
        if (symbol, line) == (self._symbol, self._line):
            return
        self._symbol, self._line = symbol, line
        self.border_title = Content.assemble(
            (sanitize(symbol or "", 20), "bold"), f" · {len(line)} klines" if line else ""
        )
        self.refresh()

    def render(self) -> Content:
        """Return the chart with its price and time axes."""
        width, height = self.size
        waiting = Content.styled("Waiting for the selected symbol's klines in market/klines.", "$muted")
        if not self._line:
            return waiting
        axis = max(len(format_price(value, self._decimals)) for _, value in self._line) + 1
        chart = draw_chart(self._line, self._marks(), self._levels(), width - axis, height - 1)
        if chart is None:
            return waiting
        lines = [self._row_content(chart, number, axis) for number in range(len(chart.rows))]
        first, last = format_clock(self._line[0][0]), format_clock(self._line[-1][0])
        lines.append(Content.styled(f"{first}{last:>{max(1, width - axis - len(first))}}", "$muted"))
        return Content("\n").join(lines)

    def _row_content(self, chart: Chart, number: int, axis: int) -> Content:
        edge = {0: chart.high, len(chart.rows) - 1: chart.low}.get(number)
        label = format_price(edge, self._decimals) if edge is not None else ""
        cells = [(glyph.text, glyph.style) for glyph in chart.rows[number]]
        return Content.assemble(*cells, (f"{label:>{axis}}", "$muted"))

    def _marks(self) -> list[ChartMarker]:
        trades = self.state.trades
        signals = [
            ChartMarker(signal.timestamp, signal.entry, "▲" if signal.side == "BUY" else "▼", "$warning")
            for signal in trades.signals.values()
            if signal.symbol == self._symbol and signal.entry is not None
        ]
        fills = [
            ChartMarker(order.timestamp, order.price, "●", "$success" if order.side == "BUY" else "$error")
            for order in trades.orders.values()
            if order.symbol == self._symbol and order.filled and order.price is not None
        ]
        return signals + fills

    def _levels(self) -> list[ChartLevel]:
        account = self.state.account
        position = account.positions.get(self._symbol or "") if account else None
        if position is None:
            return []
        levels = ((position.stop_loss, "$error"), (position.take_profit, "$success"), (position.entry_price, "$muted"))
        return [ChartLevel(value, style) for value, style in levels if value]

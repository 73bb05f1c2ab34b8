"""Pane 8: candles of the symbol in focus, with our signals, fills, entry, stop and target."""

from itertools import zip_longest
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from cq_tui.ops.formatting import StatusLevel, format_signed, sanitize
from cq_tui.room.candles import frame_name, frames_of
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.symbol_chart import SymbolChart
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

#: Bars that a step moves the chart.
_STEP = 10
#: Between two charts.
_BETWEEN = " │ "


class ChartView(Widget, can_focus=True):
    """Paints rows of content; those that changed alone."""

    def __init__(self) -> None:
        super().__init__(id="chart-view")
        self._rows: list[Content] = []
        self._strips: dict[int, Strip] = {}

    def show(self, rows: list[Content]) -> None:
        """Paint these rows, the top one first."""
        before, self._rows = self._rows, rows
        for number in range(max(len(before), len(rows))):
            if before[number : number + 1] != rows[number : number + 1]:
                self._strips.pop(number, None)
                self.refresh(Region(0, number, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Return one row, kept until it changes."""
        if (strip := self._strips.get(y)) is None:
            row = self._rows[y] if y < len(self._rows) else Content("")
            [strip, *_] = Visual.to_strips(self, row, self.size.width, 1, self.visual_style, pad=True)
            self._strips[y] = strip
        return strip

    def notify_style_update(self) -> None:
        """Paint anew in other colors."""
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        """Paint anew in another width."""
        self._strips.clear()


class ChartPane(Pane):
    """Draws once a second, and when another symbol, frame or time is chosen."""

    number = 8
    label = "chart"
    subject = "symbol"
    narrows = False
    key_ids: ClassVar[tuple[str, ...]] = ("room.longer_bars", "room.shorter_bars", "room.earlier", "room.later")
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.TIME, Topic.SETTINGS, Topic.RECORDED})

    def make_table(self) -> LineTable:
        """Return the table, which stays hidden: the pane has a chart instead."""
        self.view = ChartView()
        self._symbol: str | None = None
        #: The length of bars that was chosen, as a place among those offered.
        self._frame: int | None = None
        self._back = 0
        self._charts: dict[str, SymbolChart] = {}
        return LineTable((), self._no_line)

    def compose(self) -> ComposeResult:
        """Yield summary line and chart."""
        yield self._summary_line
        yield self.view

    @property
    def focus_target(self) -> Widget:
        """The widget that takes the keys."""
        return self.view

    @property
    def _interval(self) -> str:
        from cq_tui.contracts.mode import base_interval

        return base_interval(self.state.settings, self.state.mode.mode)

    @property
    def _chosen(self) -> int:
        frames = frames_of(self._interval)
        if self._frame is None:
            # Bars of a second say little: a chart of them begins with five.
            return min(len(frames) - 1, int(frames[0] == 1_000))
        return max(0, min(len(frames) - 1, self._frame))

    @property
    def frame_ms(self) -> int:
        """Length of a bar."""
        return frames_of(self._interval)[self._chosen]

    def change_frame(self, step: int) -> None:
        """Show longer or shorter bars."""
        self._frame = max(0, min(len(frames_of(self._interval)) - 1, self._chosen + step))
        self._back = 0
        self._refresh_chart()

    def move(self, step: int) -> None:
        """Go back or forth in time; ``step`` 0 returns to now."""
        self._back = 0 if not step else max(0, self._back - step * _STEP)
        self._refresh_chart()

    def show_symbol(self, symbol: str | None) -> None:
        """Show another symbol."""
        if symbol != self._symbol:
            self._symbol, self._back = symbol, 0
            self._refresh_chart()

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed, and the newest klines each second."""
        self.now = now
        if changes.topics & self.topics:
            self._refresh_chart()

    def on_resize(self) -> None:
        """Draw for the new size, once the chart has it."""
        self.call_after_refresh(self._refresh_chart)

    def _refresh_chart(self) -> None:
        if self.attached:
            self.update_title()
            self.view.show(self.draw(*self.view.size))

    def update_rows(self, changes: Changes) -> None:
        """There are no rows."""

    def summary(self) -> tuple[str, StatusLevel]:
        """Return symbol, length of bars, and what is held."""
        if self._symbol is None:
            return "no symbol yet", "idle"
        shown = self.shown_symbols()
        if len(shown) > 1:
            return f"{' and '.join(sanitize(one, 20) for one in shown)} · bars of {frame_name(self.frame_ms)}", "good"
        parts = [sanitize(self._symbol, 20), f"bars of {frame_name(self.frame_ms)}"]
        account, ticker = self.state.account, self.state.tickers.get(self._symbol)
        position = account.positions.get(self._symbol) if account else None
        if position is not None:
            profit = position.unrealized_at(ticker.bid if ticker else 0.0)
            parts.append(f"held {format_signed(profit)}")
        if self._back:
            parts.append("earlier, end: now")
        return " · ".join(parts), "good"

    def empty_text(self) -> str:
        """Return what the chart waits for."""
        return "Waiting for the klines of the selected symbol in market/klines. The feeder writes them as they close."

    # -- drawing

    def draw(self, width: int, height: int) -> list[Content]:
        """Return the rows for so many cells: one chart, or those of two pinned symbols where the pane is alone."""
        symbols = self.shown_symbols()
        self._charts = {symbol: self._charts.get(symbol) or SymbolChart(self.state, symbol) for symbol in symbols}
        if len(symbols) < 2:
            return [row for chart in self._charts.values() for row in self._drawn(chart, width, height)]
        half = (width - len(_BETWEEN)) // 2
        columns = [self._with_name(chart, half, height) for chart in self._charts.values()]
        return [
            Content.assemble(left, " " * max(0, half - left.cell_length), (_BETWEEN, "$rule"), right)
            for left, right in zip_longest(*columns, fillvalue=Content(""))
        ]

    def _with_name(self, chart: SymbolChart, width: int, height: int) -> list[Content]:
        return [Content.styled(sanitize(chart.symbol, 20), "bold"), *self._drawn(chart, width, height - 1)]

    def _drawn(self, chart: SymbolChart, width: int, height: int) -> list[Content]:
        return chart.draw(width, height, interval=self._interval, frame_ms=self.frame_ms, back=self._back, now=self.now)

    def shown_symbols(self) -> list[str]:
        """Return the symbols that are shown: two that are pinned, or the one in focus."""
        pinned = list(self.focus_on.pinned[:2])
        if len(pinned) > 1 and self.screen.has_class("-zoomed"):
            return pinned
        return [] if self._symbol is None else [self._symbol]

    @staticmethod
    def _no_line(key: LineKey) -> LineContent:
        return ()

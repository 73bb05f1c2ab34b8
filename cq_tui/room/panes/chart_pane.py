"""Pane 8: candles of the symbol in focus, with our signals, fills, entry, stop and target."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from cq_tui.ops.formatting import StatusLevel, format_percent, format_price, format_signed, sanitize
from cq_tui.room.candles import bars_of, frame_name, frames_of
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.chart import Chart, ChartLevel, ChartMark, draw_chart
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.contracts.market import Kline
    from cq_tui.room.candles import Bar

#: Klines read at most: a few milliseconds.
_MOST_KLINES = 4_000
#: Of so many klines or more, those of a symbol are read again only after so many seconds.
_MANY_KLINES, _SELDOM = 800, 10.0
#: Bars that a step moves the chart.
_STEP = 10
#: Rows of the chart below the candles: volume and times.
_BELOW = 2
#: In fewer nothing can be seen.
_FEWEST_COLUMNS = 20


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
        self._klines: list[Kline] = []
        self._read: tuple[str | None, str, int] | None = None
        self._read_at = 0.0
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
        """Return the rows of the chart for so many cells; none if they are too few."""
        if width < _FEWEST_COLUMNS or height < _BELOW + 2:
            return []
        levels = self._levels()
        room = max((len(level.label) for level in levels), default=8) + 3
        columns = width - room
        bars = self._bars(columns)
        chart = draw_chart(bars, self._marks(), levels, columns, height - _BELOW)
        if chart is None:
            return [Content.styled(line, "$muted") for line in wrap_text(self.empty_text(), width)][:height]
        lines = [self._row(chart, number) for number in range(len(chart.rows))]
        lines.append(Content.assemble((chart.volume, "$rule"), (" volume" if chart.volume else "", "$muted")))
        lines.append(Content.styled(chart.times, "$muted"))
        return lines

    def _row(self, chart: Chart, number: int) -> Content:
        label = chart.labels[number]
        text, style = label
        if not text:
            edge = {0: chart.high, len(chart.rows) - 1: chart.low}.get(number)
            text, style = (format_price(edge, self._decimals), "$rule") if edge is not None else ("", "")
        runs: list[tuple[str, str]] = []
        for cell in chart.rows[number]:
            if runs and runs[-1][1] == cell.style:
                runs[-1] = (runs[-1][0] + cell.text, cell.style)
            else:
                runs.append((cell.text, cell.style))
        return Content.assemble(*runs, (f" {text}", style))

    @property
    def _decimals(self) -> int | None:
        ticker = self.state.tickers.get(self._symbol or "")
        return ticker.decimals if ticker else None

    def _bars(self, count: int) -> "list[Bar | None]":
        """Return the bars that are shown; klines are read again when there may be new ones."""
        symbol, interval = self._symbol, self._interval
        if symbol is None:
            return []
        from cq_tui.contracts.market import INTERVAL_MS
        from cq_tui.room.file_contents import read_klines

        factor = max(1, self.frame_ms // INTERVAL_MS.get(interval, 60_000))
        wanted = min(_MOST_KLINES, (count + self._back + 1) * factor)
        asked = (symbol, interval, wanted)
        is_due = self.now - self._read_at >= (_SELDOM if wanted >= _MANY_KLINES else 1.0)
        if asked != self._read or is_due:
            self._read, self._read_at = asked, self.now
            self._klines = read_klines(self.state.data, symbol, interval, wanted)
        ticker = self.state.tickers.get(symbol)
        now = (ticker.timestamp, ticker.price) if ticker else None
        bars = bars_of(self._klines, self.frame_ms, count + self._back, now)
        return bars[: len(bars) - self._back] if self._back else bars

    def _marks(self) -> list[ChartMark]:
        """Return our signals and fills: purchases below their candle, sales above."""
        trades = self.state.trades
        signals = [
            ChartMark(signal.timestamp, "▲" if signal.side == "BUY" else "▼", "$accent", signal.side == "BUY")
            for signal in trades.signals.values()
            if signal.symbol == self._symbol
        ]
        fills = [
            ChartMark(order.filled_at, "●", "$accent", order.side == "BUY")
            for order in trades.orders.values()
            if order.symbol == self._symbol and order.filled_at
        ]
        return signals + fills

    def _levels(self) -> list[ChartLevel]:
        """Return the price of now, and entry, stop and target of the position."""
        ticker, account = self.state.tickers.get(self._symbol or ""), self.state.account
        position = account.positions.get(self._symbol or "") if account else None
        levels = []
        price = ticker.price if ticker else None
        if price is not None:
            levels.append(ChartLevel(price, f"now    {self._price(price)}", "$foreground", has_line=False))
        if position is not None:
            base = position.entry_price
            named = (("entry ", base), ("stop  ", position.stop_loss), ("target", position.take_profit))
            for name, level in named:
                if level:
                    far = "" if level == base or not base else f" {format_percent((level / base - 1) * 100)}"
                    levels.append(ChartLevel(level, f"{name} {self._price(level)}{far}", "$accent"))
        return levels

    def _price(self, price: float) -> str:
        return format_price(price, self._decimals)

    @staticmethod
    def _no_line(key: LineKey) -> LineContent:
        return ()

"""Pane 8: candles of the symbol in focus, with our signals, fills, entry, stop and target."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import StatusLevel, format_number, format_percent, format_price, format_signed, sanitize
from cq_tui.room.candles import bars_of, frame_name, frames_of
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.chart import Chart, ChartLevel, ChartMark, draw_chart
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

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


class ChartView(Widget, can_focus=True):
    """Draws the chart of its pane."""

    def __init__(self, pane: "ChartPane") -> None:
        super().__init__(id="chart-view")
        self._pane = pane

    def render(self) -> Content:
        """Return the chart with labels, volume and times."""
        return self._pane.draw(*self.size)


class ChartPane(Pane):
    """Repaints once a second, or when another symbol, frame or time is chosen."""

    number = 8
    label = "chart"
    subject = "symbol"
    key_ids: ClassVar[tuple[str, ...]] = ("room.longer_bars", "room.shorter_bars", "room.earlier", "room.later")
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.ACCOUNT, Topic.SETTINGS})

    def make_table(self) -> LineTable:
        """Return the table, which stays hidden: the pane has a chart instead."""
        self.view = ChartView(self)
        self._symbol: str | None = None
        self._frame = 0
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
    def frame_ms(self) -> int:
        """Length of a bar."""
        frames = frames_of(self._interval)
        # Bars of a second say little: a chart of them begins with five.
        return frames[min(len(frames) - 1, self._frame + (frames[0] == 1_000 and len(frames) > 1))]

    def change_frame(self, step: int) -> None:
        """Show longer or shorter bars."""
        frames = frames_of(self._interval)
        shortest = -1 if frames[0] == 1_000 and len(frames) > 1 else 0
        self._frame = max(shortest, min(len(frames) - 1 + shortest, self._frame + step))
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
        if changes.topics & (self.topics | {Topic.TIME, Topic.RECORDED}):
            self._refresh_chart()

    def _refresh_chart(self) -> None:
        self.update_title()
        if self.attached and self.view.display and self.view.size.height > _BELOW:
            self.view.refresh()

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

    def draw(self, width: int, height: int) -> Content:
        """Return the chart for so many cells."""
        if not self.attached or width < 20 or height < _BELOW + 2:
            return Content("")
        levels = self._levels()
        room = max((len(level.label) for level in levels), default=8) + 3
        columns = width - room
        bars = self._bars(columns)
        chart = draw_chart(bars, self._marks(), levels, columns, height - _BELOW)
        if chart is None:
            return Content.styled(self.empty_text(), "$muted")
        lines = [self._row(chart, number) for number in range(len(chart.rows))]
        lines.append(Content.assemble((chart.volume, "$rule"), (" volume" if chart.volume else "", "$muted")))
        lines.append(Content.styled(chart.times, "$muted"))
        return Content("\n").join(lines)

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

    def quote_line(self) -> str:
        """Return bid, ask, spread and volume of the symbol in a line."""
        ticker = self.state.tickers.get(self._symbol or "")
        if ticker is None:
            return ""
        bid, ask = self._price(ticker.bid), self._price(ticker.ask)
        return f"bid {bid} · ask {ask} · spread {ticker.spread_bp:.1f} bp · volume {format_number(ticker.volume)}"

    @staticmethod
    def _no_line(key: LineKey) -> LineContent:
        return ()

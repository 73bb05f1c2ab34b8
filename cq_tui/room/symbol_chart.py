"""The chart of one symbol: its bars, our marks on them, and the levels of the position."""

from typing import TYPE_CHECKING

from textual.content import Content

from cq_tui.ops.formatting import format_percent, format_price, sanitize
from cq_tui.room.candles import bars_of
from cq_tui.room.chart import Chart, ChartLevel, ChartMark, draw_chart
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.contracts.market import Kline
    from cq_tui.room.candles import Bar
    from cq_tui.room.state import RoomState

#: Klines read at most: a few milliseconds.
_MOST_KLINES = 4_000
#: Of so many klines or more, those of a symbol are read again only after so many seconds.
_MANY_KLINES, _SELDOM = 800, 10.0
#: Rows below the candles: volume and times.
_BELOW = 2
#: In fewer columns nothing can be seen.
_FEWEST_COLUMNS = 20
#: A strategy's values that are drawn: so many at most, within this share of the price, their names so long.
_MOST_LINES, _NEAR, _NAME = 3, 0.02, 12
_WAITING = "Waiting for the klines of the selected symbol in market/klines. The feeder writes them as they close."


class SymbolChart:
    """Keeps the klines that it read."""

    def __init__(self, state: "RoomState", symbol: str) -> None:
        self.symbol = symbol
        self._state = state
        self._klines: list[Kline] = []
        self._read: tuple[str, int] | None = None
        self._read_at = 0.0

    def draw(self, width: int, height: int, *, interval: str, frame_ms: int, back: int, now: float) -> list[Content]:
        """Return the rows of the chart for so many cells; none if they are too few.

        ``interval`` is that of the klines, ``frame_ms`` the length of a bar, ``back`` how many bars lie to the right.
        """
        if width < _FEWEST_COLUMNS or height < _BELOW + 2:
            return []
        levels = self._levels()
        room = max((len(level.label) for level in levels), default=8) + 3
        bars = self._bars(width - room, interval, frame_ms, back, now)
        chart = draw_chart(bars, self._marks(), levels, width - room, height - _BELOW)
        if chart is None:
            return [Content.styled(line, "$muted") for line in wrap_text(_WAITING, width)][:height]
        lines = [self._row(chart, number) for number in range(len(chart.rows))]
        lines.append(Content.assemble((chart.volume, "$rule"), (" volume" if chart.volume else "", "$muted")))
        lines.append(Content.styled(chart.times, "$muted"))
        return lines

    def _row(self, chart: Chart, number: int) -> Content:
        text, style = chart.labels[number]
        if not text:
            edge = {0: chart.high, len(chart.rows) - 1: chart.low}.get(number)
            text, style = (self._price(edge), "$rule") if edge is not None else ("", "")
        runs: list[tuple[str, str]] = []
        for cell in chart.rows[number]:
            if runs and runs[-1][1] == cell.style:
                runs[-1] = (runs[-1][0] + cell.text, cell.style)
            else:
                runs.append((cell.text, cell.style))
        return Content.assemble(*runs, (f" {text}", style))

    def _price(self, price: float) -> str:
        ticker = self._state.tickers.get(self.symbol)
        return format_price(price, ticker.decimals if ticker else None)

    def _bars(self, count: int, interval: str, frame_ms: int, back: int, now: float) -> "list[Bar | None]":
        """Return the bars that are shown; klines are read again when there may be new ones."""
        from cq_tui.contracts.market import INTERVAL_MS
        from cq_tui.room.file_contents import read_klines

        factor = max(1, frame_ms // INTERVAL_MS.get(interval, 60_000))
        wanted = min(_MOST_KLINES, (count + back + 1) * factor)
        is_due = now - self._read_at >= (_SELDOM if wanted >= _MANY_KLINES else 1.0)
        if (interval, wanted) != self._read or is_due:
            self._read, self._read_at = (interval, wanted), now
            self._klines = read_klines(self._state.data, self.symbol, interval, wanted)
        ticker = self._state.tickers.get(self.symbol)
        latest = (ticker.timestamp, ticker.price) if ticker else None
        bars = bars_of(self._klines, frame_ms, count + back, latest)
        return bars[: len(bars) - back] if back else bars

    def _marks(self) -> list[ChartMark]:
        """Return our signals and fills: purchases below their candle, sales above."""
        trades = self._state.trades
        signals = [
            ChartMark(signal.timestamp, "▲" if signal.side == "BUY" else "▼", "$accent", signal.side == "BUY")
            for signal in trades.signals.values()
            if signal.symbol == self.symbol
        ]
        fills = [
            ChartMark(order.filled_at, "●", "$accent", order.side == "BUY")
            for order in trades.orders.values()
            if order.symbol == self.symbol and order.filled_at
        ]
        return signals + fills

    def _levels(self) -> list[ChartLevel]:
        """Return the price of now, and entry, stop and target of the position."""
        ticker, account = self._state.tickers.get(self.symbol), self._state.account
        position = account.positions.get(self.symbol) if account else None
        levels = []
        if ticker is not None:
            levels.append(
                ChartLevel(ticker.price, f"now    {self._price(ticker.price)}", "$foreground", has_line=False)
            )
        if position is not None:
            base = position.entry_price
            named = (("entry ", base), ("stop  ", position.stop_loss), ("target", position.take_profit))
            for name, level in named:
                if level:
                    far = "" if level == base or not base else f" {format_percent((level / base - 1) * 100)}"
                    levels.append(ChartLevel(level, f"{name} {self._price(level)}{far}", "$accent"))
        if ticker is not None:
            levels += self._own_lines(ticker.price)
        return levels

    def _own_lines(self, price: float) -> list[ChartLevel]:
        """Return what the strategy of the last signal looked at: its values that are prices near this one."""
        signal = next((one for one in reversed(self._state.trades.signals.values()) if one.symbol == self.symbol), None)
        if signal is None:
            return []
        near = [(name, value) for name, value in signal.values.items() if abs(value / price - 1) < _NEAR]
        near.sort(key=lambda named: abs(named[1] - price))
        return [
            ChartLevel(value, f"{sanitize(name, _NAME)} {self._price(value)}", "$rule")
            for name, value in near[:_MOST_LINES]
        ]

"""Pane 2: every symbol with price, change, spread, age and its last 60 seconds."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.words import NOTHING, Level, age, age_level, clean, number, percent, plural, price, spark
from cq_tui.room.changes import Changes, Part
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable, Under

if TYPE_CHECKING:
    from cq_tui.contracts.tickers import Ticker

_COLUMNS = (
    Column("symbol", 10),
    Column("price", 12, right=True),
    Column("24 h", 9, right=True),
    Column("spread", 8, right=True, rank=2),
    Column("age", 6, right=True),
    Column("last 60 s", 16, rank=1, grows=True),
    Column("volume 24 h", 15, right=True, rank=4),
    Column("", 7, rank=3),
)
_SPARK = 5
#: Seconds that a price keeps the colour of its last move.
_FLASH = 1.0


class FeederPane(Pane):
    """The symbols in the feeder's order."""

    number = 2
    label = "feeder"
    subject = "symbol"
    feeds: ClassVar[frozenset[Part]] = frozenset({Part.PRICES, Part.SERVICES, Part.SETTINGS})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._priced: set[str] = set()
        self._moves: dict[str, tuple[float, float, str]] = {}
        return LineTable(_COLUMNS, self._draw)

    def fill(self, changes: Changes) -> None:
        """Repaint the symbols whose price changed; list them anew when the universe may have changed."""
        if changes.parts - {Part.PRICES, Part.TIME} or self.state.tickers.keys() != self._priced:
            self._list()
        self.table.mark(changes.symbols)
        if changes.parts & {Part.SERVICES, Part.SETTINGS}:
            self.table.mark_all()

    def follow(self, changes: Changes, now: float) -> None:
        """Show what changed. Ten times a second only prices do: then the title stands."""
        if changes.parts == {Part.PRICES} and self.table.rows:
            self.now = now
            self.fill(changes)
        else:
            super().follow(changes, now)

    def _list(self) -> None:
        self._priced = set(self.state.tickers)
        symbols = self.state.symbols
        left_out = (self.state.feeder.rejected_symbols or {}) if self.state.feeder else {}
        keys = [LineKey(symbol) for symbol in symbols]
        for symbol in left_out:
            keys += [LineKey(symbol)] * (symbol not in self.state.tickers) + [LineKey(symbol, 1)]
        self.table.show(self.shown(dict.fromkeys(keys)), empty=self.waiting())

    def summary(self) -> tuple[str, Level]:
        """Count the symbols and those that are silent."""
        problem = self.state.file_problems.get("tickers")
        if problem:
            return clean(problem, 90), "bad"
        count, stale = len(self.state.symbols), self._stale_count()
        if not count:
            return "no symbols yet", "idle"
        word = self.state.verdict("feeder", self.now).word
        level: Level = "good" if word == "ok" else "look" if word in ("degraded", "stopped") else "bad"
        said = plural(count, "symbol")
        if stale:
            return f"{said} · {stale} stale", "bad" if level == "bad" or stale == count else "look"
        return said, level

    def waiting(self) -> str:
        """Say what brings the first prices."""
        if self.filter_text and self.state.symbols:
            return "No symbol matches the filter."
        return (
            "Waits for market/tickers.json: the feeder writes it once the exchange sends prices, "
            "usually within 5 s of its start."
        )

    def _stale_count(self) -> int:
        oldest = self.now - self.state.settings.ARES_FRESHNESS_THRESHOLD
        return sum(ticker.timestamp < oldest for ticker in self.state.tickers.values())

    def _colour(self, symbol: str, price: float) -> str:
        """Return the colour of a price: that of its last move, for a second after it was seen to move."""
        before, moved_at, colour = self._moves.get(symbol, (price, 0.0, "strong"))
        if price != before or symbol not in self._moves:
            moved_at, colour = (self.now, "good" if price > before else "bad") if price != before else (0.0, "strong")
            self._moves[symbol] = (price, moved_at, colour)
        return colour if self.now - moved_at < _FLASH else "strong"

    def _draw(self, key: LineKey) -> Drawn:
        symbol, feeder = key.row, self.state.feeder
        if key.line:
            reasons = (feeder.rejected_symbols or {}) if feeder else {}
            return Under(f"left out: {clean(reasons.get(symbol, ''))}", "look")
        ticker = self.state.tickers.get(symbol)
        if ticker is None:
            return (Cell(clean(symbol, 40), "muted"), Cell("no price yet", "muted"), *[Cell("")] * 6)
        return self._ticker_cells(symbol, ticker)

    def _ticker_cells(self, symbol: str, ticker: "Ticker") -> Drawn:
        old = self.now - ticker.timestamp
        level = age_level(old, self.state.settings.ARES_FRESHNESS_THRESHOLD)
        is_stale = level == "bad"
        width = self.table.width_of(_SPARK)
        change = "muted" if is_stale or ticker.change_percent == 0 else "good" if ticker.change_percent > 0 else "bad"
        return (
            Cell(clean(symbol, 40), "muted" if is_stale else "strong"),
            Cell(
                price(ticker.price, ticker.decimals),
                "muted" if is_stale else self._colour(symbol, ticker.price),
            ),
            Cell(percent(ticker.change_percent), change),
            Cell(f"{ticker.spread_bp:.1f} bp" if ticker.spread_bp else NOTHING, "muted"),
            Cell(age(old), "muted" if level == "good" else level),
            Cell(spark(self.state.prices.values(symbol, self.now, width)), "muted" if is_stale else "accent"),
            Cell(number(ticker.volume), "muted"),
            Cell("✖ stale" if is_stale else "▲ slow" if level == "look" else "", level),
        )

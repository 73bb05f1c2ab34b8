"""Pane 2: every symbol with price, change, spread, age and a sparkline of the last 60 seconds."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.formatting import (
    NO_VALUE,
    StatusLevel,
    age_level,
    format_age,
    format_number,
    format_percent,
    format_price,
    pluralize,
    sanitize,
    sparkline,
)
from cq_tui.ops.symbol_words import describe_feed
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from collections.abc import Collection

    from cq_tui.contracts.tickers import Ticker

_COLUMNS = (
    Column("symbol", 10),
    Column("price", 12, align_right=True),
    Column("24 h", 9, align_right=True),
    Column("spread", 8, align_right=True, drop_rank=2),
    Column("age", 6, align_right=True),
    Column("last 60 s", 9, drop_rank=1, grows=True),
    Column("volume 24 h", 15, align_right=True, drop_rank=4),
    Column("", 7, drop_rank=3),
)
_SPARK_COLUMN = 5
#: Before the name of a pinned symbol.
_PIN = "▸"
#: What is said of a price by the level of its age.
_AGE_WORDS: dict[StatusLevel, str] = {"good": "", "look": "▲ slow", "bad": "✖ stale", "idle": "○ old"}
#: Seconds that a price keeps the color of its last move. The time shown moves once a second: until the second tick.
_FLASH_SECONDS = 1.5


class FeederPane(Pane):
    """The symbols in the feeder's order."""

    number = 2
    label = "feeder"
    service = "feeder"
    subject = "symbol"
    key_ids: ClassVar[tuple[str, ...]] = ("room.pin", "room.narrow")
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.PRICES, Topic.RECORDED, Topic.SERVICES, Topic.SETTINGS})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._priced: set[str] = set()
        #: Whether a price that moved takes a color for a moment.
        self.flashes = True
        self._moves: dict[str, tuple[float, float, str]] = {}
        #: Age and sparkline by symbol, as of the last tick, for a level and a width: they move once a second.
        self._ticked: dict[str, tuple[StatusLevel, int, Cell, Cell]] = {}
        #: While the feeder starts, old prices are of its last run: no news.
        self._is_starting = False
        return LineTable(_COLUMNS, self._draw)

    def update_rows(self, changes: Changes) -> None:
        """Repaint the symbols whose price changed; rebuild the list if symbols may have changed."""
        if changes.topics - {Topic.PRICES, Topic.RECORDED}:
            self._is_starting = self.state.verdict("feeder", self.now).word == "starting"
        if changes.topics - {Topic.PRICES, Topic.RECORDED, Topic.TIME} or self.state.tickers.keys() != self._priced:
            self._list_symbols()
        self.table.invalidate_rows(changes.symbols)
        if changes.topics & {Topic.SERVICES, Topic.SETTINGS}:
            self.table.invalidate_all()

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed. Price updates, several times a second, leave the title alone."""
        if changes.topics & {Topic.RECORDED, Topic.TIME}:
            self._ticked.clear()
        if changes.topics == {Topic.PRICES} and self.table.rows:
            self.now = now
            self.update_rows(changes)
        else:
            super().apply_changes(changes, now)

    def _list_symbols(self) -> None:
        self._priced = set(self.state.tickers)
        self._moves = {symbol: move for symbol, move in self._moves.items() if symbol in self._priced}
        notes, keys = self._notes(), list[LineKey]()
        for symbol in self.focus_on.ordered(dict.fromkeys([*self.state.symbols, *notes])):
            keys += [LineKey(symbol)] + [LineKey(symbol, 1)] * (symbol in notes)
        self.table.set_lines(self.apply_filter(dict.fromkeys(keys)), empty=self.no_rows_text())

    def _notes(self) -> dict[str, tuple[str, str]]:
        """Return text and style of the line below single symbols: why one is fed, or is not."""
        feeder = self.state.feeder
        if feeder is None:
            return {}
        notes = dict.fromkeys(feeder.held_symbols or (), ("held: fed until it is closed, not in SYMBOLS", "muted"))
        notes |= dict.fromkeys(feeder.other_symbols or (), ("read by a strategy, not in SYMBOLS: not traded", "muted"))
        if self.state.verdict("feeder", self.now).is_current:
            notes |= {
                symbol: (words, "look")
                for symbol, state in (feeder.symbol_states or {}).items()
                if (words := describe_feed(state, self.now))
            }
        for symbol, reason in (feeder.rejected_symbols or {}).items():
            notes[symbol] = f"excluded: {sanitize(reason)}", "look"
        return notes

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the number of symbols, and of stale ones."""
        problem = self.state.file_problems.get("tickers")
        if problem:
            return sanitize(problem, 90), "bad"
        left_out = self._left_out()
        count, stale = len([symbol for symbol in self.state.symbols if symbol not in left_out]), self._stale_count()
        if not count and not left_out:
            return "no symbols yet", "idle"
        text = pluralize(count, "symbol") + (f" · {len(left_out)} left out" if left_out else "")
        if not count:
            return text, "bad"
        if (day := self.state.market_day) is not None:
            text += f" · market time ×{day.speed:g}"
        if stale and not self._is_starting:
            return f"{text} · {stale} stale", "bad" if stale == count else "look"
        return text, "good"

    def _left_out(self) -> "Collection[str]":
        feeder = self.state.feeder
        return (feeder.rejected_symbols if feeder else None) or {}

    def empty_text(self) -> str:
        """Return what the first prices wait for."""
        if self.filter_text and self.state.symbols:
            return "No symbol matches the filter."
        return (
            "Waiting for market/tickers.json. The feeder writes it when the first prices arrive, "
            "usually within 5 s of starting."
        )

    def _stale_count(self) -> int:
        oldest, left_out = self.now - self.state.settings.ARES_FRESHNESS_THRESHOLD, self._left_out()
        return sum(t.timestamp < oldest for symbol, t in self.state.tickers.items() if symbol not in left_out)

    def _price_color(self, symbol: str, price: float) -> str:
        """Return the color of the price's last move for a second after it, then the normal color."""
        if not self.flashes:
            return "strong"
        before, moved_at, color = self._moves.get(symbol, (price, 0.0, "strong"))
        if price != before or symbol not in self._moves:
            moved_at, color = (self.now, "good" if price > before else "bad") if price != before else (0.0, "strong")
            self._moves[symbol] = (price, moved_at, color)
        return color if self.now - moved_at < _FLASH_SECONDS else "strong"

    def _draw(self, key: LineKey) -> LineContent:
        symbol = key.row
        if key.line:
            return SubLine(*self._notes().get(symbol, ("", "look")))
        ticker = self.state.tickers.get(symbol)
        if ticker is None:
            words = "not fed" if symbol in self._left_out() else "no price yet"
            return (Cell(sanitize(symbol, 40), "muted"), Cell(words, "muted"), *[Cell("")] * 6)
        return self._ticker_cells(symbol, ticker)

    def _ticker_cells(self, symbol: str, ticker: "Ticker") -> LineContent:
        old = self.now - ticker.timestamp
        level = age_level(old, self.state.settings.ARES_FRESHNESS_THRESHOLD)
        is_stale = level == "bad"
        if is_stale and self._is_starting:
            level = "idle"
        age, trace = self._ticking_cells(symbol, old, level)
        percent = self.state.change_percent(symbol, ticker)
        change = "muted" if is_stale or not percent else "good" if percent > 0 else "bad"
        return (
            Cell(
                f"{_PIN if symbol in self.focus_on.pinned else ''}{sanitize(symbol, 40)}",
                "muted" if is_stale else "strong",
            ),
            Cell(
                format_price(ticker.price, ticker.decimals),
                "muted" if is_stale else self._price_color(symbol, ticker.price),
            ),
            Cell(NO_VALUE if percent is None else format_percent(percent), change),
            Cell(f"{ticker.spread_bp:.1f} bp" if ticker.spread_bp else NO_VALUE, "muted"),
            age,
            trace,
            Cell(format_number(ticker.volume), "muted"),
            Cell(_AGE_WORDS[level], level),
        )

    def _ticking_cells(self, symbol: str, old: float, level: StatusLevel) -> tuple[Cell, Cell]:
        """Return age and sparkline as of the last tick, or as of now if the level is another one."""
        width = self.table.column_width(_SPARK_COLUMN)
        known = self._ticked.get(symbol)
        if known is None or known[:2] != (level, width):
            age = Cell(format_age(old), "muted" if level == "good" else level)
            prices = self.state.price_history.sample(symbol, self.now, width)
            known = level, width, age, Cell(sparkline(prices), "muted")
            self._ticked[symbol] = known
        return known[2:]

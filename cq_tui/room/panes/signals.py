"""Pane 3: ARES's signals, newest first, with what became of them."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import (
    GLYPHS,
    NO_VALUE,
    StatusLevel,
    format_age,
    format_clock,
    format_price,
    pluralize,
    sanitize,
)
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

if TYPE_CHECKING:
    from cq_tui.room.outcomes import SignalGroup

_COLUMNS = (
    Column("time", 8),
    Column("symbol", 10),
    Column("side", 6, drop_rank=1),
    Column("entry", 11, align_right=True, drop_rank=2),
    Column("outcome", 25, grows=True),
    Column("stop", 11, align_right=True, drop_rank=6),
    Column("target", 11, align_right=True, drop_rank=5),
    Column("conf", 4, align_right=True, drop_rank=4),
    Column("strategy", 17, drop_rank=3),
)
_OUTCOME = 4
SIDE_MARKS = {"BUY": "▲ BUY", "SELL": "▼ SELL"}
#: Signs before an outcome; what was traded needs none.
_MARKS: dict[StatusLevel, str] = {
    "good": "",
    "idle": f"{GLYPHS['idle']} ",
    "look": f"{GLYPHS['look']} ",
    "bad": f"{GLYPHS['bad']} ",
}


class SignalsPane(Pane):
    """Signals with their outcomes, and below them the outcomes of the last hour."""

    number = 3
    label = "signals"
    service = "ares"
    subject = "signal"
    has_ages = False
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.SERVICES})
    key_ids: ClassVar[tuple[str, ...]] = ("room.why_not",)
    extra_names: ClassVar[tuple[str, ...]] = ("reason", "refusal", "key")

    def make_table(self) -> LineTable:
        """Return the table."""
        self._groups: dict[str, SignalGroup] = {}
        self._hour = Static(classes="metrics", markup=False)
        self._hour_text = ""
        return LineTable(_COLUMNS, self._draw)

    def compose(self) -> ComposeResult:
        """Yield summary, table and the last hour."""
        yield from super().compose()
        yield self._hour

    def apply_changes(self, changes: Changes, now: float) -> None:
        """Show what changed; the last hour moves on."""
        super().apply_changes(changes, now)
        if changes.topics & {Topic.EVENTS, Topic.TIME}:
            self._update_hour()

    def on_resize(self) -> None:
        """Fit the last hour to the new width, too."""
        # Textual calls the pane's own handler as well.
        if self.attached:
            self._update_hour()

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of signals if there are new ones: only a few arrive per minute."""
        if not changes.topics & {Topic.EVENTS, Topic.FOCUS} and self.table.rows:
            return
        from cq_tui.room.outcomes import group_signals, orders_by_signal

        trades = self.state.trades
        decimals = {symbol: ticker.decimals for symbol, ticker in self.state.tickers.items()}
        groups = group_signals(trades.signals.values(), orders_by_signal(trades.orders.values()), decimals)
        self._groups = {group.newest.key: group for group in groups}
        self.table.set_lines(self.apply_filter(map(LineKey, self._groups)), empty=self.no_rows_text())
        self.table.invalidate_all()

    def symbol_of(self, row: str) -> str | None:
        """Return the symbol of a signal."""
        group = self._groups.get(row)
        return group.newest.symbol if group else None

    def id_of(self, row: str) -> str:
        """Return the key by which orders name a signal."""
        group = self._groups.get(row)
        return group.newest.natural_key if group else row

    def extra_values(self, row: str) -> dict[str, str]:
        """Return strategy, reason and refusal in full."""
        signal = self._groups[row].newest
        return {"reason": signal.reason, "refusal": f"{signal.code} {signal.refusal}", "key": signal.natural_key}

    def _update_hour(self) -> None:
        from cq_tui.room.outcomes import count_reasons, hour_of, orders_by_signal, summarize_reasons

        trades = self.state.trades
        orders = orders_by_signal(trades.orders.values())
        since, when = hour_of(self.state.known_since, self.now)
        reasons = count_reasons(trades.signals.values(), orders, since)
        text = summarize_reasons(reasons, when, self.content_size.width or 76)
        if text != self._hour_text:
            self._hour_text = text
            self._hour.update(Content.styled(sanitize(text), "$muted"), layout=False)

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the number of signals and the age of the last one."""
        ares = self.state.ares
        if ares is None:
            return "no report yet", "idle"
        last = f", last {format_age(self.now - ares.last_signal_time)} ago" if ares.last_signal_time else ""
        return f"ares · {ares.signal_count:,} sent{last}", "good"

    def empty_text(self) -> str:
        """Return what the first signal waits for."""
        if self.filter_text and self.state.trades.signals:
            return "No signal matches the filter."
        ares, feeder = self.state.ares, self.state.feeder
        if feeder is not None and feeder.rejected_symbols and not feeder.symbols:
            reason = next(iter(feeder.rejected_symbols.values()))
            return f"No symbol trades now, so no signal can come: {sanitize(reason, 120)}."
        if ares is not None and ares.warming and self.state.verdict("ares", self.now).is_current:
            warming = sanitize(next(iter(ares.warming.values())), 80)
            return f"ARES is warming up: {pluralize(len(ares.warming), 'symbol')} not ready yet ({warming})."
        return (
            "Waiting for the first signal. Strategies decide on closed klines: "
            "usually within a minute in simulation, minutes to hours on real markets."
        )

    def _draw(self, key: LineKey) -> LineContent:
        group = self._groups[key.row]
        signal, level = group.newest, group.outcome.level
        ticker = self.state.tickers.get(signal.symbol)
        decimals = ticker.decimals if ticker else None
        is_closed = group.outcome.words.startswith("closed ")
        mark = "" if is_closed else _MARKS[level]
        return (
            Cell(format_clock(signal.timestamp), "muted"),
            Cell(sanitize(signal.symbol, 40), "strong"),
            Cell(SIDE_MARKS.get(signal.side, sanitize(signal.side, 8))),
            Cell(format_price(signal.entry, decimals)),
            Cell(
                mark + sanitize(group.words(self.table.column_width(_OUTCOME) - len(mark))),
                level if level in ("look", "bad") or is_closed else "muted" if level == "idle" else "",
            ),
            Cell(format_price(signal.stop, decimals), "muted"),
            Cell(format_price(signal.target, decimals), "muted"),
            Cell(f"{signal.confidence:.2f}" if signal.confidence is not None else NO_VALUE, "muted"),
            Cell(sanitize(signal.strategy, 40), "muted"),
        )

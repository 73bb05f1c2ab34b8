"""Pane 3: ARES's signals, newest first, with their outcomes."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.formatting import NO_VALUE, StatusLevel, format_age, format_clock, format_price, pluralize, sanitize
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from cq_tui.room.trades import SignalRow

_COLUMNS = (
    Column("time", 8),
    Column("symbol", 10),
    Column("side", 4),
    Column("entry", 11, align_right=True),
    Column("conf", 4, align_right=True, drop_rank=1),
    Column("stop", 12, align_right=True, drop_rank=4),
    Column("target", 12, align_right=True, drop_rank=3),
    Column("strategy", 17, drop_rank=2, grows=True),
)
_STOP, _TARGET, _STRATEGY = 5, 6, 7


class SignalsPane(Pane):
    """Signals with their stops, targets and outcomes."""

    number = 3
    label = "signals"
    service = "ares"
    subject = "signal"
    has_ages = False
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.EVENTS, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._signals: dict[str, SignalRow] = {}
        return LineTable(_COLUMNS, self._draw)

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of signals if there are new ones: only a few arrive per minute."""
        if Topic.EVENTS not in changes.topics and self.table.rows:
            return
        self._signals = dict(self.state.trades.signals)
        keys = [LineKey(key, line) for key in reversed(self._signals) for line in (0, 1)]
        texts = self._filter_texts() if self.filter_text else None
        self.table.set_lines(self.apply_filter(keys, texts), empty=self.empty_text())
        self.table.invalidate_all()

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the number of signals and the age of the last one."""
        ares = self.state.ares
        if ares is None:
            return "no report yet", "idle"
        last = f" · last {format_age(self.now - ares.last_signal_time)} ago" if ares.last_signal_time else ""
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

    def _filter_texts(self) -> dict[str, str]:
        return {
            key: f"{signal.symbol} {signal.side} {signal.strategy} {signal.outcome}"
            for key, signal in self._signals.items()
        }

    def _draw(self, key: LineKey) -> LineContent:
        signal = self._signals[key.row]
        if key.line:
            return SubLine(self._outcome_line(signal), signal.level if signal.level in ("look", "bad") else "muted")
        decimals = self._decimals(signal.symbol)
        confidence = f"{signal.confidence:.2f}" if signal.confidence is not None else NO_VALUE
        return (
            Cell(format_clock(signal.timestamp), "muted"),
            Cell(sanitize(signal.symbol, 40), "strong"),
            Cell(sanitize(signal.side, 8), "good" if signal.side == "BUY" else "bad"),
            Cell(format_price(signal.entry, decimals)),
            Cell(confidence),
            Cell(format_price(signal.stop, decimals)),
            Cell(format_price(signal.target, decimals)),
            Cell(sanitize(signal.strategy, 40), "muted"),
        )

    def _outcome_line(self, signal: "SignalRow") -> str:
        """Return the outcome, followed by the values whose columns are hidden."""
        decimals = self._decimals(signal.symbol)
        words = [signal.outcome or "no outcome yet"]
        if not self.table.column_width(_STRATEGY):
            words.append(signal.strategy)
        if not self.table.column_width(_STOP):
            words.append(f"stop {format_price(signal.stop, decimals)}")
        if not self.table.column_width(_TARGET):
            words.append(f"target {format_price(signal.target, decimals)}")
        return sanitize(" · ".join(words))

    def _decimals(self, symbol: str) -> int | None:
        ticker = self.state.tickers.get(symbol)
        return ticker.decimals if ticker else None

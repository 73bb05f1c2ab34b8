"""Pane 5: quarantined symbols and strategies: why, since when, until when."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.formatting import StatusLevel, format_age, format_clock, pluralize, sanitize
from cq_tui.ops.quarantine_words import count_word, describe_end, describe_reason
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from cq_tui.contracts.account import QuarantineState

_COLUMNS = (
    Column("symbol", 10),
    Column("rejected", 10, grows=True),
    Column("again in", 8, align_right=True, drop_rank=1),
)


class QuarantinePane(Pane):
    """Quarantined symbols with their reasons."""

    number = 5
    label = "quarantine"
    subject = "quarantine"
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.ACCOUNT, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._sublines: dict[str, list[SubLine]] = {}
        return LineTable(_COLUMNS, self._draw, heading=False)

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of symbols."""
        self._sublines = {symbol: self._make_sublines(symbol) for symbol in self._symbols()}
        keys = [LineKey(symbol, line) for symbol, under in self._sublines.items() for line in range(1 + len(under))]
        self.table.set_lines(self.apply_filter(keys), empty=self.empty_text())
        self.table.invalidate_all()

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the number of symbols."""
        count = len(self._symbols())
        known = "" if self.state.verdict("trader", self.now).is_current else "was "
        return (f"{known}{count}", "look") if count else (f"{known}none", "good")

    def empty_text(self) -> str:
        """Return why the list is empty, which is the normal case."""
        if self.filter_text and self._symbols():
            return "No symbol matches the filter."
        if self.state.trader is None:
            return "Waiting for the trader's first report."
        failures = pluralize(self.state.settings.TRADER_QUARANTINE_FAILURES, "consecutive failure")
        return f"No symbol is quarantined. It takes {failures}."

    def _symbols(self) -> list[str]:
        listed = list(self._states())
        named = self.state.trader.quarantined_symbols if self.state.trader else []
        return listed + [symbol for symbol in dict.fromkeys(named) if symbol not in self._states()]

    def _states(self) -> "dict[str, QuarantineState]":
        """Return what is quarantined, strategies after symbols."""
        account = self.state.account
        if account is None:
            return {}
        return account.quarantine | (account.quarantined_strategies or {})

    def _make_sublines(self, symbol: str) -> list[SubLine]:
        row = self._states().get(symbol)
        if row is None:
            return [SubLine("listed in health/trader.json")]
        times = f"since {format_clock(row.since)}, {describe_end(row)}"
        reasons = [SubLine(line, "look") for line in self.wrap_text(describe_reason(row), 2, 3)]
        return [*reasons, *(SubLine(line) for line in self.wrap_text(times, 2, 2))]

    def _draw(self, key: LineKey) -> LineContent:
        if key.line:
            return self._sublines[key.row][key.line - 1]
        row = self._states().get(key.row)
        is_counted = row is not None and row.failures > 0
        failures = pluralize(row.failures, count_word(row)) if row and is_counted else "by hand" if row else ""
        left = format_age(max(0.0, row.until - self.now)) if row and row.until < NO_END else ""
        return (Cell(sanitize(key.row, 40), "strong"), Cell(failures, "look"), Cell(left, "muted"))

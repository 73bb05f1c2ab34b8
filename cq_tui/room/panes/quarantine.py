"""Pane 5: symbols and strategies that open nothing, quarantined or locked: why, since when, until when."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.contracts.freshness import NO_END
from cq_tui.ops.account_words import unlock_hint
from cq_tui.ops.formatting import StatusLevel, format_age, format_clock, pluralize, sanitize
from cq_tui.ops.quarantine_words import count_word, describe_causes, describe_end, describe_reason
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
    """Quarantined symbols and strategies, and locked symbols, with their reasons."""

    number = 5
    label = "quarantine"
    subject = "quarantine"
    key_ids: ClassVar[tuple[str, ...]] = ("room.release",)
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.ACCOUNT, Topic.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._sublines: dict[str, list[SubLine]] = {}
        return LineTable(_COLUMNS, self._draw, heading=False)

    def update_rows(self, changes: Changes) -> None:
        """Rebuild the list of symbols."""
        self._sublines = {symbol: self._make_sublines(symbol) for symbol in self._symbols()}
        keys = [LineKey(symbol, line) for symbol, under in self._sublines.items() for line in range(1 + len(under))]
        self.table.set_lines(self.apply_filter(keys), empty=self.no_rows_text())
        self.table.invalidate_all()

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the number of symbols."""
        count = len(self._symbols())
        known = "" if self.state.verdict("trader", self.now).is_current else "was "
        return (f"{known}{count}", "look") if count else (f"{known}none", "good")

    def empty_text(self) -> str:
        """Return why the list is empty, which is the normal case."""
        if self.filter_text and self._symbols():
            return "Nothing matches the filter."
        if self.state.trader is None:
            return "Waiting for the trader's first report."
        return f"Nothing is quarantined. {describe_causes(self.state.settings)}"

    def symbol_of(self, row: str) -> str | None:
        """Return the symbol that is quarantined; a strategy's row is about none."""
        account = self.state.account
        return None if account and row in (account.quarantined_strategies or {}) else row

    def _symbols(self) -> list[str]:
        named = self.state.trader.quarantined_symbols if self.state.trader else []
        return list(dict.fromkeys([*self._states(), *named, *self._locks()]))

    def _states(self) -> "dict[str, QuarantineState]":
        """Return what is quarantined, strategies after symbols."""
        account = self.state.account
        if account is None:
            return {}
        return account.quarantine | (account.quarantined_strategies or {})

    def _locks(self) -> dict[str, str]:
        """Return who locked a symbol, by flattening it."""
        account = self.state.account
        return {} if account is None else account.locks or {}

    def _make_sublines(self, symbol: str) -> list[SubLine]:
        row, lock, lines = self._states().get(symbol), self._locks().get(symbol), list[SubLine]()
        if row is not None:
            times = f"since {format_clock(row.since)}, {describe_end(row)}"
            lines += [SubLine(line, "look") for line in self.wrap_text(describe_reason(row), 2, 3)]
            lines += [SubLine(line) for line in self.wrap_text(times, 2, 2)]
        if lock is not None:
            lines += [SubLine(line, "look") for line in self.wrap_text(lock, 2, 3)]
            lines += [SubLine(line) for line in self.wrap_text(f"until {unlock_hint(symbol)}", 2, 2)]
        return lines or [SubLine(line) for line in self.wrap_text("listed in health/trader.json", 2, 2)]

    def _draw(self, key: LineKey) -> LineContent:
        if key.line:
            return self._sublines[key.row][key.line - 1]
        row = self._states().get(key.row)
        is_counted = row is not None and row.failures > 0
        why = pluralize(row.failures, count_word(row)) if row and is_counted else "by hand" if row else ""
        if not row and key.row in self._locks():
            why = "locked"
        left = format_age(max(0.0, row.until - self.now)) if row and row.until < NO_END else ""
        return (Cell(sanitize(key.row, 40), "strong"), Cell(why, "look"), Cell(left, "muted"))

"""Pane 5: symbols that are not traded for now: why, since when, until when."""

from typing import TYPE_CHECKING, ClassVar

from cq_tui.ops.words import Level, age, clean, clock, plural
from cq_tui.room.changes import Changes, Part
from cq_tui.room.panes.pane import Pane
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import Drawn, LineKey, LineTable, Under

if TYPE_CHECKING:
    from cq_tui.contracts.account import QuarantineState

_COLUMNS = (Column("symbol", 10), Column("rejected", 10, grows=True), Column("again in", 8, right=True, rank=1))


class QuarantinePane(Pane):
    """The quarantined symbols with their reasons."""

    number = 5
    label = "quarantine"
    subject = "quarantine"
    feeds: ClassVar[frozenset[Part]] = frozenset({Part.ACCOUNT, Part.SERVICES})

    def make_table(self) -> LineTable:
        """Return the table."""
        self._under: dict[str, list[Under]] = {}
        return LineTable(_COLUMNS, self._draw, heading=False)

    def fill(self, changes: Changes) -> None:
        """List the symbols anew."""
        self._under = {symbol: self._lines_under(symbol) for symbol in self._symbols()}
        keys = [LineKey(symbol, line) for symbol, under in self._under.items() for line in range(1 + len(under))]
        self.table.show(self.shown(keys), empty=self.waiting())
        self.table.mark_all()

    def summary(self) -> tuple[str, Level]:
        """Count them."""
        count = len(self._symbols())
        return (str(count), "look") if count else ("none", "good")

    def waiting(self) -> str:
        """Say that this is the good case."""
        if self.filter_text and self._symbols():
            return "No symbol matches the filter."
        if self.state.trader is None:
            return "Waits for the trader's first report."
        failures = plural(self.state.settings.TRADER_QUARANTINE_FAILURES, "failure")
        return f"No symbol is quarantined. {failures} in a row put one here."

    def _symbols(self) -> list[str]:
        listed = list(self._states())
        named = self.state.trader.quarantined_symbols if self.state.trader else []
        return listed + [symbol for symbol in dict.fromkeys(named) if symbol not in self._states()]

    def _states(self) -> "dict[str, QuarantineState]":
        return self.state.account.quarantine if self.state.account else {}

    def _lines_under(self, symbol: str) -> list[Under]:
        row = self._states().get(symbol)
        if row is None:
            return [Under("named by the trader's health")]
        times = f"since {clock(row.since)}, again at {clock(row.until)} by probe"
        reasons = [Under(line, "look") for line in self.wrapped(row.reason, 2, 3)]
        return [*reasons, *(Under(line) for line in self.wrapped(times, 2, 2))]

    def _draw(self, key: LineKey) -> Drawn:
        if key.line:
            return self._under[key.row][key.line - 1]
        row = self._states().get(key.row)
        failures = plural(row.failures, "failure") if row else ""
        left = age(max(0.0, row.until - self.now)) if row else ""
        return (Cell(clean(key.row, 40), "strong"), Cell(failures, "look"), Cell(left, "muted"))

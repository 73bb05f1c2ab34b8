"""Pane 1: every service in one line while all are well, with the reason and the key that helps where one is not.

Opened, it is a table: state, age of the report, restarts, CPU, memory, pid.
"""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cq_tui.ops.formatting import NO_VALUE, StatusLevel, age_level, format_age, sanitize
from cq_tui.room.changes import Changes, Topic
from cq_tui.room.panes.pane import Pane
from cq_tui.room.themes import LEVEL_COLORS
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine

if TYPE_CHECKING:
    from cq_tui.room.service_rows import ServiceRow

_COLUMNS = (
    Column("", 1),
    Column("service", 8),
    Column("state", 10),
    Column("age", 6, align_right=True),
    Column("restarts", 8, align_right=True, drop_rank=3),
    Column("cpu", 6, align_right=True, drop_rank=1),
    Column("mem", 5, align_right=True, drop_rank=2),
    Column("pid", 7, align_right=True, drop_rank=4),
)
#: From this width on, the line has ages, too; from the next on, CPU and memory.
_AGES_FROM = 110
_USAGE_FROM = 130
#: Services in trouble that get a line of their own.
_MOST_TROUBLES = 2


class ServicesPane(Pane):
    """The services in start order."""

    number = 1
    label = "services"
    subject = "service"
    narrows = False
    topics: ClassVar[frozenset[Topic]] = frozenset({Topic.SERVICES, Topic.SETTINGS, Topic.TIME})
    key_ids: ClassVar[tuple[str, ...]] = ("room.start", "room.stop", "room.restart", "room.logs")

    def make_table(self) -> LineTable:
        """Return the table."""
        self._rows: dict[str, ServiceRow] = {}
        self._reasons: dict[str, list[str]] = {}
        #: Set by the screen when this room does not supervise.
        self.supervision_note = ""
        # Its name stands there from the first frame on.
        name = Content.assemble((f"{self.number} ", "$accent bold"), (self.label, "bold"))
        self._strip = Static(name, id="services-strip", markup=False)
        self._strip_shown: Content | None = None
        return LineTable(_COLUMNS, self._draw)

    def compose(self) -> ComposeResult:
        """Yield the line, and what the opened pane shows."""
        yield self._strip
        yield from super().compose()

    def update_title(self) -> None:
        """Update the title, and the line that stands for the table."""
        super().update_title()
        strip = self._strip_content()
        if strip != self._strip_shown:
            before, self._strip_shown = self._strip_shown, strip
            lines_changed = before is None or before.plain.count("\n") != strip.plain.count("\n")
            self._strip.update(strip, layout=lines_changed)

    def _strip_content(self) -> Content:
        """Return one line of all services, and a line for each that is in trouble."""
        parts: list[tuple[str, str]] = [(f" {self.number} ", "$accent bold"), (self.label, "bold")]
        if self.supervision_note:
            parts.append((f"  {sanitize(self.supervision_note)}", "$muted"))
        for name, row in self._rows.items():
            verdict = row.verdict
            words: list[str] = ["" if verdict.level == "good" else verdict.word]
            if verdict.level == "good" and self.size.width >= _AGES_FROM:
                words = [format_age(verdict.age)]
            if verdict.level == "good" and self.size.width >= _USAGE_FROM:
                words += [
                    _format_percent(row.cpu_percent),
                    f"{row.memory_mb:.0f}M" if row.memory_mb is not None else "",
                ]
            if row.restarts:
                words.append(f"{row.restarts}×")
            parts += [
                (f"   {verdict.glyph} ", LEVEL_COLORS[verdict.level]),
                (name, "" if verdict.level == "good" else LEVEL_COLORS[verdict.level]),
                (
                    f" {' '.join(filter(None, words))}",
                    "$muted" if verdict.level == "good" else LEVEL_COLORS[verdict.level],
                ),
            ]
        lines = [Content.assemble(*parts)]
        for name, row in self._rows.items():
            if row.verdict.level not in ("good", "idle") and row.verdict.explanation:
                text = sanitize(f"   {row.verdict.glyph} {name} {row.verdict.word}: {row.verdict.explanation}")
                lines.append(Content.styled(text, LEVEL_COLORS[row.verdict.level]))
        return Content("\n").join(lines[: 1 + _MOST_TROUBLES])

    def update_rows(self, changes: Changes) -> None:
        """Judge every service again: ages change every second."""
        from cq_tui.room.service_rows import service_rows

        before, self._rows = self._rows, service_rows(self.state, self.now)
        if Topic.TIME not in changes.topics:
            self._rows = {name: row.with_age_of(before.get(name)) for name, row in self._rows.items()}
        self._reasons = {
            name: self.wrap_text(row.verdict.explanation, 3, 3) if row.verdict.level != "good" else []
            for name, row in self._rows.items()
        }
        keys = [LineKey(name, line) for name, lines in self._reasons.items() for line in range(1 + len(lines))]
        self.table.set_lines(self.apply_filter(keys), empty=self.no_rows_text())
        self.table.invalidate_rows(name for name, row in self._rows.items() if before.get(name) != row)

    def summary(self) -> tuple[str, StatusLevel]:
        """Return the services' summary: all ok, or the worst."""
        from cq_tui.ops.verdict import summarize

        level, text = summarize(row.verdict for row in self._rows.values())
        return " · ".join(part for part in (self.supervision_note, text) if part), level

    def empty_text(self) -> str:
        """Return the text of an empty filter result: there are always services."""
        return "No service matches the filter."

    def _draw(self, key: LineKey) -> LineContent:
        row = self._rows[key.row]
        verdict = row.verdict
        if key.line:
            return SubLine(self._reasons[key.row][key.line - 1], verdict.level, indent=3)
        age = verdict.age
        age_style = age_level(age, row.age_limit) if age is not None else "idle"
        return (
            Cell(verdict.glyph, verdict.level),
            Cell(verdict.service, "strong"),
            Cell(verdict.word, verdict.level if verdict.level != "good" else ""),
            Cell(format_age(age), "muted" if age_style in ("good", "idle") else age_style),
            Cell(f"{row.restarts}×" if row.restarts else NO_VALUE, "look" if row.restarts else "muted"),
            Cell(_format_percent(row.cpu_percent)),
            Cell(f"{row.memory_mb:.0f}M" if row.memory_mb is not None else NO_VALUE),
            Cell(str(row.pid) if row.pid else NO_VALUE, "muted"),
        )


def _format_percent(percent: float | None) -> str:
    if percent is None:
        return NO_VALUE
    return f"{percent:.1f} %" if percent < 99.95 else f"{percent:.0f} %"

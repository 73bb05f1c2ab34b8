"""The log screen: the tail of one service, or of all by time, followed until the user scrolls back, with a filter."""

import asyncio
from time import monotonic
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.formatting import GLYPHS, sanitize
from cq_tui.room.detail_content import DetailContent
from cq_tui.room.filtering import ListFilter, RecentFilters
from cq_tui.room.log_tail import LogLine
from cq_tui.room.merged_log import MergedLog
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.filter_input import FilterInput
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable, SubLine
from cq_tui.room.wrapping import wrap_text

_COLUMNS = (
    Column("time", 8),
    Column("service", 10, drop_rank=2),
    Column("level", 8, drop_rank=1),
    Column("message", 40, grows=True),
)
_MESSAGE = 3
#: The first choice: every service.
_ALL = "all"
#: Lines below a wrapped one at most; the details have the rest.
_MOST_WRAPPED = 12
#: Seconds between reads of the files.
_POLL_INTERVAL = 0.25
#: Seconds between parts of a burst, for keys and panes: the thread that reads needs the interpreter too.
_PAUSE = 0.01

_FOOTER_BINDINGS = [
    Binding("slash", "filter", "filter", id="logs.filter", key_display="/", tooltip="Show only matching lines"),
    Binding("e", "errors", "only errors", id="logs.errors", tooltip="Show only warnings and errors, or all"),
    Binding("f", "follow", "follow", id="logs.follow", tooltip="Follow new lines"),
    Binding("w", "wrap", "wrap", id="logs.wrap", tooltip="Wrap long lines, or cut them"),
    Binding("0", "show_all", "all", id="logs.all", tooltip="The logs of all services"),
    Binding("left", "switch(-1)", "previous service", id="logs.before", tooltip="Previous service's log"),
    Binding("right", "switch(1)", "next service", id="logs.next", tooltip="Next service's log"),
    Binding("escape,q,l", "back", "back", id="logs.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip


class Logs(OwnScreen[None]):
    """Follows ``logs/<service>.log``, ``.out`` and ``.crash``."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS]

    def __init__(self, data: DataDir, services: tuple[str, ...], chosen: str | None, filter_text: str = "") -> None:
        """``chosen`` is the service shown first; None for all. ``filter_text`` is the filter it opens with."""
        super().__init__()
        self._data = data
        self._services = services
        self._choices = (_ALL, *services)
        self._position = self._choices.index(chosen) if chosen in services else 0
        self._log = self._open_log()
        self._lines: dict[str, LogLine] = {}
        self._filter = ListFilter([column.heading for column in _COLUMNS])
        self._filter.set(filter_text)
        self._only_errors = self._wraps = False
        self._following = True
        self.table = LineTable(_COLUMNS, self._draw, heading=False)
        self._title = Static(id="log-title", markup=False)
        self._problem = Static(id="log-problem", markup=False)
        self._entry = FilterInput(filter_text, placeholder="filter: words, !not, level:error, re:pattern", compact=True)
        self._entry.recent = RecentFilters()

    def _open_log(self) -> MergedLog:
        return MergedLog(self._data.logs, self._services if self.service == _ALL else (self.service,))

    @property
    def service(self) -> str:
        """The service whose log is shown, or ``all``."""
        return self._choices[self._position]

    def compose(self) -> ComposeResult:
        """Yield title, lines, filter and footer."""
        yield self._title
        yield self._problem
        yield self.table
        yield self._entry
        yield KeyLine([binding.id for binding in _FOOTER_BINDINGS if binding.id])

    def on_mount(self) -> None:
        """Show the log and follow it."""
        self._follow_log()

    def _follow_log(self) -> None:
        self._update_title()
        self.run_worker(self._follow(self._log), name="log", group="log", exclusive=True, exit_on_error=False)

    async def _follow(self, log: MergedLog) -> None:
        """Read in a thread, so that neither a slow disk nor a burst of lines holds up the room."""
        shown_problem, has_unshown, shown_at = None, True, 0.0
        while self.stays_open:
            lines = await asyncio.to_thread(log.read_new)
            log.append(lines)
            has_unshown |= bool(lines) or log.problem != shown_problem
            if has_unshown and (not log.is_behind or monotonic() > shown_at + _POLL_INTERVAL):
                shown_problem, has_unshown, shown_at = log.problem, False, monotonic()
                self._show_lines()
            await asyncio.sleep(_PAUSE if log.is_behind else _POLL_INTERVAL)

    def _show_lines(self) -> None:
        self._lines = {key: line for key, line in self._log.lines if self._shows(line)}
        name = "logs" if self.service == _ALL else f"logs/{self.service}.log"
        empty = f"{name} is empty. The service writes its first lines when it starts."
        if self._log.lines:
            empty = "No line matches the filter." if self._filter.text else "No warning and no error."
        elif self._log.problem:
            empty = f"{self._log.problem}."
        keys = (LineKey(key, part) for key, line in self._lines.items() for part in range(self._height_of(line)))
        self.table.set_lines(keys, empty=empty)
        if self._following and self._lines:
            self.call_after_refresh(self.table.select, next(reversed(self._lines)))
        self._update_title()

    def _shows(self, line: LogLine) -> bool:
        if self._only_errors and line.severity not in ("look", "bad"):
            return False
        if not self._filter.is_on:
            return True
        values = {"time": line.time, "service": line.service, "level": line.level, "message": line.text}
        return self._filter.shows(values | {"": f"{line.service} {line.level} {line.text}"})

    def _height_of(self, line: LogLine) -> int:
        return min(_MOST_WRAPPED, len(self._wrapped(line))) if self._wraps else 1

    def _wrapped(self, line: LogLine) -> list[str]:
        return wrap_text(line.text, self.table.column_width(_MESSAGE) or 40)

    def _update_title(self) -> None:
        names = [(f" {name} ", "bold reverse $accent" if name == self.service else "$muted") for name in self._choices]
        filtered = f"  filter: {sanitize(self._filter.note, 30)}" if self._filter.note else ""
        state = "  following" if self._following else "  paused · f follows"
        errors = "  only errors" if self._only_errors else ""
        title = Content.assemble(" logs ", *names, (filtered + errors, "$accent"), (state, "$muted"))
        self._title.update(title)
        self._problem.display = self._log.problem is not None
        self._problem.update(f" {GLYPHS['bad']} {self._log.problem}")

    def _draw(self, key: LineKey) -> LineContent:
        line = self._lines[key.row]
        style = "muted" if line.severity == "idle" else line.severity if line.severity != "good" else ""
        text = line.text
        if self._wraps:
            first, *rest = self._wrapped(line)
            if key.line:
                before = self.table.scrollable_content_region.width - self.table.column_width(_MESSAGE)
                return SubLine(rest[key.line - 1] if key.line <= len(rest) else "", style or "", max(0, before))
            text = first
        service = line.service if self.service == _ALL else ""
        return (Cell(line.time, "muted"), Cell(service, "muted"), Cell(line.level, style or "muted"), Cell(text, style))

    @on(LineTable.Selected)
    def _selected(self, event: LineTable.Selected) -> None:
        follows = event.row == next(reversed(self._lines), "")
        if follows != self._following:
            self._following = follows
            self._update_title()

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        line = self._lines[event.row]
        fields = [("time", line.time), ("service", line.service), ("level", line.level), ("", ""), ("", line.text)]
        self.app.push_screen(Detail(lambda: DetailContent(f"log line of {line.service}", fields)))

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter.set(event.value)
        self._show_lines()

    @on(Input.Submitted)
    def _filter_done(self) -> None:
        self._entry.recent.keep(self._filter.text)
        self._entry.display = False
        self.table.focus()

    def action_filter(self) -> None:
        """Open the filter; it is kept when the service changes."""
        self._entry.display = True
        self._entry.focus()

    def action_errors(self) -> None:
        """Show only warnings and errors, or all lines again."""
        self._only_errors = not self._only_errors
        self._show_lines()

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them again."""
        self._wraps = not self._wraps
        self._show_lines()
        self.table.invalidate_all()

    def action_follow(self) -> None:
        """Go to the newest line and follow new ones."""
        self._following = True
        self._show_lines()

    def action_show_all(self) -> None:
        """Show the logs of all services."""
        self.action_switch(-self._position)

    def action_switch(self, step: int) -> None:
        """Show the next or previous service's log, or all."""
        self._position = (self._position + step) % len(self._choices)
        self._log = self._open_log()
        self._following = True
        self.table.set_lines(())
        self._follow_log()

    def on_resize(self) -> None:
        """Wrap to the new width."""
        if self._wraps:
            self.call_after_refresh(self._show_lines)

    def action_back(self) -> None:
        """Return to the room."""
        self.close()

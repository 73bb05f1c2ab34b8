"""The log screen: one service's tail, followed until the user scrolls back, with a filter."""

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
from cq_tui.room.filtering import RecentFilters
from cq_tui.room.log_tail import LogLine, LogTail
from cq_tui.room.panes.pane import FilterInput
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

_COLUMNS = (Column("time", 8), Column("level", 8, drop_rank=1), Column("message", 40, grows=True))
#: Seconds between reads of the file.
_POLL_INTERVAL = 0.25
#: Seconds between parts of a burst, for keys and panes: the thread that reads needs the interpreter too.
_PAUSE = 0.01

_FOOTER_BINDINGS = [
    Binding("slash", "filter", "filter", id="logs.filter", key_display="/", tooltip="Show only matching lines"),
    Binding("f", "follow", "follow", id="logs.follow", tooltip="Follow new lines"),
    Binding("left", "switch(-1)", "previous service", id="logs.before", tooltip="Previous service's log"),
    Binding("right", "switch(1)", "next service", id="logs.next", tooltip="Next service's log"),
    Binding("escape,q,l", "back", "back", id="logs.back", key_display="esc", tooltip="Back to the room"),
]  # fmt: skip


class Logs(OwnScreen[None]):
    """Follows ``logs/<service>.log``."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS]

    def __init__(self, data: DataDir, services: tuple[str, ...], chosen: str) -> None:
        super().__init__()
        self._data = data
        self._services = services
        self._position = services.index(chosen) if chosen in services else 0
        self._tail = LogTail(data.log_of(self.service))
        self._lines: dict[str, LogLine] = {}
        self._filter = ""
        self._following = True
        self.table = LineTable(_COLUMNS, self._draw, heading=False)
        self._title = Static(id="log-title", markup=False)
        self._problem = Static(id="log-problem", markup=False)
        self._entry = FilterInput(placeholder="filter: show only lines containing this text", compact=True)
        self._entry.recent = RecentFilters()

    @property
    def service(self) -> str:
        """The service whose log is shown."""
        return self._services[self._position]

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
        self.run_worker(self._follow(self._tail), name="log", group="log", exclusive=True, exit_on_error=False)

    async def _follow(self, tail: LogTail) -> None:
        """Read in a thread, so that neither a slow disk nor a burst of lines holds up the room."""
        shown_problem, has_unshown, shown_at = None, True, 0.0
        while self.stays_open:
            lines = await asyncio.to_thread(tail.read_new)
            tail.append(lines)
            has_unshown |= bool(lines) or tail.problem != shown_problem
            if has_unshown and (not tail.is_behind or monotonic() > shown_at + _POLL_INTERVAL):
                shown_problem, has_unshown, shown_at = tail.problem, False, monotonic()
                self._show_lines()
            await asyncio.sleep(_PAUSE if tail.is_behind else _POLL_INTERVAL)

    def _show_lines(self) -> None:
        needle = self._filter.casefold()
        self._lines = {key: line for key, line in self._tail.lines if needle in f"{line.level} {line.text}".casefold()}
        name = f"logs/{self.service}.log"
        empty = f"{name} is empty. The service writes its first lines when it starts."
        if self._tail.lines:
            empty = "No line matches the filter."
        elif self._tail.problem:
            empty = f"{name}: {self._tail.problem}."
        self.table.set_lines((LineKey(key) for key in self._lines), empty=empty)
        if self._following and self._lines:
            self.call_after_refresh(self.table.select, next(reversed(self._lines)))
        self._update_title()

    def _update_title(self) -> None:
        names = [(f" {name} ", "bold reverse $accent" if name == self.service else "$muted") for name in self._services]
        filtered = f"  filter: {sanitize(self._filter, 30)}" if self._filter else ""
        state = "  following" if self._following else "  paused · f follows"
        title = Content.assemble(" logs ", *names, (filtered, "$accent"), (state, "$muted"))
        self._title.update(title)
        self._problem.display = self._tail.problem is not None
        self._problem.update(f" {GLYPHS['bad']} logs/{self.service}.log: {self._tail.problem}")

    def _draw(self, key: LineKey) -> LineContent:
        line = self._lines[key.row]
        style = "muted" if line.severity == "idle" else line.severity if line.severity != "good" else ""
        return (Cell(line.time, "muted"), Cell(line.level, style or "muted"), Cell(line.text, style))

    @on(LineTable.Selected)
    def _selected(self, event: LineTable.Selected) -> None:
        follows = event.row == next(reversed(self._lines), "")
        if follows != self._following:
            self._following = follows
            self._update_title()

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        line = self._lines[event.row]
        fields = [("time", line.time), ("level", line.level), ("", ""), ("", line.text)]
        self.app.push_screen(Detail(lambda: DetailContent(f"log line of {self.service}", fields)))

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        self._filter = event.value.strip()
        self._show_lines()

    @on(Input.Submitted)
    def _filter_done(self) -> None:
        self._entry.display = False
        self.table.focus()

    def action_filter(self) -> None:
        """Open the filter; it is kept when the service changes."""
        self._entry.display = True
        self._entry.focus()

    def action_follow(self) -> None:
        """Go to the newest line and follow new ones."""
        self._following = True
        self._show_lines()

    def action_switch(self, step: int) -> None:
        """Show the next or previous service's log."""
        self._position = (self._position + step) % len(self._services)
        self._tail = LogTail(self._data.log_of(self.service))
        self._following = True
        self.table.set_lines(())
        self._follow_log()

    def action_back(self) -> None:
        """Return to the room."""
        self.close()

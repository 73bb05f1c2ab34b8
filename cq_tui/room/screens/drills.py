"""The screen of drills: each with its last result, or what happens in it now."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from cq_tui.room.detail_content import DetailContent
from cq_tui.room.drill_runner import DrillRow, DrillRunner
from cq_tui.room.messages import DrillRequested
from cq_tui.room.screens.detail import Detail
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.screens.refusing import RefusingScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable

_COLUMNS = (
    Column("drill", 20), Column("result", 8), Column("s", 6, align_right=True, drop_rank=1),
    Column("", 30, grows=True),
)  # fmt: skip
_STYLES = {"never": "muted", "waiting": "muted", "running": "accent", "passed": "good", "failed": "bad"}
_WORDS = {"never": "–", "waiting": "waiting", "running": "running", "passed": "PASS", "failed": "FAIL"}

_FOOTER_BINDINGS = [
    Binding("r", "run", "run", id="drills.run", tooltip="Run the selected drill on a private exchange"),
    Binding("A", "run_all", "run all", id="drills.run_all", tooltip="Run all drills"),
    Binding("x", "stop", "stop", id="drills.stop", tooltip="End the drills that run"),
    Binding("escape,q,D", "back", "back", id="drills.back", key_display="esc", tooltip="Back; drills go on"),
]  # fmt: skip


class DrillsScreen(OwnScreen[None], RefusingScreen[None]):
    """Shows the room's runner; drills go on when it is closed."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS]

    def __init__(self, runner: DrillRunner, refusal: str | None) -> None:
        super().__init__()
        self._runner = runner
        self._refusal = refusal
        self._title = Static(id="drills-title", markup=False)
        self.table = LineTable(_COLUMNS, self._draw)
        self._key_line = KeyLine([binding.id for binding in _FOOTER_BINDINGS if binding.id])

    def compose(self) -> ComposeResult:
        """Yield title, drills and footer."""
        yield self._title
        yield self.table
        yield self._key_line

    def on_mount(self) -> None:
        """Show what is known, and read the rest."""
        self._runner.on_change = self._show
        self._show()
        self.run_worker(self._runner.load(), name="drills known", group="drills", exit_on_error=False)

    def on_unmount(self) -> None:
        """Hear no more of the runner."""
        self._runner.on_change = lambda: None

    def _show(self) -> None:
        if not self.stays_open:
            return
        rows = self._runner.rows
        self.table.set_lines((LineKey(name) for name in rows), empty="Reading the drills…")
        self.table.invalidate_rows(rows)
        passed = sum(row.state == "passed" for row in rows.values())
        ran = any(row.state != "never" for row in rows.values())
        text = f"  {passed} of {len(rows)} passed" if ran else "  none run yet" if rows else ""
        self._title.update(Content.assemble((" drills ", "bold"), (text, "$muted")))
        self._key_line.update_keys()

    def _draw(self, key: LineKey) -> LineContent:
        row = self._runner.rows[key.row]
        style = _STYLES[row.state]
        seconds = f"{row.seconds:.1f}" if row.seconds else ""
        text = row.text or row.description
        return (Cell(row.name), Cell(_WORDS[row.state], style), Cell(seconds, "muted"), Cell(text, "muted"))

    @on(LineTable.Opened)
    def _opened(self, event: LineTable.Opened) -> None:
        self.app.push_screen(Detail(lambda: _describe(self._runner.rows[event.row])))

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why no drill can be run, or stopped, now."""
        if action in ("run", "run_all"):
            return self._refusal or ("Drills are running; x ends them" if self._runner.is_running else None)
        return "No drill is running" if action == "stop" and not self._runner.is_running else None

    def action_run(self) -> None:
        """Run the selected drill."""
        if self.table.selected is not None:
            self.post_message(DrillRequested(self.table.selected))

    def action_run_all(self) -> None:
        """Run all drills."""
        self.post_message(DrillRequested("all"))

    def action_stop(self) -> None:
        """End the drills that run."""
        self.post_message(DrillRequested(None))

    def action_back(self) -> None:
        """Return to the room."""
        self.close()


def _describe(row: DrillRow) -> DetailContent:
    fields = [("", row.description), ("", ""), ("result", _WORDS[row.state])]
    fields += [("", row.text)] if row.text else []
    fields += [("evidence", row.evidence)] if row.evidence else []
    return DetailContent(f"drill {row.name}", [*fields, ("", ""), *(("", step) for step in row.steps)])

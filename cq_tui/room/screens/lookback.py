"""The screen for looking back: what to run, how far it is, and the result beside what ran live."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker

from cq_tui.ops.formatting import GLYPHS
from cq_tui.room.look_back_choices import FIELDS
from cq_tui.room.look_back_runner import CommandFailed, LookBack, LookBackRunner
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.screens.refusing import RefusingScreen
from cq_tui.room.widgets.columns import Cell, Column
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineContent, LineKey, LineTable
from cq_tui.room.widgets.sheet import Sheet
from cq_tui.room.wrapping import wrap_text

if TYPE_CHECKING:
    from cq_tui.contracts.trading_report import TradingReport
    from cq_tui.room.state import RoomState

_COLUMNS = (Column("", 8), Column("", 30, grows=True))
#: Fewest columns for both reports side by side.
_SIDE_BY_SIDE_FROM = 164
_BAR_CELLS = 24

_FOOTER_BINDINGS = [
    Binding("r", "run", "run", id="look_back.run", tooltip="Run what is chosen over the recorded klines"),
    Binding("x", "stop", "end", id="look_back.stop", tooltip="End the run"),
    Binding("question_mark", "help", "help", id="look_back.help", key_display="?", tooltip="Keys and icons"),
    Binding("escape", "back", "back", id="look_back.back", key_display="esc", tooltip="End the run, or else back"),
]  # fmt: skip
_FIELD_BINDINGS = [
    Binding("left", "screen.choose(-1)", "previous", id="look_back.before", tooltip="Previous or next choice"),
    Binding("right", "screen.choose(1)", "next", id="look_back.next", tooltip="Previous or next choice"),
]  # fmt: skip
_SCROLL_BINDINGS = [
    Binding("pageup", "page(-1)", "page up", show=False, id="look_back.page_up", tooltip="Scroll the result"),
    Binding("pagedown", "page(1)", "page down", show=False, id="look_back.page_down", tooltip="Scroll the result"),
    Binding("home", "edge(-1)", "first", show=False, id="look_back.first", tooltip="Scroll the result"),
    Binding("end", "edge(1)", "last", show=False, id="look_back.last", tooltip="Scroll the result"),
    Binding("enter", "open", "run", show=False, id="look_back.enter", tooltip=_FOOTER_BINDINGS[0].tooltip),
]
_HIDDEN_BINDINGS = [
    Binding("q,L", "leave", "back", show=False, id="look_back.leave", tooltip="Back; a run ends"),
]


class _Fields(LineTable):
    """What to run. Its keys for pages and ends scroll the result."""

    BINDINGS: ClassVar[list[BindingType]] = [*_FIELD_BINDINGS, *_SCROLL_BINDINGS]

    def __init__(self, screen: "LookBackScreen") -> None:
        super().__init__(_COLUMNS, screen.draw_field, heading=False)
        self._result = screen.result

    def action_page(self, direction: int) -> None:
        """Scroll the result by a page."""
        (self._result.scroll_page_up if direction < 0 else self._result.scroll_page_down)(animate=False)

    def action_edge(self, direction: int) -> None:
        """Scroll the result to an end."""
        (self._result.scroll_home if direction < 0 else self._result.scroll_end)(animate=False)


class LookBackScreen(OwnScreen[None], RefusingScreen[None]):
    """Shows the room's runner; a run ends with the screen, its result stays."""

    AUTO_FOCUS = "LineTable"
    BINDINGS: ClassVar[list[BindingType]] = [*_FOOTER_BINDINGS, *_HIDDEN_BINDINGS]

    def __init__(self, runner: LookBackRunner, state: "RoomState") -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_SIDE_BY_SIDE_FROM, "-broad")]
        self._runner = runner
        self._state = state
        self._problem = ""
        self._work: Worker[None] | None = None
        self._title = Static(id="look-back-title", markup=False)
        self._beside, self._report = Sheet("beside"), Sheet("report")
        self.result = VerticalScroll(self._beside, self._report, id="look-back-result", can_focus=False)
        self._fields = _Fields(self)
        footer = [_FOOTER_BINDINGS[0], *_FIELD_BINDINGS, *_FOOTER_BINDINGS[1:]]
        self._key_line = KeyLine([binding.id for binding in footer if binding.id])

    def compose(self) -> ComposeResult:
        """Yield title, fields, result and footer."""
        yield self._title
        yield self._fields
        yield self.result
        yield self._key_line

    def on_mount(self) -> None:
        """Show what is known, and read the rest."""
        self._runner.on_change = self._show
        self._show()
        self.run_worker(self._load(), name="choices", group="look back", exit_on_error=False)

    def on_unmount(self) -> None:
        """Hear no more of the runner."""
        self._runner.on_change = lambda: None

    async def _load(self) -> None:
        try:
            await self._runner.load(has_traded=self._account is not None)
        except (CommandFailed, OSError) as error:
            self._problem = str(error)
            self._show()

    @property
    def _account(self) -> str | None:
        account = self._state.account
        return None if account is None else account.account

    # -- painting

    def _show(self) -> None:
        if not self.stays_open:
            return
        choices, shown = self._runner.choices, self._runner.shown
        has_klines = choices is not None and bool(choices.klines)
        self._fields.set_lines((LineKey(name) for name in FIELDS if has_klines), empty=self._why_empty())
        self._fields.invalidate_all()
        self._title.update(Content.assemble((" look back ", "bold"), *_state_words(shown)))
        report, live = shown.report, shown.live
        self._report.display = report is not None or shown.phase == "failed"
        self._beside.display = report is not None and not self._runner.is_running
        self.result.set_class(live is not None, "-both")
        self._report.set_lines(lambda width: _report_lines(shown, width))
        self._beside.set_lines(lambda width: _beside_lines(shown, width) if live or shown.live_text else [])
        self._key_line.update_keys()

    def _why_empty(self) -> str:
        if self._problem:
            return self._problem
        if self._runner.choices is None:
            return "Reading which klines and strategies there are…"
        return (
            "No klines are stored yet. The feeder stores them as it runs; `cq-tui data fetch` and `cq-tui data import` "
            "add older ones."
        )

    def draw_field(self, key: LineKey) -> LineContent:
        """Draw one field with its choice."""
        choices = self._runner.choices
        if choices is None:
            return (Cell(key.row, "muted"), Cell(""))
        text, count = choices.chosen(key.row).text, len(choices.options(key.row))
        return (Cell(key.row, "muted"), Cell(f"‹ {text} ›" if count > 1 else f"  {text}"))

    # -- keys

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why nothing can be run, or ended, now."""
        if action == "stop":
            return None if self._runner.is_running else "Nothing is running"
        if action in ("run", "choose"):
            if self._runner.is_running:
                return "A look back is running; x ends it"
            if self._runner.choices is None or not self._runner.choices.klines:
                return self._why_empty()
        return None

    @on(LineTable.Opened)
    async def _opened(self) -> None:
        await self.run_action("run")

    def action_run(self) -> None:
        """Run what is chosen."""
        work = self._runner.run(self._account)
        self._work = self.run_worker(work, name="look back", group="look back", exit_on_error=False)

    def action_choose(self, step: int) -> None:
        """Choose another option of the selected field."""
        if self._runner.choices is not None and self._fields.selected is not None:
            self._runner.choices.step(self._fields.selected, step)
            self._fields.invalidate_all()

    def action_stop(self) -> None:
        """End the run."""
        if self._work is not None:
            self._work.cancel()

    def action_back(self) -> None:
        """End the run, or else return to the room."""
        if self._runner.is_running:
            self.action_stop()
        else:
            self.close()

    def action_leave(self) -> None:
        """Return to the room; a run ends with this screen."""
        self.close()

    def action_help(self) -> None:
        """Show keys and icons."""
        from cq_tui.room.screens.help import Help

        self.app.push_screen(Help(self))


def _state_words(shown: LookBack) -> list[tuple[str, str]]:
    if shown.phase == "running":
        share = shown.done / shown.whole if shown.whole else 0.0
        bar = "▓" * round(share * _BAR_CELLS) + "░" * (_BAR_CELLS - round(share * _BAR_CELLS))
        done = f"  {bar} {share:.0%}".replace("%", " %") if shown.whole else ""
        return [(f" {shown.text}{done}", "$accent")]
    if shown.phase == "done" and shown.report is not None:
        return [(f"  {part}", "") for part in _results(shown.report)]
    words = {
        "failed": (f" {GLYPHS['bad']} it did not run", "$error"),
        "ended": (" ended before it was over", "$warning"),
    }
    return [words.get(shown.phase, (" choose with the arrows, run with r; nothing is traded", "$muted"))]


def _results(report: "TradingReport") -> list[str]:
    """Return the three results that stand side by side, in words."""
    from cq_tui.ops.trading_reports.words import LINE_NAMES, signed_share

    return [f"{LINE_NAMES[line.name]} {signed_share(line.return_share)}" for line in report.lines]


def _report_lines(shown: LookBack, width: int) -> list[Content]:
    if shown.phase == "failed":
        return [Content.styled(line, "$error") for line in wrap_text(shown.text, width)]
    if shown.report is None:
        return []
    from cq_tui.ops.trading_reports.text import report_lines

    return _contents(report_lines(shown.report, width), width)


def _beside_lines(shown: LookBack, width: int) -> list[Content]:
    if shown.report is None:
        return []
    from cq_tui.ops.trading_reports.beside import beside_lines

    lines = [] if shown.live is None else beside_lines(shown.report, shown.live)
    note = [Content.styled(line, "$muted") for line in wrap_text(shown.live_text, width)] if shown.live_text else []
    return [*_contents(lines, width), *note, Content("")]


def _contents(lines: list[str], width: int) -> list[Content]:
    """Return lines that fit, those that are too long in several."""
    return [Content(part) for line in lines for part in ([line] if len(line) <= width else wrap_text(line, width))]

"""The room's main screen: three lines, eight panes and footer; the active pane, the layout and the keys."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.geometry import Size

from cq_tui.room.changes import Changes, Topic
from cq_tui.room.filtering import RecentFilters
from cq_tui.room.keys import FOOTER_BINDINGS, HIDDEN_BINDINGS, RoomAction
from cq_tui.room.last_checkpoint import LastCheckpoint
from cq_tui.room.messages import (
    ActionRequested,
    FreezeRequested,
    PinsChanged,
    QuitRequested,
    StateChanged,
)
from cq_tui.room.panes.alert_bar import AlertBar
from cq_tui.room.panes.chart_pane import ChartPane
from cq_tui.room.panes.feeder import FeederPane
from cq_tui.room.panes.inspector import Inspector
from cq_tui.room.panes.memory import MemoryPane
from cq_tui.room.panes.money_line import MoneyLine
from cq_tui.room.panes.orders import OrdersPane
from cq_tui.room.panes.pane import Pane
from cq_tui.room.panes.positions import PositionsPane
from cq_tui.room.panes.quarantine import QuarantinePane
from cq_tui.room.panes.services import ServicesPane
from cq_tui.room.panes.signals import SignalsPane
from cq_tui.room.panes.state_lines import StateLines
from cq_tui.room.panes.status_bar import StatusBar
from cq_tui.room.refusals import refuse_action, refuse_reading, refuse_service_action
from cq_tui.room.screens.own_screen import OwnScreen
from cq_tui.room.screens.room_doors import RoomDoors
from cq_tui.room.symbol_focus import SymbolFocus
from cq_tui.room.ui_settings import UiSettings
from cq_tui.room.widgets.key_line import KeyLine
from cq_tui.room.widgets.line_table import LineTable

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Fewest columns and rows for panes side by side.
_GRID_FROM = (118, 34)
#: Fewest columns for the wider grid.
_FULL_GRID_FROM = 150
#: Columns of the inspector.
_INSPECTOR = 48
#: Fewest columns and rows for panes at all.
_PANES_FROM = (60, 15)
#: Keys of a pane in its border.
_HINTS = 2
#: What the line of money shows; prices move it once a second.
_MONEY_TOPICS = frozenset({Topic.TIME, Topic.ACCOUNT, Topic.EVENTS, Topic.SERVICES, Topic.SETTINGS})
#: What needs the data directory's content, and changes nothing.
_READING_ACTIONS = frozenset(
    {
        "logs",
        "freeze",
        "drills",
        "look_back",
        "why_not",
        "balances",
        "every_event",
        "settings",
        "trades",
        "proof",
        "copy",
    }
)


class RoomScreen(OwnScreen[None], RoomDoors):
    """Shows a RoomState. File changes arrive as StateChanged; keys that act on the stack post ActionRequested."""

    AUTO_FOCUS = None
    has_state_lines = False
    BINDINGS: ClassVar[list[BindingType]] = [*FOOTER_BINDINGS, *HIDDEN_BINDINGS]

    #: Set by ``attach``.
    state: "RoomState"

    def __init__(self, now: Callable[[], float], view_only: str | None = None, ui: UiSettings | None = None) -> None:
        """``view_only`` is why nothing may be changed from this room; None if it may act. ``ui``: a person's wishes."""
        super().__init__()
        self.view_only = view_only
        self.attached = False
        self._now = now
        self._frozen_at: float | None = None
        self._ticked_at = 0.0
        #: What changed while another screen was open.
        self._missed = Changes()
        #: The last checkpoint, kept where no rollback of the data directory reaches it.
        self.checkpoint = LastCheckpoint()
        # Held here: messages also come before widgets are mounted, and after they are gone.
        self._status_bar, self.alert_bar = StatusBar(view_only=view_only is not None), AlertBar()
        self._money = MoneyLine()
        self._inspector = Inspector()
        self.is_inspecting = False
        self._key_line = KeyLine([binding.id for binding in FOOTER_BINDINGS if binding.id])
        self._services, self._memory, self._chart = ServicesPane(), MemoryPane(), ChartPane()
        feeder = FeederPane()
        self.panes: tuple[Pane, ...] = (
            self._services, feeder, SignalsPane(),
            OrdersPane(), QuarantinePane(), self._memory, PositionsPane(), self._chart,
        )  # fmt: skip
        ui = ui or UiSettings()
        by_label = {pane.label: pane for pane in self.panes}
        feeder.flashes = ui.flash
        #: Columns of ui.toml that there are not, by pane.
        self.unknown_columns = {
            label: unknown for label, names in ui.columns.items()
            if (unknown := by_label[label].table.choose_columns(names))
        }  # fmt: skip
        self.active: Pane = by_label[ui.start or feeder.label]
        self.set_class(ui.zoomed, "-zoomed")
        #: The symbol in focus in the whole room.
        self.symbol_focus = SymbolFocus(pinned=ui.pins)
        self.recent_filters = RecentFilters()
        for pane in self.panes:
            pane.focus_on = self.symbol_focus
            pane.recent = self.recent_filters
        self.active.add_class("-active")

    def compose(self) -> ComposeResult:
        """Yield status bar, alerts, panes and footer."""
        self._arrange(self.app.size)
        yield self._status_bar
        yield self._money
        yield self.alert_bar
        by_label = {pane.label: pane for pane in self.panes}
        with Horizontal(id="middle"):
            with Container(id="panes"):
                # The grid places widgets in order.
                for label in ("feeder", "chart", "signals", "orders", "positions", "quarantine", "memory"):
                    yield by_label[label]
            yield self._inspector
        yield self._services
        yield self._key_line

    def on_mount(self) -> None:
        """Focus the feeder's table."""
        for pane in self.panes:
            pane.border_subtitle = self._hints_of(pane)
        self._key_line.first_ids = self.active.key_ids
        self.call_after_refresh(self.active.focus_target.focus)

    def _hints_of(self, pane: Pane) -> Content:
        """Return a pane's own keys, for its border."""
        by_id = {binding.id: binding for _, binding, *_ in self.active_bindings.values()}
        parts: list[tuple[str, str]] = []
        for name in pane.key_ids[:_HINTS]:
            if (binding := by_id.get(name)) is not None:
                parts += [(f" {self.app.get_key_display(binding)}", "$accent"), (f" {binding.description} ", "$muted")]
        return Content.assemble(*parts)

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on. The frame was painted before anything was read."""
        self.state = state
        self.attached = True
        self._status_bar.attach(state)
        self._money.attach(state)
        self.alert_bar.attach(state)
        for pane in self.panes:
            pane.attach(state)
        self.show_changes(Changes(set(Topic)))

    # -- file changes

    @property
    def now(self) -> float:
        """The displayed time, which stops while frozen."""
        return self._now() if self._frozen_at is None else self._frozen_at

    def take_changes(self, changes: Changes) -> None:
        """Show what changed; under another screen only once that is closed.

        Textual paints the whole upper screen again for every message to the one beneath it.
        """
        if self.app.screen_stack[-1:] == [self]:
            self.post_message(StateChanged(changes))
        else:
            self._missed.add(changes)

    @on(StateChanged)
    def _state_changed(self, event: StateChanged) -> None:
        self.show_changes(event.changes)

    def show_changes(self, changes: Changes) -> None:
        """Repaint what changed. Ages are as of the last tick, so that not every report repaints them."""
        if Topic.TIME in changes.topics or not 0 <= self.now - self._ticked_at < 1:
            self._ticked_at = self.now
        now = self._ticked_at
        for pane in self.panes:
            pane.apply_changes(changes, now)
        if changes.topics - {Topic.PRICES}:
            self._update_inspector()
        if changes.topics & {Topic.SERVICES, Topic.SETTINGS}:
            if self.checkpoint.update(self.state.memory):
                self._key_line.side_note = self.checkpoint.short_text
            self._key_line.update_keys()
        if changes.topics - {Topic.PRICES}:
            self._status_bar.update_status(now)
            self.alert_bar.update_alerts(now)
        if changes.topics & _MONEY_TOPICS:
            self._money.update_money(now)
        if self.symbol_focus.symbol is None and self.panes[1].table.selected:
            self.focus_symbol(self.panes[1].table.selected)

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was open."""
        if self._missed:
            missed, self._missed = self._missed, Changes()
            self.show_changes(missed)

    def make_state_lines(self) -> StateLines | None:
        """Return this room's first two lines for another screen; None before there is anything to show."""
        if not self.attached or self.has_class("-tiny"):
            return None
        lines = StateLines(self.state, lambda: self.now, view_only=self.view_only is not None)
        lines.frozen_at = self._frozen_at
        return lines

    def show_supervision(self, note: str) -> None:
        """Show in the services' title that this room does not supervise; an empty note if it does."""
        self._services.supervision_note = note
        self._services.update_title()

    # -- panes

    def activate(self, pane: Pane) -> None:
        """Make a pane the active one and focus its table."""
        self.active = pane
        for each in self.panes:
            each.set_class(each is pane, "-active")
        self.set_class(pane is self._services, "-services")
        self._key_line.first_ids = pane.key_ids
        self._key_line.refresh()
        # At once, so that the next key reaches the table; a collapsed one becomes visible with the next paint.
        self.set_focus(pane.focus_target)
        self._update_inspector()

    @on(LineTable.Selected)
    def _row_selected(self, event: LineTable.Selected) -> None:
        if event.table is self.panes[0].table:
            self._key_line.update_keys()
            return
        pane = next((pane for pane in self.panes if pane.table is event.table), None)
        symbol = pane.symbol_of(event.row) if pane else None
        if symbol is not None and not self.symbol_focus.is_narrowed:
            self.focus_symbol(symbol)
        self._update_inspector()

    def focus_symbol(self, symbol: str) -> None:
        """Put a symbol in focus in the whole room."""
        self.symbol_focus.symbol = symbol
        self._chart.show_symbol(symbol)

    def show_symbol(self, symbol: str) -> None:
        """Put a symbol in focus, with its row and its chart."""
        self.focus_symbol(symbol)
        self.panes[1].table.select(symbol)
        self.activate(self._chart)

    def _show_focus(self) -> None:
        if self.attached:
            self.show_changes(Changes({Topic.FOCUS}))

    def action_pin(self) -> None:
        """Pin the symbol in focus to the top of the feeder, or let it go."""
        if self.symbol_focus.symbol is not None:
            self.symbol_focus.toggle_pin(self.symbol_focus.symbol)
            self.post_message(PinsChanged(self.symbol_focus.pinned))
            self._show_focus()

    def action_narrow(self) -> None:
        """Show only the symbol in focus in every list, or all again."""
        self.symbol_focus.is_narrowed = not self.symbol_focus.is_narrowed and self.symbol_focus.symbol is not None
        self._show_focus()

    def action_chart_frame(self, step: int) -> None:
        """Show longer or shorter bars in the chart."""
        self._chart.change_frame(step)

    def action_chart_move(self, step: int) -> None:
        """Move the chart in time."""
        self._chart.move(step)

    @on(Pane.Chosen)
    def _pane_chosen(self, event: Pane.Chosen) -> None:
        if event.pane is not self.active:
            self.activate(event.pane)

    def action_pane(self, number: int) -> None:
        """Go to a pane by its number."""
        self.activate(self.panes[number - 1])

    def action_next_pane(self, step: int) -> None:
        """Go to the next or previous pane."""
        self.activate(self.panes[(self.panes.index(self.active) + step) % len(self.panes)])

    def action_zoom(self) -> None:
        """Show the active pane alone, or all panes again."""
        self.toggle_class("-zoomed")

    async def action_filter(self) -> None:
        """Filter the active list."""
        await self.active.open_filter()

    def action_sort(self, reverse: int) -> None:
        """Sort the active list by its next column, or reverse its order."""
        if not reverse:
            self.active.sort_by_next()
        elif self.active.sorting is not None:
            self.active.sort_by(self.active.sorting[0])

    @on(LineTable.HeadingClicked)
    def _heading_clicked(self, event: LineTable.HeadingClicked) -> None:
        next(pane for pane in self.panes if pane.table is event.table).sort_by(event.heading)

    def action_back(self) -> None:
        """One step back: clear the filter, close the inspector, end the zoom, widen the lists, clear the selection."""
        if self.active.filter_text:
            self.active.clear_filter()
        elif self.is_inspecting:
            self._inspect(False)
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.symbol_focus.is_narrowed:
            self.action_narrow()
        else:
            self.active.table.clear_selection()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout for the new size."""
        self._arrange(event.size)
        alert_bar = self.alert_bar
        if alert_bar.fills_screen != self.has_class("-tiny"):
            alert_bar.fills_screen = self.has_class("-tiny")
        if self.attached:
            self.show_changes(Changes({Topic.TIME}))

    def _arrange(self, size: Size) -> None:
        """Choose the layout that fits the terminal."""
        width, height = size
        if width < _FULL_GRID_FROM and self.is_inspecting:
            self._inspect(False)
        self.set_class(width < _PANES_FROM[0] or height < _PANES_FROM[1], "-tiny")
        lists = width - _INSPECTOR * self.is_inspecting
        self.set_class(lists < _FULL_GRID_FROM, "-medium")
        self.set_class(width < _GRID_FROM[0] or height < _GRID_FROM[1], "-compact")

    def admits(self, event: events.Event) -> bool:
        """Let inputs through. A filter that lost the focus because its pane became too small to show gets it back."""
        if self.focused is None and (entry := self.active.open_filter_input) is not None:
            # What was typed so far stays, too.
            entry.select_on_focus = False
            self.set_focus(entry)
        return super().admits(event)

    # -- other screens

    @on(LineTable.Opened)
    def _row_opened(self, event: LineTable.Opened) -> None:
        pane = next(pane for pane in self.panes if pane.table is event.table)
        if pane.subject == "event":
            from cq_tui.room.screens.history import HistoryScreen

            self.app.push_screen(HistoryScreen(self.state, event.row))
            return
        if self.app.size.width >= _FULL_GRID_FROM and not self.is_inspecting:
            self._inspect(True)
            return
        from cq_tui.room.details import describe
        from cq_tui.room.screens.detail import Detail

        row_id = pane.id_of(event.row)
        self.app.push_screen(Detail(lambda: describe(self.state, pane.subject, event.row, self.now), row_id))

    def _inspect(self, is_open: bool) -> None:
        """Open the inspector beside the lists, or close it."""
        self.is_inspecting = is_open
        self.set_class(is_open, "-inspecting")
        self._arrange(self.app.size)
        self._update_inspector()

    def _update_inspector(self) -> None:
        row = self.active.table.selected
        if not self.is_inspecting or not self.attached or row is None or self.active is self._chart:
            return
        from cq_tui.room.details import describe

        self._inspector.show(describe(self.state, self.active.subject, row, self.now))

    def refusal(self, action: str, parameters: tuple[object, ...]) -> str | None:
        """Return why an action cannot be done now; navigation, help and quit always can."""
        state = self.state if self.attached else None
        if action == "perform":
            return refuse_action(RoomAction(str(parameters[0])), state, self.view_only)
        if action == "on_symbol":
            return refuse_action(RoomAction(str(parameters[0])), state, self.view_only)
        if action == "service":
            service = self.selected_service if state else ""
            frozen = self._frozen_at is not None
            return refuse_service_action(
                RoomAction(str(parameters[0])), service, state, self.view_only, is_frozen=frozen
            )
        return refuse_reading(state) if action in _READING_ACTIONS else None

    def action_every_event(self) -> None:
        """Show every event in the memory pane, or again what else happened."""
        self._memory.toggle_every()
        self.activate(self._memory)

    def action_freeze(self) -> None:
        """Freeze or resume the display."""
        self._frozen_at = None if self._frozen_at is not None else self._now()
        self._status_bar.frozen_at = self._frozen_at
        self.post_message(FreezeRequested(self._frozen_at is not None))
        self._key_line.update_keys()
        self.show_changes(Changes(set(Topic) if self._frozen_at is None else {Topic.TIME}))

    # -- actions on the stack

    @property
    def selected_service(self) -> str:
        """The service that s, x and r act on."""
        return self._services.table.selected or self.state.required_services()[0]

    def action_perform(self, action: str) -> None:
        """Request an action that needs no target."""
        self.post_message(ActionRequested(RoomAction(action)))

    def action_on_symbol(self, action: str) -> None:
        """Request an action on what the selected row is about, else on the symbol in focus; if it has none, asked."""
        wanted = RoomAction(action)
        self.post_message(ActionRequested(wanted, self._on_only(wanted, self._acted_on or "")))

    @property
    def _acted_on(self) -> str | None:
        """The symbol or strategy of the selected row; in the chart its symbol."""
        row, pane = self.active.table.selected, self.active
        if pane is self._chart or row is None:
            return self.symbol_focus.symbol
        return row if pane.subject == "quarantine" else pane.symbol_of(row)

    def _on_only(self, action: RoomAction, symbol: str) -> str:
        """Return the only symbol that an action can mean, if this one is not among them; empty if there are more."""
        from cq_tui.room.closing_questions import closable
        from cq_tui.room.trader_questions import paused_names

        found = {RoomAction.CLOSE: closable, RoomAction.RELEASE: paused_names}.get(action)
        if found is None or symbol in (names := found(self.state)):
            return symbol
        return names[0] if len(names) == 1 else ""

    def action_service(self, action: str) -> None:
        """Start, stop or restart the selected service, after showing which one it is."""
        if self.active is not self.panes[0]:
            self.activate(self.panes[0])
        self.post_message(ActionRequested(RoomAction(action), self.selected_service))

    def action_leave(self) -> None:
        """Ask how to quit."""
        self.post_message(QuitRequested())

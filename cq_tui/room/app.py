"""The control room's app: the file watcher, supervision after the first paint, and quitting."""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.driver import Driver
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.garbage import resume_collection
from cq_tui.ops.formatting import Alert, pluralize, sanitize, show_times_in
from cq_tui.room.asking_app import AskingApp
from cq_tui.room.changes import Changes
from cq_tui.room.controls import Controls, RequestRefused, StartSupervisor
from cq_tui.room.keyboard_layout import HINT_INTERVAL, layout_hint
from cq_tui.room.keys import APP_BINDINGS, ASKING_ACTIONS, IN_PALETTE, SECTION_OF, RoomAction
from cq_tui.room.messages import (
    ActionRefused,
    ActionRequested,
    CopyRequested,
    DrillRequested,
    FreezeRequested,
    PinsChanged,
    QuitRequested,
)
from cq_tui.room.painted_cells import PaintedCells
from cq_tui.room.refusals import refuse_action, refuse_service_action
from cq_tui.room.screens.dialog import Dialog, DialogAnswer, ShowDialog
from cq_tui.room.screens.refusing import RefusingScreen
from cq_tui.room.screens.room import RoomScreen
from cq_tui.room.stack import Stack
from cq_tui.room.terminal.voice import News, bad_subject, notification_sequence, title_sequence
from cq_tui.room.title import room_title
from cq_tui.room.ui_settings import UiSettings

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.notifications import SeverityLevel

    from cq_tui.room.copying import Clipboard
    from cq_tui.room.drill_runner import DrillRunner
    from cq_tui.room.panes.state_lines import StateLines
    from cq_tui.room.state import FindHolder, RoomState
    from cq_tui.room.supervisor_keeper import Supervision
    from cq_tui.room.watcher import Watcher


def _room_commands() -> type[Provider]:
    # Imported when the palette opens.
    from cq_tui.room.palette_entries import RoomCommands

    return RoomCommands


class RoomApp(AskingApp):
    """The room for one data directory. With ``supervise=False`` it does not care for a supervisor."""

    TITLE = "Coin Quant R11"
    CSS_PATH = Path(__file__).with_name("room.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_room_commands}
    BINDINGS: ClassVar[list[BindingType]] = [*APP_BINDINGS]

    def __init__(
        self,
        data: DataDir,
        supervise: bool = True,
        *,
        start_supervisor: StartSupervisor | None = None,
        environment: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        find_holder: "FindHolder | None" = None,
        notice: str | None = None,
        ascii_only: bool = False,
        preferences: Path | None = None,
        ui: UiSettings | None = None,
        view_only: str | None = None,
        terminal: Mapping[str, str] | None = None,
    ) -> None:
        """``notice`` is shown once, when the room has opened.

        ``view_only`` is why this room only views: it cares for no supervisor, and its keys do not act. ``terminal``
        has the variables that describe the terminal; the process's own if None. For the rest, see AskingApp.
        """
        super().__init__(data, ascii_only=ascii_only, preferences=preferences, ui=ui, clock=clock)
        show_times_in(self.ui.timezone)
        self._notice = notice
        self.data = data
        self._environment = environment
        #: The read model; set after the first paint.
        self.state: RoomState | None = None
        self._controls = Controls(data, view_only, start_supervisor)
        self._supervise = supervise and view_only is None
        self._now = now
        self._next_hint = -math.inf
        self._find_holder = find_holder
        self._watcher: Watcher | None = None
        self._painted = PaintedCells()
        self._stack = Stack(data, self._controls)
        self._terminal = os.environ if terminal is None else terminal
        self._title = ""
        self._news = News()
        self.set_keymap(self.ui.keys)

    def get_default_screen(self) -> Screen[None]:
        """Return the room's main screen."""
        self.room = RoomScreen(self._now, self._controls.refusal, self.ui)
        return self.room

    def get_driver_class(self) -> type[Driver]:
        """Return the room's own driver, unless TEXTUAL_DRIVER names one."""
        if os.environ.get("TEXTUAL_DRIVER"):
            return super().get_driver_class()
        from cq_tui.room.terminal.driver import RoomDriver

        return RoomDriver

    def repaint(self) -> None:
        """Paint everything, after the terminal has missed some of it."""
        self._painted.forget()
        # The title, too, may have been given back meanwhile.
        self._title = ""
        self.refresh(layout=True)

    def action_redraw(self) -> None:
        """Paint everything, after another program has written over the room."""
        self.repaint()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """List every key of the room in the command palette, every action with its object, and the themes.

        What cannot be done now says why instead of what it does.
        """
        from cq_tui.room.palette_entries import KeyCommand

        if screen is self.room:
            for active in screen.active_bindings.values():
                binding = active.binding
                in_palette = binding.show or binding.action in IN_PALETTE
                if in_palette and (binding.id or "").startswith("room."):
                    refusal = self.room.refusal_of(binding.action)
                    command = KeyCommand(self._run_command, binding.action, refusal)
                    yield SystemCommand(binding.description.capitalize(), refusal or binding.tooltip, command)
            if self.state is not None:
                from cq_tui.room.object_commands import object_commands

                commands = object_commands(
                    self.state, self._controls.refusal, self._request, self.room.show_symbol, self.room.action_pane
                )
                for each in commands:
                    yield SystemCommand(each.title, each.help, each)
        for theme in sorted(self.available_themes, key=lambda name: (not name.startswith("room-"), name)):
            yield SystemCommand(
                f"Theme {theme}", "Show the room in these colors", partial(setattr, self, "theme", theme)
            )
        yield SystemCommand("Write ui.toml", "A file for keys, theme, columns and more", self.write_ui_template)

    def _request(self, action: RoomAction, name: str) -> None:
        """Ask for an action on an object, as its key does."""
        if action in (RoomAction.START, RoomAction.STOP, RoomAction.RESTART):
            refusal = refuse_service_action(action, name, self.state, self._controls.refusal, is_frozen=False)
        else:
            refusal = refuse_action(action, self.state, self._controls.refusal)
        if refusal:
            self._show_toast(refusal, "warning")
        else:
            self.post_message(ActionRequested(action, name))

    def make_state_lines(self) -> "StateLines | None":
        """Return the room's first two lines for a screen that opens over it."""
        return self.room.make_state_lines()

    async def _run_command(self, action: str) -> None:
        if not await self.run_action(action, self.room):
            self.post_message(ActionRefused(action))

    def note_input(self) -> None:
        """Read the newest prices for a person who is there."""
        if self.state is not None:
            self.state.note_person(self._now())
        if self._watcher is not None:
            self._watcher.read_now()

    # -- startup

    def on_mount(self) -> None:
        """Paint first; then read, watch and care for a supervisor."""
        self.call_after_refresh(self._start_watching)

    def _start_watching(self) -> None:
        # Imported after the first paint: the contracts' models take longer to load than the frame to paint.
        from cq_tui.room.drill_runner import DrillRunner
        from cq_tui.room.look_back_runner import LookBackRunner
        from cq_tui.room.state import RoomState
        from cq_tui.room.watcher import Watcher

        resume_collection()
        self.state = RoomState(self.data, self._environment, self._find_holder)
        self.state.supervisor_is_starting = self._supervise
        self.room.attach(self.state)
        self.room.controls = self._controls
        self.room.drills = DrillRunner(self.data, self._controls)
        self.room.look_back = LookBackRunner(self._controls)
        self.set_interval(1.0, self._tell_terminal)
        self._watcher = Watcher(self.state, self._now, self._post_changes, self._watch_failed)
        self.run_worker(self._watcher.run(), name="watch", group="watch", exit_on_error=False)
        for service in SERVICES:
            self.run_worker(self._stack.carry_requests(service), name=service, group="services", exit_on_error=False)
        if self._supervise:
            self._keep_supervisor()
        for notice in filter(None, (self._notice, self.theme_notice, *self.ui.problems, *self._unknown_names())):
            self._show_toast(notice, "warning")
        if self._controls.refusal and not self._controls.was_asked_to_view:
            self._show_alert("view only", Alert("look", self._controls.refusal))

    def _unknown_names(self) -> list[str]:
        """Return what ui.toml names that is not there."""
        keys = [name for name in self.ui.keys if name.startswith("room.") and name not in SECTION_OF]
        unknown = [f"ui.toml: keys.{name} is no key's id. `?` and docs/reference/keys.md list them" for name in keys]
        for pane, names in self.room.unknown_columns.items():
            there = ", ".join(next(one for one in self.room.panes if one.label == pane).table.all_headings)
            unknown.append(f"ui.toml: columns.{pane} has no {', '.join(names)}. It has {there}")
        return unknown

    @on(PinsChanged)
    def _remember_pins(self, event: PinsChanged) -> None:
        self.run_worker(self.remember_pins(event.pins), name="pins", group="theme", exit_on_error=False)

    def _keep_supervisor(self) -> None:
        from cq_tui.room.supervisor_keeper import SupervisorKeeper

        keeper = SupervisorKeeper(self.data, self._show_supervision, self._controls.start_supervisor)
        self._stack.keeper = keeper
        self.run_worker(keeper.run(), name="supervisor", group="services", exit_on_error=False)

    def _show_supervision(self, supervision: "Supervision") -> None:
        if self.state is not None:
            self.state.supervisor_is_starting = supervision.state in ("starting", "died")
            self.state.refresh_lock_holders()
        self.room.show_supervision(supervision.note)
        self._show_alert("supervision", supervision.alert)
        if supervision.toast:
            self._show_toast(supervision.toast, "warning")

    def _tell_terminal(self) -> None:
        """Keep the terminal's title, and tell it of bad news while nobody looks."""
        if self.state is None or self._driver is None or self._driver.is_headless:
            return
        if (title := room_title(self.state, self._now())) != self._title:
            self._title = title
            self._driver.write(title_sequence(title))
        bad = {bad_subject(alert.text): alert.text for alert in self.room.alert_bar.alerts if alert.level == "bad"}
        for subject in self._news.fresh(bad, is_focused=self.app_focus):
            if sequence := notification_sequence(bad[subject], self._terminal):
                self._driver.write(sequence)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an alert for a worker that failed; the rest of the room keeps running."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            if error is not None:
                self.defects.report(error, f"worker {event.worker.name}", fatal=False)
            self._show_alert(
                event.worker.name, Alert("bad", f"{event.worker.name} failed: {type(error).__name__}: {error}")
            )

    # -- painting

    def _display(self, screen: Screen[Any], renderable: "RenderableType | None") -> None:
        """Write only the cells that differ from what the terminal shows."""
        super()._display(screen, self._painted.difference(renderable))

    def on_resize(self) -> None:
        """Know nothing of what a terminal of another size shows."""
        self._painted.forget()

    # -- files

    def _post_changes(self, changes: Changes) -> None:
        self.room.take_changes(changes)

    def _watch_failed(self, reason: str) -> None:
        self._show_alert("watch", Alert("look", reason))

    def _show_alert(self, subject: str, alert: Alert | None) -> None:
        """Show the room's own alert on a subject; None ends it."""
        line = self.room.alert_bar
        if alert is not None:
            line.room_alerts[subject] = alert
        elif line.room_alerts.pop(subject, None) is None:
            return
        line.update_alerts(self.room.now)

    @on(FreezeRequested)
    def _freeze(self, event: FreezeRequested) -> None:
        if self._watcher is not None:
            self._watcher.set_frozen(event.frozen)

    # -- actions on the stack

    @on(ActionRequested)
    def _handle_action(self, event: ActionRequested) -> None:
        from cq_tui.room.actions import RoomActions

        if self.state is None:
            return
        name = f"{event.action} {event.target or ''}".strip()
        if any(worker.name == name and worker.is_running for worker in self.workers):
            return
        state = self.state

        async def perform(show_dialog: ShowDialog) -> None:
            actions = RoomActions(state, self._stack, self._controls, show_dialog, self._show_toast, self.copy_text)
            await actions.perform(event.action, event.target)

        if event.action in ASKING_ACTIONS:
            self.ask(perform, name, "actions")
        else:
            self.run_worker(perform(self.show_dialog), name=name, group="actions", exit_on_error=False)

    @on(DrillRequested)
    def _handle_drill(self, event: DrillRequested) -> None:
        runner = self.room.drills
        if runner is None:
            return
        if event.name is None:
            self.run_worker(runner.stop(), name="end drills", group="drills", exit_on_error=False)
        elif not runner.is_running:
            self.run_worker(self._run_drill(runner, event.name), name="drill", group="drills", exit_on_error=False)

    async def _run_drill(self, runner: "DrillRunner", name: str) -> None:
        try:
            await runner.run(name)
        except (RequestRefused, OSError) as error:
            self._show_toast(f"No drill could be started: {error}", "error")

    # -- copying

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what is selected: Textual's own keys do that."""
        self.copy_text(text, "the selected text")

    @on(CopyRequested)
    def _handle_copy(self, event: CopyRequested) -> None:
        self.copy_text(event.text, event.what, event.before)

    def copy_text(self, text: str, what: str, before: str = "") -> None:
        """Copy a text and say what became of it; ``what`` names it, as in "the proof", ``before`` is said first."""
        from cq_tui.room.copying import as_bytes, clipboard_for, is_sent

        content = as_bytes(text)
        clipboard = clipboard_for(content, self._terminal)
        if is_sent(clipboard):
            super().copy_to_clipboard(content.decode(errors="replace"))
        else:
            self._clipboard = text
        work = self._tell_copy(clipboard, content, what, before)
        self.run_worker(work, name="copy", group="copy", exit_on_error=False)

    async def _tell_copy(self, clipboard: "Clipboard", content: bytes, what: str, before: str) -> None:
        from cq_tui.room.copying import describe_copy, needs_file

        place = await self._place_of_copy(content) if needs_file(clipboard) else ""
        self._show_toast(f"{before} {describe_copy(clipboard, what, place)}".strip(), "information")

    async def _place_of_copy(self, content: bytes) -> str:
        text = f"The text: {sanitize(content.decode(errors='replace'), 400)}"
        try:
            await self._controls.keep_copy(content)
        except OSError as error:
            return f"run/copied.txt cannot be written ({error.strerror}). {text}"
        except RequestRefused:
            return text
        return "The text is in run/copied.txt in the data directory."

    def _show_toast(self, text: str, severity: "SeverityLevel") -> None:
        self.notify(sanitize(text, 2000), severity=severity, timeout=8, markup=False)

    @on(ActionRefused)
    def _explain_refusal(self, event: ActionRefused) -> None:
        """Show why an action cannot be done now, once while the toast is up."""
        screen = self.screen
        reason = screen.refusal_of(event.action) if isinstance(screen, RefusingScreen) else None
        if reason and all(toast.message != reason for toast in self._notifications):
            self._show_toast(reason, "warning")

    def on_key(self, event: events.Key) -> None:
        """Say why a key that reached nobody does nothing."""
        bindings = self.screen.active_bindings
        active = bindings.get(event.key)
        if active is not None:
            is_acting = active.binding.show or active.binding.action.startswith(("perform", "on_symbol"))
            if not active.enabled and is_acting:
                self.post_message(ActionRefused(active.binding.action))
        elif (hint := layout_hint(event.character, bindings)) and self.clock() >= self._next_hint:
            self._next_hint = self.clock() + HINT_INTERVAL
            self._show_toast(hint, "warning")

    # -- quitting

    @on(QuitRequested)
    def _handle_quit(self) -> None:
        if not any(worker.name == "leave" and worker.is_running for worker in self.workers):
            self.ask(self._confirm_quit, "leave", "leave")

    async def _confirm_quit(self, show_dialog: ShowDialog) -> None:
        drills = self.room.drills
        is_drilling = drills is not None and drills.is_running
        answer = await show_dialog(_quit_dialog(self.state, self._controls, is_drilling=is_drilling))
        if answer == "leave":
            self.exit(0)
        elif answer == "stop":
            await self._stop_all_and_quit()

    async def _stop_all_and_quit(self) -> None:
        self._show_toast("Stopping trader, ares, feeder, memory and exchange…", "information")
        try:
            await self._stack.stop_all()
        except (RequestRefused, OSError) as error:
            self._show_toast(str(error), "error")
            return
        self.exit(0)

    async def action_quit(self) -> None:
        """Ask how to quit, whichever way it was requested."""
        self._handle_quit()


#: Positions named in a question at most.
_MOST_NAMED = 12


def _quit_dialog(state: "RoomState | None", controls: Controls, *, is_drilling: bool) -> Dialog:
    answers = [DialogAnswer("stay", "stay", "n"), DialogAnswer("leave", "leave", "d")]
    reasons = [
        "Leave: only this room closes. The services keep running, and what crashes is restarted; reopen with `cq-tui`."
    ]
    if controls.refusal is None:
        answers.append(DialogAnswer("stop", "stop all", "a", danger=True))
        reasons.append("Stop all: the services stop. Protective orders stay at the exchange.")
    if is_drilling:
        reasons.append("Either way, the drills that run end with this room.")
    account = state.account if state else None
    if state is not None and account is not None and account.positions:
        from cq_tui.ops.closings import stays_open

        reasons.append(f"You have {pluralize(len(account.positions), 'open position')}.")
        lines = stays_open(account, state.exchange_now(time.time()))
        reasons += [f"· {line}" for line in lines[:_MOST_NAMED]]
        if len(lines) > _MOST_NAMED:
            reasons.append(f"and {len(lines) - _MOST_NAMED} more")
    return Dialog("Quit cq-tui?", reasons, answers, state.mode.mode if state else None)

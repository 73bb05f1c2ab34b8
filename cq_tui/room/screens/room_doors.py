"""The room's keys that open another screen: logs, settings, trades, balances, proof, help and the like."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import sanitize
from cq_tui.room.messages import CopyRequested
from cq_tui.room.screens.refusing import RefusingScreen

if TYPE_CHECKING:
    from cq_tui.room.controls import Controls
    from cq_tui.room.drill_runner import DrillRunner
    from cq_tui.room.look_back_runner import LookBackRunner
    from cq_tui.room.panes.pane import Pane
    from cq_tui.room.state import RoomState


class RoomDoors(RefusingScreen[None]):
    """What they need of the room stands in its screen."""

    state: "RoomState"
    panes: "Sequence[Pane]"
    active: "Pane"
    #: Why nothing may be changed from this room; None if it may act.
    view_only: str | None
    is_inspecting: bool
    #: Reads the books; set after the first paint, like the next two.
    controls: "Controls | None" = None
    drills: "DrillRunner | None" = None
    look_back: "LookBackRunner | None" = None

    @property
    def now(self) -> float:
        """The displayed time."""
        raise NotImplementedError

    @property
    def selected_service(self) -> str:
        """The service that is selected in the first pane."""
        raise NotImplementedError

    def action_proof(self) -> None:
        """Show the newest event about the selected row, its block and its proof."""
        from cq_tui.room.details import trade_of
        from cq_tui.room.life import events_of
        from cq_tui.room.screens.history import HistoryScreen

        row, subject = self.active.table.selected, self.active.subject
        event_id = row if subject == "event" else None
        if row is not None and subject in ("signal", "order"):
            key, order = trade_of(self.state, subject, row)
            events = events_of(self.state.event_tail.events, natural_key=key, client_order_id=order)
            event_id = events[-1].event_id if events else None
        if event_id is None:
            self.notify("No event that this room has read tells of this row", markup=False)
        else:
            self.app.push_screen(HistoryScreen(self.state, event_id))

    def action_logs(self) -> None:
        """Open the log of the selected service or the active pane's; of an inspected trade, the lines that name it."""
        from cq_tui.room.screens.logs import Logs

        owner = {
            "feeder": "feeder", "chart": "feeder", "signals": "ares", "orders": "trader", "positions": "trader",
            "quarantine": "trader", "memory": "memory",
        }  # fmt: skip
        chosen = self.selected_service if self.active is self.panes[0] else owner[self.active.label]
        services, row = (*self.state.required_services(), "supervisor"), self.active.table.selected
        if self.is_inspecting and row is not None and self.active.subject in ("signal", "order"):
            self.app.push_screen(Logs(self.state.data, services, None, self.active.id_of(row)))
        else:
            self.app.push_screen(Logs(self.state.data, services, chosen))

    def action_drills(self) -> None:
        """Open the list of drills."""
        from cq_tui.room.screens.drills import DrillsScreen

        if self.drills is not None:
            self.app.push_screen(DrillsScreen(self.drills, self.view_only))

    def action_look_back(self) -> None:
        """Open the screen for looking back."""
        from cq_tui.room.screens.lookback import LookBackScreen

        if self.look_back is not None:
            self.app.push_screen(LookBackScreen(self.look_back, self.state))

    def action_why_not(self) -> None:
        """Show why there was no trade."""
        from cq_tui.room.screens.why_not import WhyNot

        self.app.push_screen(WhyNot(self.state, self.panes[1].table.selected, lambda: self.now))

    def action_balances(self) -> None:
        """Show the account's balances."""
        from cq_tui.room.screens.balances import BalancesScreen

        self.app.push_screen(BalancesScreen(self.state, lambda: self.now))

    def action_settings(self) -> None:
        """Show the settings."""
        from cq_tui.room.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen(self.state, self.view_only))

    def action_trades(self) -> None:
        """Show the trades of a day."""
        from cq_tui.room.screens.trades import TradesScreen

        if self.controls is not None:
            self.app.push_screen(TradesScreen(self.controls, lambda: self.now))

    def action_help(self) -> None:
        """Show keys and icons."""
        from cq_tui.room.screens.help import Help

        self.app.push_screen(Help(self))

    def action_copy(self, whole: int) -> None:
        """Copy the id of the selected row, or all of it."""
        row = self.active.table.selected
        if row is None:
            self.notify("Select a row first", markup=False)
            return
        if whole:
            from cq_tui.room.detail_content import as_text
            from cq_tui.room.details import describe

            text = as_text(describe(self.state, self.active.subject, row, self.now))
            self.post_message(CopyRequested(text, f"all of {self.active.subject} {sanitize(row, 40)}"))
        else:
            copied = self.active.id_of(row)
            self.post_message(CopyRequested(copied, sanitize(copied, 60)))

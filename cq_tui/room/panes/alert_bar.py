"""The alert bar: one line under the status bar for what no pane shows; the whole screen if nothing else fits."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import GLYPHS, Alert, sanitize
from cq_tui.room.themes import LEVEL_COLORS

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState


class AlertBar(Widget):
    """Hidden while there are no alerts, unless it fills the screen."""

    def __init__(self) -> None:
        super().__init__()
        self._state: RoomState | None = None
        #: The room's own alerts, by subject: a read-only directory, a watch that failed.
        self.room_alerts: dict[str, Alert] = {}
        self.fills_screen = False
        self._alerts: list[Alert] = []

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self._state = state

    def update_alerts(self, now: float) -> None:
        """Show the current alerts."""
        alerts = [*self.room_alerts.values(), *self._collect_alerts(now)]
        if self.fills_screen and not alerts:
            alerts = [Alert("good", "no problems")]
        if alerts != self._alerts:
            self._alerts = alerts
            self.display = bool(alerts)
            self.refresh(layout=not self.fills_screen)

    def _collect_alerts(self, now: float) -> list[Alert]:
        from cq_tui.room.alerts import all_alerts, room_alerts

        if self._state is None:
            return []
        return all_alerts(self._state, now) if self.fills_screen else room_alerts(self._state, now)

    def render(self) -> Content:
        """Return the alerts, worst first."""
        if self.fills_screen or len(self._alerts) < 2:
            return Content("\n").join([_line(item) for item in self._alerts])
        more = Content.styled(f"  and {len(self._alerts) - 1} more", "$muted")
        return Content.assemble(_line(self._alerts[0]), more)


def _line(item: Alert) -> Content:
    return Content.styled(f"{GLYPHS[item.level]} {sanitize(item.text)}", LEVEL_COLORS[item.level])

"""The third line: what now. The worst news, or the last thing that mattered; the whole screen if nothing else fits."""

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from cq_tui.ops.formatting import GLYPHS, Alert, pluralize, sanitize
from cq_tui.room.themes import LEVEL_COLORS

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: Bad news may take a second line; nothing else moves the panes.
_MOST_LINES = 2


class AlertBar(Widget):
    """Always there. ``fills_screen``: the terminal is too small for panes, so that all alerts take their place."""

    def __init__(self) -> None:
        super().__init__()
        self._state: RoomState | None = None
        #: The room's own alerts, by subject: a read-only directory, a watch that failed.
        self.room_alerts: dict[str, Alert] = {}
        self.fills_screen = False
        self._alerts: list[Alert] = []
        self._last_word = ""
        self._lines = 1

    def attach(self, state: "RoomState") -> None:
        """Show this read model from now on."""
        self._state = state

    @property
    def alerts(self) -> "tuple[Alert, ...]":
        """The current alerts, worst first."""
        return tuple(self._alerts)

    def update_alerts(self, now: float) -> None:
        """Show the current alerts, or else the last word."""
        alerts, word = [*self.room_alerts.values(), *self._collect_alerts(now)], ""
        if not alerts:
            if self.fills_screen:
                alerts = [Alert("good", "no problems")]
            elif self._state is not None and self._state.is_loaded:
                from cq_tui.room.last_word import last_word, since_person

                word = "   ".join(filter(None, (last_word(self._state, now), since_person(self._state, now))))
        if (alerts, word) != (self._alerts, self._last_word):
            self._alerts, self._last_word = alerts, word
            lines = self._wanted_lines()
            self.refresh(layout=lines != self._lines and not self.fills_screen)
            self._lines = lines

    def _collect_alerts(self, now: float) -> list[Alert]:
        from cq_tui.room.alerts import all_alerts, room_alerts

        if self._state is None:
            return []
        urgent = [] if self.fills_screen else room_alerts(self._state, now)
        return [*urgent, *(alert for alert in all_alerts(self._state, now) if alert not in urgent)]

    def _wanted_lines(self) -> int:
        if not self._alerts or self._alerts[0].level != "bad" or not self.size.width:
            return 1
        return min(_MOST_LINES, -(-self._text().cell_length // self.size.width))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Return one line, or two for bad news that needs them."""
        return self._wanted_lines()

    def render(self) -> Content:
        """Return the alerts, worst first."""
        if self.fills_screen:
            return Content("\n").join([_line(item) for item in self._alerts])
        return self._text()

    def _text(self) -> Content:
        if not self._alerts:
            return Content.styled(self._last_word, "$muted")
        more = len(self._alerts) - 1
        return Content.assemble(
            _line(self._alerts[0]), (f"  and {pluralize(more, 'more alert')}" if more else "", "$muted")
        )


def _line(item: Alert) -> Content:
    return Content.styled(f"{GLYPHS[item.level]} {sanitize(item.text)}", LEVEL_COLORS[item.level])

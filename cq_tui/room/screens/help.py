"""The help screen: keys and icons, generated from the current bindings, so remapped keys show as they are."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from cq_tui.room.screens.own_screen import OwnModal

_GLYPH_MEANINGS = (
    ("●", "$success", "ok"),
    ("▲", "$warning", "needs attention: starting, restarting, degraded, blocked"),
    ("✖", "$error", "problem: hung, stale, gave up, error, not intact, unreadable"),
    ("○", "$muted", "not running: stopped, or not started yet"),
)


class Help(OwnModal[None]):
    """Shows every binding of the screen that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", id="help.close", tooltip="Back to the room")
    ]

    def __init__(self, room: Screen[None]) -> None:
        super().__init__(classes="help")
        # Read now: once this screen is open, the active bindings are its own.
        self._lines = [*_key_lines(room), Content(""), *_glyph_lines()]

    def compose(self) -> ComposeResult:
        """Yield a scrolling box of lines."""
        with VerticalScroll(id="box") as box:
            box.border_title = Content.assemble(("keys and icons", "bold"))
            yield Static(Content("\n").join(self._lines))

    def action_close(self) -> None:
        """Close the help."""
        self.close()


def _key_lines(room: Screen[None]) -> list[Content]:
    keys: dict[str, list[str]] = {}
    idle: set[str] = set()
    bindings = sorted(room.active_bindings.values(), key=lambda key: not (key.binding.id or "").startswith("room."))
    for _, binding, enabled, tooltip in bindings:
        if tooltip and (binding.id or binding.action == "command_palette"):
            keys.setdefault(tooltip, []).append(room.app.get_key_display(binding))
            if not enabled:
                idle.add(tooltip)
    return [
        Content.assemble(
            (f"{' '.join(dict.fromkeys(shown)):>15}  ", "$rule" if tooltip in idle else "bold $accent"),
            (tooltip, "$muted" if tooltip in idle else ""),
        )
        for tooltip, shown in keys.items()
    ]


def _glyph_lines() -> list[Content]:
    return [Content.assemble((f"{glyph:>15}  ", color), words) for glyph, color, words in _GLYPH_MEANINGS]

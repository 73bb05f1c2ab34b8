"""Keys and signs, written from the bindings themselves, so that remapped keys show as they are."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

_GLYPH_MEANINGS = (
    ("●", "$success", "good"),
    ("▲", "$warning", "look at it: slow, blocked, starting"),
    ("✖", "$error", "bad: stale, error, not intact, not readable"),
    ("○", "$muted", "not running, on purpose or not yet"),
)


class Help(ModalScreen[None]):
    """Shows every binding of the room that was open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", id="help.close", tooltip="Back to the room")
    ]

    def __init__(self, room: Screen[None]) -> None:
        super().__init__(classes="help")
        # Read before this screen covers the room: its own bindings are of no interest.
        self._lines = [*_key_lines(room), Content(""), *_glyph_lines()]

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with VerticalScroll(id="box") as box:
            box.border_title = Content.assemble(("keys and signs", "bold"))
            yield Static(Content("\n").join(self._lines))

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)


def _key_lines(room: Screen[None]) -> list[Content]:
    keys: dict[str, list[str]] = {}
    bindings = [active.binding for active in room.active_bindings.values()]
    for binding in sorted(bindings, key=lambda binding: not (binding.id or "").startswith("room.")):
        if binding.tooltip and binding.id:
            keys.setdefault(binding.tooltip, []).append(room.app.get_key_display(binding))
    return [
        Content.assemble((f"{' '.join(dict.fromkeys(shown)):>13}  ", "bold $accent"), tooltip)
        for tooltip, shown in keys.items()
    ]


def _glyph_lines() -> list[Content]:
    return [Content.assemble((f"{glyph:>13}  ", colour), words) for glyph, colour, words in _GLYPH_MEANINGS]

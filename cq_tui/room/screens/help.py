"""The help screen: keys and icons, generated from the current bindings, so remapped keys show as they are."""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from cq_tui.room.keys import SECTION_OF, SECTIONS
from cq_tui.room.screens.own_screen import OwnModal

#: Columns of the keys, and of two lists side by side.
_KEYS = 13
_TWO_FROM = 130
#: Under which bindings of lists and of Textual itself stand.
_LISTS, _OTHERS = "in lists", "room"
_GLYPH_MEANINGS = (
    ("●", "$success", "ok"),
    ("▲", "$warning", "needs attention: starting, restarting, degraded, blocked"),
    ("✖", "$error", "problem: hung, stale, gave up, error, not intact, unreadable"),
    ("○", "$muted", "not running; or a signal that was not traded, by rule"),
)


class _Entry(NamedTuple):
    keys: tuple[str, ...]
    tooltip: str
    is_idle: bool


class Help(OwnModal[None]):
    """Shows every binding of the screen that opened it, by what it is for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "close", "close", id="help.close", tooltip="Back to the room")
    ]

    def __init__(self, room: Screen[None]) -> None:
        super().__init__(classes="help")
        # Read now: once this screen is open, the active bindings are its own.
        self._sections = [*_sections_of(room), _glyph_lines()]
        self._columns = (Static(), Static())

    @property
    def lines(self) -> list[Content]:
        """Every line, in one column."""
        return [line for section in self._sections for line in [*section, Content("")]]

    def compose(self) -> ComposeResult:
        """Yield a scrolling box of one or two columns."""
        with VerticalScroll(id="box") as box:
            box.border_title = Content.assemble(("keys and icons", "bold"))
            box.border_subtitle = Content.assemble(("esc", "$accent"), " back")
            with Horizontal():
                yield from self._columns

    def on_mount(self) -> None:
        """Lay the sections out."""
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the sections out for the new width."""
        self._lay_out()

    def _lay_out(self) -> None:
        is_wide = self.app.size.width >= _TWO_FROM
        self.set_class(is_wide, "-broad")
        half = len(self.lines) / 2
        columns: tuple[list[Content], list[Content]] = ([], [])
        for section in self._sections:
            at = int(is_wide and len(columns[0]) + len(section) / 2 > half)
            columns[at].extend([*section, Content("")])
        for widget, lines in zip(self._columns, columns, strict=True):
            widget.update(Content("\n").join(lines))

    def action_close(self) -> None:
        """Close the help."""
        self.close()


def _sections_of(room: Screen[None]) -> Iterator[list[Content]]:
    named: dict[str, dict[str, _Entry]] = {name: {} for name in (*SECTIONS, _LISTS)}
    for _, binding, enabled, tooltip in room.active_bindings.values():
        if not tooltip or not (binding.id or binding.action == "command_palette"):
            continue
        is_listed = (binding.id or "").startswith("list.")
        entries = named[_LISTS if is_listed else SECTION_OF.get(binding.id or "", _OTHERS)]
        before = entries.get(tooltip, _Entry((), tooltip, is_idle=False))
        keys = (*before.keys, room.app.get_key_display(binding))
        entries[tooltip] = _Entry(tuple(dict.fromkeys(keys)), tooltip, before.is_idle or not enabled)
    for name, entries in named.items():
        if entries:
            yield [Content.styled(SECTIONS.get(name, name), "bold"), *map(_line, entries.values())]


def _line(entry: _Entry) -> Content:
    is_row = len(entry.keys) > 2 and all(key.isdigit() for key in entry.keys)
    keys = f"{entry.keys[0]} … {entry.keys[-1]}" if is_row else " ".join(entry.keys)
    return Content.assemble(
        (f"{keys:>{_KEYS}}  ", "$rule" if entry.is_idle else "bold $accent"),
        (entry.tooltip, "$rule" if entry.is_idle else ""),
    )


def _glyph_lines() -> list[Content]:
    lines = [Content.assemble((f"{glyph:>{_KEYS}}  ", color), words) for glyph, color, words in _GLYPH_MEANINGS]
    return [Content.styled("icons", "bold"), *lines]

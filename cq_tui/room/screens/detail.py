"""The details of one row, field by field; updated while open."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cq_tui.room.details import DetailContent
from cq_tui.room.messages import CopyRequested
from cq_tui.room.screens.own_screen import OwnModal
from cq_tui.room.wrapping import wrap_text

_LABEL_WIDTH = 22


class Detail(OwnModal[None]):
    """Shows what ``describe`` returns, refreshed every second."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "close", id="detail.close", tooltip="Back to the room"),
        Binding("c", "copy", "copy", id="detail.copy", tooltip="Copy all fields"),
    ]

    def __init__(self, describe: Callable[[], DetailContent]) -> None:
        super().__init__()
        self._describe = describe
        self._shown: DetailContent | None = None
        #: For which width it was laid out.
        self._width = 0
        self._fields = Static(id="fields", markup=False)
        self._box = VerticalScroll(self._fields, id="box")

    def compose(self) -> ComposeResult:
        """Yield a scrolling box of fields."""
        yield self._box

    def on_mount(self) -> None:
        """Show the fields and refresh them every second."""
        self._refresh_fields()
        self.call_after_refresh(self._refresh_fields)
        self.set_interval(1.0, self._refresh_fields)
        self._box.border_subtitle = Content.assemble(("c", "$accent"), " copy  ", ("esc", "$accent"), " back")

    def on_resize(self) -> None:
        """Lay the fields out for the new width."""
        self.call_after_refresh(self._refresh_fields)

    def _refresh_fields(self) -> None:
        described, width = self._describe(), self._fields.content_size.width
        if (described, width) == (self._shown, self._width):
            return
        self._shown, self._width = described, width
        self._box.border_title = Content.assemble((described.title, "bold"))
        lines = [line for name, value in described.fields for line in _field_lines(name, value, width)]
        self._fields.update(Content("\n").join(lines))

    def action_copy(self) -> None:
        """Copy the fields as text."""
        if self._shown is not None:
            lines = [self._shown.title, *(f"{name}: {value}" if name else value for name, value in self._shown.fields)]
            self.post_message(CopyRequested("\n".join(lines), "all fields"))

    def action_close(self) -> None:
        """Close the details."""
        self.close()


def _field_lines(name: str, value: str, width: int) -> list[Content]:
    """Lay out a name and its value, which is wrapped under itself. Width 0: not known yet."""
    label = f"{name:<{_LABEL_WIDTH - 1}} " if name else ""
    if not name or not width:
        return [Content.assemble((label, "$muted"), value)]
    start, *rest = wrap_text(value, width - len(label))
    return [Content.assemble((label, "$muted"), start), *(Content(" " * len(label) + line) for line in rest)]

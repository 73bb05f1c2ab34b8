"""The details of one row, field by field, on the whole screen; updated while open."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from cq_tui.room.detail_content import DetailContent, as_text
from cq_tui.room.messages import CopyRequested
from cq_tui.room.screens.own_screen import OwnModal
from cq_tui.room.widgets.field_sheet import FieldSheet


class Detail(OwnModal[None]):
    """Shows what ``describe`` returns, refreshed every second."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "close", id="detail.close", tooltip="Back to the room"),
        Binding("y", "copy_id", "copy id", id="detail.copy_id", tooltip="Copy the id"),
        Binding("Y,c", "copy", "copy all", id="detail.copy", tooltip="Copy all fields"),
    ]

    def __init__(self, describe: Callable[[], DetailContent], row_id: str = "") -> None:
        """``row_id`` is what ``y`` copies; without one, it copies all."""
        super().__init__()
        self._describe = describe
        self._row_id = row_id
        self._sheet = FieldSheet()
        self._box = VerticalScroll(self._sheet, id="box")

    def compose(self) -> ComposeResult:
        """Yield a scrolling box of fields."""
        yield self._box

    def on_mount(self) -> None:
        """Show the fields and refresh them every second."""
        self._refresh_fields()
        self.set_interval(1.0, self._refresh_fields)
        keys = (("y", "copy id"), ("Y", "copy all"), ("esc", "back"))
        parts = [Content.assemble((key, "$accent"), f" {what}") for key, what in keys]
        self._box.border_subtitle = Content("  ").join(parts)

    def _refresh_fields(self) -> None:
        described = self._describe()
        self._box.border_title = Content.assemble((described.title, "bold"))
        self._sheet.show(described)

    def action_copy_id(self) -> None:
        """Copy the row's id."""
        if self._row_id:
            self.post_message(CopyRequested(self._row_id, self._row_id[:60]))
        else:
            self.action_copy()

    def action_copy(self) -> None:
        """Copy the fields as text."""
        self.post_message(CopyRequested(as_text(self._describe()), "all fields"))

    def action_close(self) -> None:
        """Close the details."""
        self.close()

"""The inspector: the details of the selected row beside the lists, where the terminal is wide enough."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from cq_tui.room.detail_content import DetailContent
from cq_tui.room.widgets.field_sheet import FieldSheet

_KEYS = (("enter", "all of it"), ("y", "id"), ("v", "proof"), ("l", "log"), ("esc", "close"))


class Inspector(VerticalScroll, can_focus=False):
    """Follows the selection; takes no keys itself."""

    def __init__(self) -> None:
        super().__init__(id="inspector")
        self._sheet = FieldSheet()

    def compose(self) -> ComposeResult:
        """Yield the fields."""
        yield self._sheet

    def on_mount(self) -> None:
        """Name the keys."""
        parts = [
            (text, style) for key, what in _KEYS for text, style in ((f" {key}", "$accent"), (f" {what} ", "$muted"))
        ]
        self.border_subtitle = Content.assemble(*parts)

    def show(self, content: DetailContent) -> None:
        """Show the details of a row."""
        self.border_title = Content.assemble((content.title, "bold"))
        self._sheet.show(content)

"""The details of a row as lines: names in one column, values wrapped under themselves."""

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from cq_tui.room.detail_content import DetailContent
from cq_tui.room.wrapping import wrap_text

#: The widest column of names, and that of a narrow sheet.
_NAMES, _NARROW_NAMES = 22, 16
_NARROW = 60


class FieldSheet(Widget):
    """As high as its lines are in the width that it has."""

    def __init__(self) -> None:
        super().__init__()
        self._content = DetailContent("", [])

    def show(self, content: DetailContent) -> None:
        """Show these details."""
        if content != self._content:
            self._content = content
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self._lines(width))

    def render(self) -> Content:
        """Return the lines."""
        return Content("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Content]:
        return [line for name, value in self._content.fields for line in _field_lines(name, value, max(1, width))]


def _field_lines(name: str, value: str, width: int) -> list[Content]:
    """Lay out a name and its value."""
    if not name:
        return [Content(line) for line in wrap_text(value, width)]
    names = _NAMES if width >= _NARROW else _NARROW_NAMES
    label = f"{name:<{names - 1}} "
    start, *rest = wrap_text(value, width - len(label))
    return [Content.assemble((label, "$muted"), start), *(Content(" " * len(label) + line) for line in rest)]
